"""Where in its strongest images a unit is active: the regions that a description has to fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.edit import Replace
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.statistics.histogram import Histogram
from multiunit.statistics.top_presentations import TopPresentations

if TYPE_CHECKING:
    from multiunit.systems.torch_system import TorchSystem


def activation_maps(system: TorchSystem, stimuli: Any, *, site: str) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
    """Yield activity before it is pooled over space, batch by batch.

    Args:
        system: a network over images.
        stimuli: as `stream` takes them.
        site: one whose activity has rows and columns, such as a convolution.

    Yields:
        Rows of the stimuli `(image,)` and activity `(image, row, column, unit)`, on the module's device.

    Raises:
        InputError: for a site without a map.
    """
    seen: list[torch.Tensor] = []

    def look(activity: torch.Tensor) -> torch.Tensor:
        seen.append(activity.detach().clone())
        return activity

    for batch in system.stream(stimuli, site, edits=[Replace(site, look)]):
        maps = seen.pop()
        if maps.ndim != 4:
            raise InputError("site", site, f"has activity of shape {tuple(maps.shape)}, no (image, row, column, unit)")
        yield batch.presentations["sequence_id"].to_numpy(), maps


def exemplar_regions(
    system: TorchSystem, stimuli: Any, *, site: str, k: int = 15, quantile: float = 0.99
) -> xr.Dataset:
    """The k images of highest activity of every unit, and where in them it is among its own strongest.

    mask_j(x) = [a_j(x) > q_j], q_j the quantile of a_j over all places of all images.

    Args:
        system: a network over images.
        stimuli: as `stream` takes them; they are shown twice.
        site: a convolution, or another site with a map.
        k: images; at most as many as there are.
        quantile: of a unit's activity, to the width of a bin of `statistics.Histogram` (about 2 %).

    Returns:
        Over `unit`: `level` (q_j); over `(unit, rank)`: `image` (row of the stimuli), `value` (highest activity in it);
        `mask(unit, rank, row, column)` bool, at the resolution of the site.

    Raises:
        InputError: for a site without a map, k below 1 or a quantile outside (0, 1).

    Source: Hernandez et al. 2022, arXiv:2201.11114, after Bau et al. 2017, arXiv:1704.05796.

    >>> from multiunit.systems import TorchSystem
    >>> conv = torch.nn.Conv2d(1, 1, 1, bias=False)
    >>> _ = torch.nn.init.ones_(conv.weight)
    >>> images = np.zeros((3, 1, 2, 2), dtype="float32")
    >>> images[1, 0, 0, 1] = 1.0
    >>> found = exemplar_regions(TorchSystem(torch.nn.Sequential(conv)), images, site="0", k=1, quantile=0.9)
    >>> found["image"].values.tolist(), found["mask"].values[0, 0].tolist()
    ([[1]], [[False, True], [False, False]])
    """
    if k < 1 or not 0 < quantile < 1:
        name, value = ("k", k) if k < 1 else ("quantile", quantile)
        raise InputError(name, value, "at least one image, and a share strictly between 0 and 1")
    frame = as_stimuli(stimuli)
    top, histogram = TopPresentations(min(k, len(frame))), Histogram(1024)
    for rows, maps in activation_maps(system, frame, site=site):
        table = pd.DataFrame({"sequence_id": rows, "position": np.zeros_like(rows)})
        top.update(maps.amax(dim=(1, 2)), table)
        places = maps.flatten(0, 2)
        histogram.update(places, pd.DataFrame(index=range(len(places))))
    best, counts = top.result(), histogram.result()
    level = _levels(counts, quantile)
    image = best["sequence_id"].values
    wanted = np.unique(image)
    mask = None
    for rows, maps in activation_maps(system, frame.iloc[wanted], site=site):
        if mask is None:
            mask = np.zeros((*image.shape, *maps.shape[1:3]), dtype=bool)
        above = (maps.cpu().double() > torch.as_tensor(level)).numpy()
        for row, number in enumerate(wanted[rows]):
            units, ranks = np.nonzero(image == number)
            mask[units, ranks] = above[row][:, :, units].transpose(2, 0, 1)
    ids = np.array([f"{site}/{unit}" for unit in range(len(image))], dtype=object)
    return xr.Dataset(
        {
            "level": ("unit", level),
            "image": (("unit", "rank"), image),
            "value": (("unit", "rank"), best["value"].values),
            "mask": (("unit", "rank", "row", "column"), mask),
        },
        coords={"unit_id": ("unit", ids), "site": ("unit", np.full(len(ids), site, dtype=object))},
    )


def _levels(counts: xr.Dataset, quantile: float) -> np.ndarray:
    """The lower edge of the bin that holds the quantile: nothing of the bin itself is lost."""
    cumulative = counts["count"].values.cumsum(axis=1)
    bins = (cumulative < quantile * cumulative[:, -1:]).sum(axis=1)
    return counts["edge_low"].values[np.minimum(bins, counts.sizes["bin"] - 1)]
