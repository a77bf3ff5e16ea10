"""A network that wanders through its cliques by itself, and learns from its transitions what its input is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError
from multiunit.dynamics.clique_site import clique_site
from multiunit.dynamics.element import element_of

# Reservoir at which a site sends half of its inhibition.
_SENT = 0.15
# Of the learning signal: rise and decay per unit of time, and the level from which afferents learn.
_RISE, _FALL, _LEVEL = 0.2, 0.05, 0.2
# Of the afferents: rates of growth, of decay of silent lines, and of forgetting; sums aimed at in active sites, and
# allowed in others. A site loses about ten times as often as it wins, and so must forget that much more slowly.
_GROW, _WANE, _FORGET, _ACTIVE, _INACTIVE = 1.25e-3, 5e-3, 1.25e-4, 0.2, 0.1


def random_cliques(
    n_sites: int, n_cliques: int, *, size: int = 3, random_state: int | np.random.Generator = 0
) -> list[tuple[int, ...]]:
    """Draw cliques that share one site with another at most, whose links make no other clique, and that use all sites.

    Sites that are in fewest cliques so far are taken first, at random among equals.

    Returns:
        Tuples of sites in rising order.

    Raises:
        InputError: for sizes that do not fit, or if no such cliques were found in 1,000 attempts.

    >>> cliques = random_cliques(20, 10)
    >>> len(cliques), max(len(set(a) & set(b)) for a, b in combinations(cliques, 2)), len(set().union(*cliques))
    (10, 1, 20)
    """
    if not 1 < size <= n_sites or n_cliques * size < n_sites:
        raise InputError("size", (n_sites, n_cliques, size), "needs cliques of two sites or more that use all sites")
    rng = np.random.default_rng(random_state)
    for _ in range(1000):
        cliques, used = list[tuple[int, ...]](), np.zeros(n_sites, dtype=np.int64)
        for _ in range(n_cliques):
            drawn = np.sort(np.lexsort((rng.random(n_sites), used))[:size])
            cliques.append(tuple(int(site) for site in drawn))
            used[drawn] += 1
        linked = {pair for clique in cliques for pair in combinations(clique, 2)}
        made = [c for c in combinations(range(n_sites), size) if linked.issuperset(combinations(c, 2))]
        if len(linked) == n_cliques * math.comb(size, 2) and len(made) == n_cliques:
            return sorted(cliques)
    raise InputError("n_cliques", n_cliques, f"were not found among {n_sites} sites; take fewer, or more sites")


def clique_network(
    cliques: Sequence[Sequence[int]],
    images: ArrayLike,
    *,
    duration: float,
    hold: float = 60.0,
    link: float = 0.15,
    inhibition: float = -1.0,
    afferent: ArrayLike | None = None,
    learn: bool = True,
    teaching: np.ndarray | None = None,
    dt: float = 0.1,
    every: int = 10,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Let sites compete in cliques, while images come in that weigh most when one clique gives way to another.

    Sites are `clique_site`s: excitation_i = sum of link x_j over those that share a clique, inhibition_i = sum of
    inhibition reserve(reservoir_j) x_j over all others, sensory_i = sum_m v_im y_m >= 0. The learning signal S rises,
    S' = 0.2 (1 - S), while input turns the growth of any site from falling to rising, and else falls, S' = -0.05 S.
    While S > 0.2: sites above `critical` learn, v_im' = 0.00125 (0.2 - sensory_i) y_m - 0.005 v_im (1 - y_m); the rest
    forget, v_im' = -0.000125 max(0, sensory_i - 0.1) y_m. Euler; v stays at 0 or above.

    Args:
        cliques: sites of each clique, from 0.
        images: `(image, line)`, at least 0, shown one after the other for `hold`, then again from the first.
        duration, hold, dt: without unit, as those of the site.
        link, inhibition: between sites that share a clique, and that do not.
        afferent: v at the start, `(site, line)`; small and random by default.
        learn: whether afferents change.
        teaching: bool `(step,)`, when they do, in the place of the network's own signal.
        every: steps from sample to sample.
        random_state: draws activities, reservoirs and afferents at the start.

    Returns:
        xr.Dataset: `x(sample, site)`, `reservoir(sample, site)`, `signal(sample)`, `afferent(site, line)` at the end,
        `taught(step)`: whether afferents could change, and `time(sample)`.

    Raises:
        InputError: for cliques, images or times that make no sense.

    Source: Gros & Kaczor 2010, doi:10.1093/jigpal/jzp045, arXiv:0903.1979. Reconstructed: the equations of the signal
    and of the afferents with all their constants; no more than the paper's abstract could be read.

    >>> cliques, images = [(0, 1), (2, 3), (4, 5)], np.eye(3)[[2, 0, 1]]
    >>> fields = np.repeat(np.eye(3), 2, axis=0) * 0.2    # each clique has an image of its own
    >>> run = clique_network(cliques, images, duration=3000, hold=300, afferent=fields, learn=False)
    >>> [np.flatnonzero(run["x"][t] > 0.7).tolist() for t in (1790, 2090, 2390)]    # images 1, 2 and 0
    [[2, 3], [4, 5], [0, 1]]
    """
    shown = np.ascontiguousarray(images, dtype=np.float64)
    members = sorted({int(site) for clique in cliques for site in clique})
    if not members or members != list(range(len(members))) or min(len(set(c)) for c in cliques) < 2:
        raise InputError("cliques", cliques, "need two sites or more each, and sites numbered from 0 without a gap")
    if shown.ndim != 2 or not shown.size or not np.isfinite(shown).all() or (shown < 0).any():
        raise InputError("images", shown.shape, "needs (image, line), finite and not negative")
    n_steps = round(duration / dt) if dt > 0 else 0
    if n_steps < every or every < 1 or not hold >= dt:
        raise InputError("duration", (duration, hold, dt, every), "needs a sample, and images held for a step or more")
    given = np.zeros(0, dtype=np.bool_) if teaching is None else np.asarray(teaching, dtype=np.bool_)
    if teaching is not None and given.shape != (n_steps,):
        raise InputError("teaching", given.shape, f"needs ({n_steps},)")
    n = len(members)
    shares = [sorted({int(j) for c in cliques if i in c for j in c} - {i}) for i in range(n)]
    first = np.cumsum([0, *map(len, shares)])
    rng = np.random.default_rng(random_state)
    x, reservoir = rng.uniform(0.0, 0.1, n), rng.uniform(0.5, 1.0, n)
    # An average image then gives what inactive sites may have: with less, a few sites that learned win for ever.
    v = rng.uniform(0.0, 2 * _INACTIVE / max(shown.sum(axis=1).mean(), 1.0), (n, shown.shape[1]))
    if afferent is not None:
        v = np.array(afferent, dtype=np.float64, order="C")
        if v.shape != (n, shown.shape[1]) or not np.isfinite(v).all() or (v < 0).any():
            raise InputError("afferent", v.shape, f"needs ({n}, {shown.shape[1]}), finite and not negative")
    p = element_of(clique_site).parameters
    kept_x, kept_reservoir = np.empty((n_steps // every, n)), np.empty((n_steps // every, n))
    kept_signal, taught = np.empty(n_steps // every), np.empty(n_steps, dtype=np.bool_)
    _run(
        x, reservoir, v, first, np.concatenate(shares), shown, given, round(hold / dt), link, inhibition, learn, dt,
        every, p["critical"], p["filling"], p["depletion"], p["width"], p["midpoint"], p["minimal"],
        kept_x, kept_reservoir, kept_signal, taught,
    )  # fmt: skip
    return xr.Dataset(
        {
            "x": (("sample", "site"), kept_x),
            "reservoir": (("sample", "site"), kept_reservoir),
            "signal": ("sample", kept_signal),
            "afferent": (("site", "line"), v),
            "taught": ("step", taught),
        },
        {"time": ("sample", (np.arange(len(kept_x)) + 1) * every * dt)},
    )


def clique_response(afferent: ArrayLike, patterns: ArrayLike, *, cliques: Sequence[Sequence[int]]) -> np.ndarray:
    """What patterns would send to each clique: the mean over its sites of sum_m v_im y_m.

    Args:
        afferent: `(site, line)`. patterns: `(pattern, line)`.

    Returns:
        `(clique, pattern)`.

    >>> clique_response([[1.0, 0.0], [0.0, 3.0]], [[1, 1], [1, 0]], cliques=[(0, 1)]).tolist()
    [[2.0, 0.5]]
    """
    sensory = np.asarray(afferent, dtype=np.float64) @ np.asarray(patterns, dtype=np.float64).T
    return np.stack([sensory[list(clique)].mean(axis=0) for clique in cliques])


@njit(cache=True)
def _run(
    x: Any, reservoir: Any, afferent: Any, first: Any, linked: Any, images: Any, teaching: Any, hold: int, link: float,
    inhibition: float, learn: bool, dt: float, every: int, critical: float, filling: float, depletion: float,
    width: float, midpoint: float, minimal: float, kept_x: Any, kept_reservoir: Any, kept_signal: Any, taught: Any,
) -> None:  # fmt: skip
    n, n_lines = afferent.shape
    signal = 0.0
    growth, sensory, sent = np.empty(n), np.empty(n), np.empty(n)
    # `clique_site.reserve` of receivers and, with another midpoint, of senders: what does not change of it.
    low, high = math.atan(-midpoint / width), math.atan((1.0 - midpoint) / width)
    low_sent, high_sent = math.atan(-_SENT / width), math.atan((1.0 - _SENT) / width)
    for t in range(taught.size):
        image = images[(t // hold) % images.shape[0]]
        if t % hold == 0 or taught[t - 1]:
            for i in range(n):
                sensory[i] = 0.0
                for m in range(n_lines):
                    sensory[i] += afferent[i, m] * image[m]
        total = 0.0
        for j in range(n):
            share = (math.atan((reservoir[j] - _SENT) / width) - low_sent) / (high_sent - low_sent)
            sent[j] = inhibition * share * x[j]
            total += sent[j]
        turned = False
        for i in range(n):
            # All that is sent, less what comes from the site itself and from those that share a clique with it.
            excited, inhibited = 0.0, total - sent[i]
            for k in range(first[i], first[i + 1]):
                excited += link * x[linked[k]]
                inhibited -= sent[linked[k]]
            share = (math.atan((reservoir[i] - midpoint) / width) - low) / (high - low)
            alone = (minimal + (1.0 - minimal) * share) * excited + inhibited
            growth[i] = alone + sensory[i]
            turned = turned or (alone <= 0.0 < growth[i])
        for i in range(n):
            fills = filling * (1.0 - reservoir[i]) * (1.0 - x[i] / critical)
            change = fills if x[i] < critical else -depletion * reservoir[i]
            x[i] += dt * growth[i] * (1.0 - x[i] if growth[i] > 0.0 else x[i])
            # Below that it is nothing; numbers too small for full precision are slow.
            x[i] = min(x[i], 1.0) if x[i] > 1e-100 else 0.0
            reservoir[i] = min(max(reservoir[i] + dt * change, 0.0), 1.0)
        signal += dt * (_RISE * (1.0 - signal) if turned else -_FALL * signal)
        taught[t] = learn and (teaching[t] if teaching.size else signal > _LEVEL)
        if taught[t]:
            for i in range(n):
                for m in range(n_lines):
                    if x[i] > critical:
                        v = _GROW * (_ACTIVE - sensory[i]) * image[m] - _WANE * afferent[i, m] * (1.0 - image[m])
                    else:
                        v = -_FORGET * max(0.0, sensory[i] - _INACTIVE) * image[m]
                    afferent[i, m] = max(0.0, afferent[i, m] + dt * v)
        if (t + 1) % every == 0:
            kept_x[(t + 1) // every - 1] = x
            kept_reservoir[(t + 1) // every - 1] = reservoir
            kept_signal[(t + 1) // every - 1] = signal
