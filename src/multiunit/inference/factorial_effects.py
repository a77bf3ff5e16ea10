"""Effects of several factors on a score, each and together, over replicates of the whole design."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.bootstrap import bootstrap


@method(kind="inference", source="fisher1935")
def factorial_effects(
    table: pd.DataFrame,
    response: str,
    *,
    factors: Sequence[str],
    replicate: str,
    level: float = 0.9,
    n_bootstraps: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Fit a score by main effects and interactions of pairs of factors, with intervals over replicates.

    score = b + sum_f b_f z_f + sum_(f<g) b_fg z_f z_g by least squares. A number becomes z = (v - mean of its values) /
    (largest - least value), so that b_f is the change over its whole range; a category of L levels L - 1 columns
    z_l = [v is l] - 1/L, so that b_l is level l less the first. Both are averages over the levels of the other factors,
    and b_fg tells by how much b_f differs from one end of g to the other.

    Args:
        table: one row a model.
        response: column of the score.
        factors: columns; numbers count as such (take logarithms before), all else are categories, sorted.
        replicate: column that tells the replicates of the design apart (seeds, subjects); whole replicates are drawn
            for the intervals, since what they hold may depend on each other. With three of them, intervals are rough.
        level: of the percentile intervals.
        n_bootstraps: draws.
        random_state: seed or generator of the draws.

    Returns:
        over `effect` (`f`, `f[l]`, `f x g`): `value`, `low`, `high`, and `share`, the sum of squares the model loses
        without this effect, as part of that about the mean.

    Raises:
        InputError: for a column that is missing or constant, scores that are not finite, fewer than two replicates, or
            combinations of levels too few to tell the effects apart.

    Source: Fisher 1935, The Design of Experiments.

    >>> rows = [(size, data, seed) for size in (1, 2) for data in ("a", "b") for seed in range(3)]
    >>> table = pd.DataFrame(rows, columns=["size", "data", "seed"])
    >>> table["score"] = 0.3 * table["size"] + 0.1 * (table["data"] == "b") * (table["size"] == 2)
    >>> found = factorial_effects(table, "score", factors=["size", "data"], replicate="seed")
    >>> found["value"].round(6).to_series().to_dict()
    {'size': 0.35, 'data[b]': 0.05, 'size x data[b]': 0.1}
    """
    missing = [name for name in (response, *factors, replicate) if name not in table]
    if missing or not factors:
        raise InputError("factors", missing or list(factors), f"needs columns; there are: {', '.join(map(str, table))}")
    y = table[response].to_numpy(np.float64)
    if not np.isfinite(y).all():
        raise InputError("response", response, "holds numbers that are not finite")
    groups = table[replicate].to_numpy()
    columns = [_columns(table[name]) for name in factors]
    for first, second in combinations(range(len(factors)), 2):
        pairs = {f"{a} x {b}": u * v for a, u in columns[first].items() for b, v in columns[second].items()}
        columns.append(pairs)
    effects = {name: column for part in columns for name, column in part.items()}
    design = np.column_stack([np.ones(len(y)), *effects.values()])
    if np.linalg.matrix_rank(design) < design.shape[1] or np.linalg.matrix_rank(design) == len(y):
        raise InputError("factors", list(factors), f"{len(y)} rows do not tell {len(effects)} effects apart")
    # Drawing whole replicates may leave out combinations if these are not balanced; least norm keeps such draws finite.
    found = bootstrap(
        lambda x, target: np.linalg.lstsq(x, target, rcond=None)[0][1:],
        design,
        y,
        groups=groups,
        n_bootstraps=n_bootstraps,
        level=level,
        random_state=random_state,
    )
    total = float(((y - y.mean()) ** 2).sum())
    whole = _residual(design, y)
    lost = np.array([_residual(np.delete(design, k, axis=1), y) - whole for k in range(1, design.shape[1])])
    return xr.Dataset(
        {
            "value": ("effect", found.value),
            "low": ("effect", found.low),
            "high": ("effect", found.high),
            "share": ("effect", lost / total if total > 0 else np.zeros_like(lost)),
        },
        coords={"effect": np.array(list(effects), dtype=object)},
        attrs={"level": level, "n_replicates": len(np.unique(groups))},
    )


def _columns(factor: pd.Series) -> dict[str, np.ndarray]:
    """Centred columns of one factor, by the name of their effect."""
    name = str(factor.name)
    values = factor.to_numpy()
    if factor.isna().any() or len(levels := np.unique(values)) < 2:
        raise InputError("factors", name, "needs a value in every row, and two that differ")
    if values.dtype.kind in "iuf":
        numbers = values.astype(np.float64)
        return {name: (numbers - levels.astype(np.float64).mean()) / float(levels[-1] - levels[0])}
    return {f"{name}[{one}]": (values == one) - 1 / len(levels) for one in levels[1:]}


def _residual(design: np.ndarray, y: np.ndarray) -> float:
    return float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())
