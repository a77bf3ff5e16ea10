"""Cells and synapses of the fly's optic lobe: 65 types, laid out over a patch of hexagonal columns."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from multiunit.core.errors import InputError


def read_fly_optic_lobe(path: str | Path, *, extent: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay out the type-to-type connectome of Lappalainen et al. over hexagonal columns.

    A column is (u, v) with |u|, |v| and |u + v| at most `extent`. Every type has a cell in each column, or in each
    third and second one (pattern `stride`). An entry [[du, dv], n] of an edge are n synapses from the source's cell at
    (u, v) onto the target's cell at (u + du, v + dv). Columns outside the patch are left out; so are the single
    synapses that the authors' software fills in between measured offsets.

    Args:
        path: the JSON file of the authors' `flyvis`.
        extent: columns from the centre to the rim; 15 are 721 columns, as in the paper.

    Returns:
        cells: `label` ("T4a(0,-1)"), `type`, `u`, `v`; edges: `pre`, `post` (labels), `weight` (synapses times the
        sign of the source's transmitter), `kind` ("chemical").

    Raises:
        InputError: if the file is no such connectome, or for a negative extent.

    Source: Lappalainen et al. 2024, doi:10.1038/s41586-024-07939-3; the meaning of offsets from their code.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "lobe.json"
    >>> _ = file.write_text('{"nodes": [{"name": "L1", "pattern": ["stride", [1, 1]]}], "edges": '
    ...                     '[{"src": "L1", "tar": "L1", "offsets": [[[1, 0], 2]], "alpha": -1}]}')
    >>> cells, edges = read_fly_optic_lobe(file, extent=1)
    >>> len(cells), edges.head(1).values.tolist()
    (7, [['L1(-1,0)', 'L1(0,0)', -2.0, 'chemical']])
    """
    if extent < 0:
        raise InputError("extent", extent, "columns from the centre to the rim, not negative")
    path = Path(path)
    columns = [(u, v) for u in range(-extent, extent + 1) for v in range(-extent, extent + 1) if abs(u + v) <= extent]
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        strides = {str(node["name"]): [int(n) for n in node["pattern"][1]] for node in found["nodes"]}
        cells = [
            (f"{name}({u},{v})", name, u, v)
            for name, (du, dv) in strides.items()
            for u, v in columns
            if u % du == 0 and v % dv == 0
        ]
        there = {label for label, *_ in cells}
        edges = [
            (f"{e['src']}({u},{v})", f"{e['tar']}({u + du},{v + dv})", float(e["alpha"]) * float(n), "chemical")
            for e in found["edges"]
            for (du, dv), n in e["offsets"]
            for u, v in columns
        ]
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise InputError("path", path.name, f"is no optic lobe with nodes and edges ({error!r})") from error
    kept = [edge for edge in edges if edge[0] in there and edge[1] in there]
    return (
        pd.DataFrame(cells, columns=["label", "type", "u", "v"]),
        pd.DataFrame(kept, columns=["pre", "post", "weight", "kind"]),
    )
