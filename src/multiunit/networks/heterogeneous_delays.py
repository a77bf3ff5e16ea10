"""Neurons with a weight for every afferent and every delay: a detector of motifs of spikes in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numba import njit
from torch import nn

from multiunit.core.errors import InputError


class HeterogeneousDelays(nn.Module):
    """One layer whose synapses wait: spikes that meet after their delays are evidence for a class.

    B(c, t, y, x) = bias_c + sum_{p, d, i, j} K(c, p, d, i, j) A(t - d, p, y + i, x + j), d from 0: a causal
    convolution, and Pr(c | t, y, x) = sigmoid(B). Delays are not differentiated: each is a weight, and learning
    finds which delays matter. With `opposite`, the larger of B for the input and for the input with its afferents in
    reverse order, as of complex cells that do not care whether light rises or falls.

    Args:
        n_in: afferents at a place, such as two polarities.
        n_out: classes.
        n_delays: delays, 0 to n_delays - 1 steps.
        side: places of the square kernel's side, odd; 1 for afferents without places.
        opposite: whether reversed afferents are as good.
        prior: probability of each class before there is evidence; sets the first biases.
        scale: standard deviation of the first weights.
        random_state: draws them; the global generator is left alone.

    Raises:
        InputError: for sizes below 1, an even side, or a prior out of range.

    Attributes:
        weight: K, `(class, afferent, delay, y, x)`.
        mask: bool `(delay, y, x)`: only weights in a cone count, within side (d + 1) / (2 n_delays) of the centre,
            since the longer ago, the farther what moves was away.

    Source: Grimaldi & Perrinet, Biological Cybernetics (2023), doi:10.1007/s00422-023-00975-8. That the radius grows
    in proportion to the delay, and the first weights, are reconstructed.

    >>> layer = HeterogeneousDelays(2, 1, n_delays=3)
    >>> with torch.no_grad():
    ...     layer.weight[:] = torch.tensor([[0.0, 0.0, 5.0], [3.0, 0.0, 0.0]]).reshape(1, 2, 3, 1, 1)
    >>> spikes = torch.zeros(6, 1, 2)
    >>> spikes[1, 0, 0] = spikes[3, 0, 1] = 1    # the first afferent, and two steps later the second: they meet at 3
    >>> layer(spikes).flatten().tolist()
    [0.0, 0.0, 0.0, 8.0, 0.0, 0.0]
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_delays: int,
        side: int = 1,
        opposite: bool = False,
        prior: float = 0.5,
        scale: float = 0.01,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if min(n_in, n_out, n_delays, side) < 1 or side % 2 == 0:
            raise InputError("side", (n_in, n_out, n_delays, side), "n_in, n_out, n_delays, side: 1 or more, side odd")
        if not 0 < prior < 1:
            raise InputError("prior", prior, "must be between 0 and 1")
        self.opposite = opposite
        drawn = np.random.default_rng(random_state).normal(size=(n_out, n_in, n_delays, side, side))
        self.weight = nn.Parameter(torch.as_tensor(scale * drawn, dtype=torch.get_default_dtype()))
        self.bias = nn.Parameter(torch.full((n_out,), float(np.log(prior / (1 - prior)))))
        radius = np.hypot(*np.mgrid[-(side // 2) : side // 2 + 1, -(side // 2) : side // 2 + 1])
        reach = side * (np.arange(n_delays) + 1) / (2 * n_delays)
        self.mask: torch.Tensor
        self.register_buffer("mask", torch.as_tensor(radius <= reach[:, None, None]))

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Evidence, the logit of the probability of each class, at every step.

        Args:
            spikes: `(time, batch, afferent)`, or `(time, batch, afferent, y, x)`.

        Returns:
            `(time, batch, class)`, or `(time, batch, class, y, x)` at the places where the whole kernel fits.

        Raises:
            InputError: for another shape.
        """
        n_out, n_in, n_delays, side, _ = self.weight.shape
        grid = spikes.ndim == 5
        if not (grid or (spikes.ndim == 3 and side == 1)) or spikes.shape[2] != n_in:
            raise InputError("spikes", tuple(spikes.shape), f"needs (time, batch, {n_in}), with (y, x) if side > 1")
        if grid and min(spikes.shape[3:]) < side:
            raise InputError("spikes", tuple(spikes.shape), f"needs {side} places or more each way")
        x = spikes if grid else spikes[..., None, None]
        kernel = self.weight * self.mask
        if self.opposite:
            kernel = torch.cat([kernel, kernel.flip(1)])
        # A convolution sums over times that follow; the kernel turned around in time, over those that came before.
        before = nn.functional.pad(x.movedim(0, 2), (0, 0, 0, 0, n_delays - 1, 0))
        total = torch.zeros(())
        for delays, edge in self._groups():
            part = kernel[:, :, delays, edge : side - edge, edge : side - edge].flip(2)
            last = before.shape[2] - delays.start
            seen = before[
                :, :, n_delays - delays.stop : last, edge : before.shape[3] - edge, edge : before.shape[4] - edge
            ]
            total = total + nn.functional.conv3d(seen, part)
        total = total.movedim(2, 0)
        if self.opposite:
            first, other = total[:, :, :n_out], total[:, :, n_out:]
            total = other + (first - other).relu()  # the larger of both, with a cheaper gradient
        total = total + self.bias[:, None, None]
        return total if grid else total[..., 0, 0]

    def _groups(self) -> list[tuple[slice, int]]:
        """Runs of delays whose part of the cone is equally wide, and how many places are 0 at its edges."""
        wide = (self.mask.any(1) | self.mask.any(2)).cpu().numpy()
        edges = [int(row.argmax()) for row in wide | wide[:, ::-1]]
        starts = [d for d in range(len(edges)) if d == 0 or edges[d] != edges[d - 1]]
        return [(slice(a, b), edges[a]) for a, b in zip(starts, [*starts[1:], len(edges)], strict=True)]

    def synapses(self) -> pd.DataFrame:
        """All weights that are not 0: `afferent`, `delay` in steps, `y` and `x` from the centre, `class`, `weight`."""
        kernel = (self.weight * self.mask).detach().cpu().numpy()
        c, p, d, i, j = np.nonzero(kernel)
        half = kernel.shape[3] // 2
        return pd.DataFrame(
            {"afferent": p, "delay": d, "y": i - half, "x": j - half, "class": c, "weight": kernel[c, p, d, i, j]}
        )


def largest_kept(layer: HeterogeneousDelays, share: float) -> torch.Tensor:
    """The kernel with only its largest weights by size: those that count most, whatever their delay.

    Args:
        share: of the weights inside the mask that is kept, above 0 and at most 1.

    Returns:
        K with zeros, `(class, afferent, delay, y, x)`; outside the mask 0.

    Raises:
        InputError: for a share out of range.

    >>> layer = HeterogeneousDelays(1, 1, n_delays=4)
    >>> with torch.no_grad():
    ...     layer.weight[:] = torch.tensor([1.0, -3.0, 2.0, -4.0]).reshape(1, 1, 4, 1, 1)
    >>> largest_kept(layer, 0.5).flatten().tolist(), earliest_kept(layer, 0.5).flatten().tolist()
    ([0.0, -3.0, 0.0, -4.0], [1.0, -3.0, 0.0, 0.0])
    """
    return _kept(layer, share, longer_later=False)


def earliest_kept(layer: HeterogeneousDelays, share: float) -> torch.Tensor:
    """The kernel with only the weights of its shortest delays, and of the last of these its largest.

    See `largest_kept`.
    """
    return _kept(layer, share, longer_later=True)


def _kept(layer: HeterogeneousDelays, share: float, *, longer_later: bool) -> torch.Tensor:
    if not 0 < share <= 1:
        raise InputError("share", share, "must be above 0 and at most 1")
    kernel = layer.weight.detach()
    inside = layer.mask.expand_as(kernel)
    size = kernel.abs()[inside].numpy()
    delay = torch.arange(kernel.shape[2])[:, None, None].expand_as(kernel)[inside].numpy()
    first = np.lexsort((-size, delay)) if longer_later else np.argsort(-size, kind="stable")
    keep = np.zeros(len(size), dtype=bool)
    keep[first[: round(share * len(size))]] = True
    kept = torch.zeros_like(kernel)
    kept[inside] = kernel[inside].where(torch.as_tensor(keep), 0)
    return kept


def evidence_of_events(
    events: np.ndarray, synapses: pd.DataFrame, *, n_steps: int, n_out: int, size: tuple[int, int]
) -> np.ndarray:
    """What a layer computes, event by event: only spikes times synapses, nothing where nothing happens.

    Args:
        events: `(event, 4)`: time, afferent, y, x.
        synapses: see `HeterogeneousDelays.synapses`.
        n_steps: steps to compute.
        n_out: classes.
        size: places of the input, y and x.

    Returns:
        B without biases and without `opposite`, `(time, class, y, x)`, at every place of the input.

    Raises:
        InputError: for events that are not (time, afferent, y, x) within the size.

    >>> layer = HeterogeneousDelays(1, 1, n_delays=2, side=1)
    >>> with torch.no_grad():
    ...     layer.weight[:] = torch.tensor([0.0, 7.0]).reshape(1, 1, 2, 1, 1)
    >>> evidence_of_events(np.array([[1, 0, 0, 0]]), layer.synapses(), n_steps=4, n_out=1, size=(1, 1)).ravel()
    array([0., 0., 7., 0.])
    """
    events = np.asarray(events, dtype=np.int64)
    if events.ndim != 2 or events.shape[1] != 4 or (len(events) and (events[:, 2:].max(0) >= size).any()):
        raise InputError("events", events.shape, f"needs (event, 4): time, afferent, y, x, within {size}")
    ordered = synapses.sort_values("afferent", kind="stable")
    table = ordered[["class", "delay", "y", "x"]].to_numpy(np.int64)
    weight = ordered["weight"].to_numpy(np.float64)
    n_afferents = int(max(events[:, 1].max(initial=0), ordered["afferent"].max() if len(ordered) else 0)) + 1
    first = np.searchsorted(ordered["afferent"].to_numpy(np.int64), np.arange(n_afferents + 1))
    evidence = np.zeros((n_steps, n_out, *size))
    _deliver(events, table, weight, first, evidence)
    return evidence


@njit(cache=True)
def _deliver(events: Any, table: Any, weight: Any, first: Any, evidence: Any) -> None:
    n_steps, _, height, width = evidence.shape
    for e in range(len(events)):
        time, afferent, row, column = events[e]
        for s in range(first[afferent], first[afferent + 1]):
            t, y, x = time + table[s, 1], row - table[s, 2], column - table[s, 3]
            if t < n_steps and 0 <= y < height and 0 <= x < width:
                evidence[t, table[s, 0], y, x] += weight[s]
