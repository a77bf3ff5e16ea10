"""The activity of every unit over the places of an image, before anything is pooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Any

import torch

from multiunit.core.errors import SiteError
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.capture import Capture
from multiunit.systems.sites import Site
from multiunit.systems.torch_system import TorchSystem


def unit_maps(
    system: TorchSystem, stimuli: Any, sites: str | Sequence[str], *, stop_early: bool = True
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield site -> maps `(stimulus, unit, height, width)`, batch by batch in the order of the stimuli.

    Convolutions have their maps; the tokens of a vision transformer are laid out as a square, without the tokens
    before them (class, registers) if there are some; a unit without places has maps of one place.

    Args:
        system: of torch, for stimuli that are no texts.
        stimuli: as `stream` takes them.
        sites: globs.
        stop_early: stop the pass after the deepest site.

    Raises:
        SiteError: for a site whose activity is neither of these.

    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3))
    >>> tuple(next(unit_maps(TorchSystem(net), torch.zeros(5, 1, 8, 8), "0"))["0"].shape)
    (5, 2, 6, 6)
    """
    frame = as_stimuli(stimuli)
    system._probe(frame)
    wanted = [system._sites[name] for name in match_sites(list(system._sites), sites)]
    for inputs, _, _ in system._batches(frame, False, 0, False):
        capture = Capture(wanted, copies=system._copies, stop=stop_early)
        system._run(inputs, wanted, capture)
        yield {site.name: _laid_out(capture.activity[site.name], site) for site in wanted}


def _laid_out(activity: torch.Tensor, site: Site) -> torch.Tensor:
    if activity.ndim == 2:
        return activity[:, :, None, None]
    if activity.ndim == 4:
        return activity.movedim(site.channel_axis, 1)
    if activity.ndim != 3:
        raise SiteError("sites", (site.name, tuple(activity.shape)), "has no maps (stimulus, unit, height, width)")
    side = isqrt(activity.shape[1])
    places = activity[:, activity.shape[1] - side**2 :]
    return places.transpose(1, 2).unflatten(2, (side, side))
