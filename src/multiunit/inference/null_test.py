"""Is a score more than chance, for the null that fits the data: any metric of two systems beside its surrogates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.stats import ortho_group

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.inference.circular_shift import shifts
from multiunit.inference.permutation import p_values
from multiunit.inference.phase_surrogate import phase_surrogate

Surrogate = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Alternative = Literal["greater", "less", "two-sided"]

QUANTILES = (0.005, 0.025, 0.05, 0.5, 0.95, 0.975, 0.995)


def _shifted(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    (step,) = shifts(len(y), n_permutations=1, random_state=rng)
    return np.roll(y, step, axis=0)


def _new_phases(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # The same phases for all units: what units have to do with each other stays.
    seed = int(rng.integers(2**62))
    columns = y.reshape(len(y), -1).T
    return np.stack([phase_surrogate(column, random_state=seed) for column in columns], axis=1).reshape(y.shape)


def _turned(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if y.ndim < 2 or y.shape[1] < 2:
        raise InputError("null", "rotation", "needs y of two units or more; one unit has no other basis")
    return np.asarray(y @ ortho_group.rvs(y.shape[1], random_state=rng))


# What each null keeps of y, and what it takes away.
NULLS: Mapping[str, Surrogate] = {
    "permutation": lambda y, rng: rng.permutation(y, axis=0),
    "circular_shift": _shifted,
    "phase": _new_phases,
    "rotation": _turned,
}


@method(kind="inference", source="phipson2010")
def null_test(
    metric: Callable[[Any, Any], Any],
    x: Any,
    *,
    y: Any,
    null: str | Surrogate = "permutation",
    alternative: Alternative = "greater",
    n_permutations: int = 999,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Set `metric(x, y)` beside its values for surrogates of y that share nothing with x but what the null keeps.

    p = (1 + #{null >= score}) / (1 + n_permutations); `less` counts the other side, for distances; `two-sided` doubles
    the smaller of both. Differences of rounding count as equal.

    - `permutation`: the presentations of y in another order; right where presentations are independent of each other.
    - `circular_shift`: y rotated in time, by any number of steps; its autocorrelation stays.
    - `phase`: Fourier phases of y drawn anew, the same for all units: spectra and cross-spectra stay; linear series.
    - `rotation`: the units of y turned into a random basis, less their means: are single units alike, or only the
      spaces they span? A metric that rotation does not change gives p = 1.

    Args:
        metric: two arrays -> a number.
        x, y: arrays or recordings with presentations along the first axis, as many.
        null: one of the above, or a function `(y, generator) -> surrogate`.
        alternative: `greater` if a larger score is more alike.
        n_permutations: surrogates; 19 is the fewest that can reach p = 0.05.
        random_state: seed or generator.

    Returns:
        `score`, `p_value`, `null(draw)`, and `null_quantile(quantile)`.

    Raises:
        InputError: for different numbers of presentations or fewer than two, an unknown null or alternative, no
            surrogates, or a score that is not a finite number.

    Source: Phipson and Smyth 2010; the surrogates as in `circular_shift` and `phase_surrogate`.

    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> same = lambda a, b: float(np.sum((a.T @ b) ** 2))
    >>> found = null_test(same, x, y=x[:, ::-1], n_permutations=99)
    >>> float(found["p_value"]), float(null_test(same, x, y=x, null="rotation", n_permutations=19)["p_value"])
    (0.01, 1.0)
    """
    if isinstance(null, str) and null not in NULLS:
        raise InputError("null", null, f"is none of {', '.join(NULLS)}; a function (y, generator) will do as well")
    if alternative not in ("greater", "less", "two-sided"):
        raise InputError("alternative", alternative, "must be 'greater', 'less' or 'two-sided'")
    if n_permutations < 1:
        raise InputError("n_permutations", n_permutations, "must be at least 1")
    first, second = (np.asarray(side.activity if isinstance(side, Recording) else side) for side in (x, y))
    if first.ndim < 1 or second.ndim < 1 or len(first) != len(second) or len(first) < 2:
        raise InputError("y", (first.shape, second.shape), "x and y need as many presentations, at least two")
    rng = np.random.default_rng(random_state)
    surrogate = NULLS[null] if isinstance(null, str) else null
    centred = second - second.mean(axis=0) if null == "rotation" else second
    score = _number(metric(first, centred))
    draws = np.array([_number(metric(first, surrogate(centred, rng))) for _ in range(n_permutations)])
    slack = 1e-10 * max(1.0, float(np.abs(draws).max()))
    above, below = (float(p_values(np.asarray(sign * score - slack), sign * draws)) for sign in (1.0, -1.0))
    p = {"greater": above, "less": below, "two-sided": min(1.0, 2 * min(above, below))}[alternative]
    return xr.Dataset(
        {
            "score": score,
            "p_value": p,
            "null": ("draw", draws),
            "null_quantile": ("quantile", np.quantile(draws, QUANTILES)),
        },
        coords={"quantile": list(QUANTILES)},
        attrs={
            "null": null if isinstance(null, str) else getattr(null, "__name__", "function"),
            "alternative": alternative,
            "n_permutations": n_permutations,
        },
    )


def _number(value: Any) -> float:
    found = np.asarray(value, dtype=np.float64)
    if found.ndim or not np.isfinite(found):
        raise InputError("metric", value, "must give one finite number")
    return float(found)
