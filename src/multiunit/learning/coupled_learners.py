"""Copies of one noisy gradient learner that pull each other together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError
from multiunit.learning.redundancy_bound import laplacian


def coupled_learners(
    gradient: Callable[[np.ndarray], np.ndarray],
    initial: ArrayLike,
    *,
    adjacency: ArrayLike,
    coupling: float = 1.0,
    noise: float = 0.1,
    correlation: float = 0.0,
    duration: float,
    dt: float = 0.01,
    every: int = 1,
    n_runs: int = 1,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Let copies of a learner descend one loss, each under noise of its own, each drawn to its neighbours.

    dw_i = -grad f(w_i) dt + coupling sum_j A_ij (w_j - w_i) dt + noise dB_i. Coupling and noise are solved exactly over
    a step, for a gradient held over it, so that a strong coupling needs no smaller step; the gradient does.

    Args:
        gradient: `(..., weight)` -> the same shape, for many weight vectors at once.
        initial: `(weight,)`, where all copies start.
        adjacency: `(copy, copy)`, who is coupled with whom; undirected.
        coupling, noise: strengths. correlation: of the noise of two copies, 0 to 1.
        duration, dt: in units of time of the loss's flow.
        every: steps from sample to sample.
        n_runs: independent repetitions.
        random_state: seed or generator.

    Returns:
        xr.Dataset: `weights(sample, run, copy, weight)` with `time(sample)`, after every `every`-th step.

    Raises:
        InputError: for shapes or numbers out of range, or weights that ran away.

    Source: Bouvrie & Slotine 2011, doi:10.1162/NECO_a_00183.

    >>> strong = coupled_learners(lambda w: w, [1.0], adjacency=1 - np.eye(3), coupling=1e6, noise=1.0, duration=5)
    >>> float(strong["weights"].std("copy").max()) < 0.01    # they move as one
    True
    """
    start = np.asarray(initial, dtype=np.float64)
    if start.ndim != 1 or not np.isfinite(start).all() or np.shape(gradient(start)) != start.shape:
        raise InputError("initial", start.shape, "needs (weight,), finite, and a gradient of the same shape")
    if not 0 <= coupling < np.inf or not 0 <= noise < np.inf or not 0 <= correlation <= 1:
        raise InputError("coupling", (coupling, noise, correlation), "not negative; a correlation from 0 to 1")
    n_steps = round(duration / dt) if dt > 0 else 0
    if every < 1 or n_runs < 1 or n_steps < every:
        raise InputError("duration", (duration, dt, every, n_runs), "needs a sample, a run and a step above 0")
    rng = np.random.default_rng(random_state)
    spectrum, modes = np.linalg.eigh(laplacian(adjacency))
    rate = coupling * np.maximum(spectrum, 0.0)
    n, decay = len(rate), np.exp(-rate * dt)
    with np.errstate(invalid="ignore", divide="ignore"):
        held = np.where(rate > 0, -np.expm1(-rate * dt) / rate, dt)
        width = np.where(rate > 0, -np.expm1(-2 * rate * dt) / (2 * rate), dt)
    own = noise * np.sqrt((1 - correlation) * width)[:, None]
    # Common noise moves all copies alike, which no coupling sees.
    common = noise * np.sqrt(correlation * dt)
    stay, move, spread = (modes * decay) @ modes.T, (modes * held) @ modes.T, modes * own.T
    w = np.broadcast_to(start, (n_runs, n, len(start))).copy()
    kept = np.empty((n_steps // every, *w.shape))
    for step in range(n_steps):
        w = stay @ w - move @ gradient(w) + spread @ rng.standard_normal(w.shape)
        if common:
            w += common * rng.standard_normal((n_runs, 1, len(start)))
        if (step + 1) % every == 0:
            kept[(step + 1) // every - 1] = w
    if not np.isfinite(kept[-1]).all():
        raise InputError("dt", dt, "the weights ran away; take a smaller step")
    time = (np.arange(len(kept)) + 1) * every * dt
    return xr.Dataset({"weights": (("sample", "run", "copy", "weight"), kept)}, {"time": ("sample", time)})


def redundancy_errors(weights: xr.DataArray, optimum: ArrayLike) -> xr.Dataset:
    """Squared distances of copies and of their mean from an optimum, sample by sample.

    centroid_error = |mean_i w_i - w*|^2, dispersion = mean_i |w_i - mean_i w_i|^2, single_error = mean_i |w_i - w*|^2,
    which is the sum of both.

    Args:
        weights: with dimensions `copy` and `weight` among others.
        optimum: `(weight,)`.

    Returns:
        xr.Dataset of the three over all other dimensions.

    Raises:
        InputError: for weights without these dimensions, or an optimum of another length.

    >>> w = xr.DataArray([[0.0, 0.0], [0.0, 2.0]], dims=("copy", "weight"))
    >>> {name: float(v) for name, v in redundancy_errors(w, [1.0, 1.0]).items()}
    {'centroid_error': 1.0, 'dispersion': 1.0, 'single_error': 2.0}
    """
    target = np.asarray(optimum, dtype=np.float64)
    if not {"copy", "weight"} <= set(weights.dims) or target.shape != (weights.sizes["weight"],):
        raise InputError("weights", (weights.dims, target.shape), "needs copy and weight, and an optimum (weight,)")
    away = weights - xr.DataArray(target, dims="weight")
    centre = away.mean("copy")
    return xr.Dataset(
        {
            "centroid_error": (centre**2).sum("weight"),
            "dispersion": ((away - centre) ** 2).sum("weight").mean("copy"),
            "single_error": (away**2).sum("weight").mean("copy"),
        }
    )
