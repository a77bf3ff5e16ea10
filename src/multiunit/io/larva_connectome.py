"""Neurons and synapses of the brain of a fly's larva."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from multiunit.core.errors import InputError


def read_larva_connectome(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the edge list and the annotations of Winding et al.

    Args:
        folder: holds `G_edgelist.txt.gz` (pre, post, synapses) and `meta_data.csv.gz` (one row a neuron).

    Returns:
        neurons: `label` (the skeleton's number as text), then all annotations; those with an edge but without
        annotations have empty ones. edges: `pre`, `post` (labels), `weight` (synapses), `kind` ("chemical").

    Raises:
        InputError: if a file is missing or no such table.

    Source: Winding et al. 2023, doi:10.1126/science.add9330.
    """
    folder = Path(folder)
    try:
        edges = pd.read_csv(
            folder / "G_edgelist.txt.gz", sep=" ", names=["pre", "post", "weight"], dtype={"pre": str, "post": str}
        )
        notes = pd.read_csv(folder / "meta_data.csv.gz", index_col=0, low_memory=False)
        edges["weight"] = edges["weight"].astype(float)
    except (OSError, ValueError) as error:
        raise InputError("folder", str(folder), f"needs G_edgelist.txt.gz and meta_data.csv.gz ({error})") from error
    if edges[["pre", "post", "weight"]].isna().any(axis=None):
        raise InputError("folder", folder.name, "its edge list has rows without pre, post and a number of synapses")
    notes.index = notes.index.astype(str)
    labels = [*notes.index, *sorted(({*edges["pre"], *edges["post"]} - {*notes.index}), key=int)]
    neurons = notes.reindex(labels).rename_axis("label").reset_index()
    return neurons, edges.assign(kind="chemical")
