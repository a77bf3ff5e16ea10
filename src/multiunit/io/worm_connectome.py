"""Synapses of the worm, by the names of the neurons."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from multiunit.core.errors import InputError

_KINDS = {0: "chemical", 2: "gap"}


def read_worm_connectome(path: str | Path) -> pd.DataFrame:
    """Read an edge list of NemaNode: JSON objects with `pre`, `post`, `typ` (0 chemical, 2 gap junction) and `syn`.

    Args:
        path: the JSON file; `syn` lists the sizes or numbers of the synapses of an edge, one entry a reconstruction.

    Returns:
        One row an edge: `pre`, `post`, `weight` (the mean of `syn`), `kind` ("chemical" or "gap"). Gap junctions are
        mutual but listed as the source lists them.

    Raises:
        InputError: if the file is no such list.

    Source: White et al. 1986; Cook et al. 2019; Witvliet et al. 2021, as edited at nemanode.org.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "edges.json"
    >>> _ = file.write_text('[{"pre": "AVAL", "post": "AVAR", "typ": 2, "syn": [3, 5]}]')
    >>> read_worm_connectome(file).values.tolist()
    [['AVAL', 'AVAR', 4.0, 'gap']]
    """
    path = Path(path)
    try:
        edges = json.loads(path.read_text(encoding="utf-8"))
        rows = [(str(e["pre"]), str(e["post"]), float(sum(e["syn"])) / len(e["syn"]), _KINDS[e["typ"]]) for e in edges]
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise InputError(
            "path", path.name, f"is no JSON list of edges with pre, post, typ 0 or 2, and syn ({error!r})"
        ) from error
    return pd.DataFrame(rows, columns=["pre", "post", "weight", "kind"])
