"""Where the regions of a system stand along the layers of a network, by the RDMs of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.similarity.compare_rdms import compare_rdms
from multiunit.similarity.intersubject_rsa import region_rdms
from multiunit.similarity.partial_rsa import partial_rsa
from multiunit.similarity.rdm import Distance, rdm


@method(kind="matching", source="arXiv:2507.13941")
def rsa_hierarchy(
    recording: Recording,
    layers: Mapping[str, Any],
    *,
    regions: str = "site",
    distance: Distance = "correlation",
    by: Literal["pearson", "spearman"] = "pearson",
    nuisance: Any = None,
) -> xr.Dataset:
    """Compare each region with each layer, and tell the layer that each region is most like.

    similarity[region, layer] = corr(RDM of region, RDM of layer), or, with nuisance RDMs, what `partial_rsa` leaves of
    it; preferred layer = argmax; depth = its place, the first layer at 0 and the last at 1.

    Args:
        recording: `(presentation, unit)`.
        layers: name -> `(presentation, feature)`, from shallow to deep, for the same presentations in the same order.
        regions: the column of units that names the region.
        distance: of `rdm`, for regions and layers.
        by: Pearson or Spearman.
        nuisance: as in `partial_rsa`: RDMs, such as of low-level statistics of the images or of another model.

    Returns:
        `similarity(region, layer)`, `preferred_layer(region)`, `depth(region)`.

    Raises:
        InputError: for fewer than two layers, layers of other presentations, or what `rdm`, `compare_rdms` and
            `partial_rsa` refuse.

    Source: Marcos-Manchon & Fuentemilla 2025, arXiv:2507.13941.

    >>> rng = np.random.default_rng(0)
    >>> shallow, deep = rng.normal(size=(2, 30, 20))
    >>> units = {"site": ["V1"] * 20 + ["IT"] * 20}
    >>> brain = Recording.from_activity(np.hstack([shallow, deep]) + rng.normal(size=(30, 40)), units=units)
    >>> found = rsa_hierarchy(brain, {"first": shallow, "middle": shallow + deep, "last": deep})
    >>> found["preferred_layer"].values.tolist(), found["depth"].values.tolist()
    (['first', 'last'], [0.0, 1.0])
    """
    if len(layers) < 2:
        raise InputError("layers", list(layers), "needs two layers or more, from shallow to deep")
    for name, features in layers.items():
        if np.shape(features)[:1] != (recording.n_presentations,):
            raise InputError("layers", (name, np.shape(features)), f"needs {recording.n_presentations} presentations")
    names, rdms = region_rdms(recording, regions=regions, distance=distance)
    similarity = np.empty((len(names), len(layers)))
    for column, features in enumerate(layers.values()):
        theirs = rdm(features, distance=distance)
        for row, ours in enumerate(rdms):
            if nuisance is None:
                similarity[row, column] = compare_rdms(ours, theirs, by=by)
            else:
                similarity[row, column] = partial_rsa(ours, theirs, nuisance=nuisance, by=by)
    best = similarity.argmax(axis=1)
    labels = np.array(list(layers), dtype=object)
    return xr.Dataset(
        {
            "similarity": (("region", "layer"), similarity),
            "preferred_layer": ("region", labels[best]),
            "depth": ("region", best / (len(layers) - 1)),
        },
        coords={"region": np.array(names, dtype=object), "layer": labels},
    )
