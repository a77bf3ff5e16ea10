"""Which part of an RDM's variance each model explains alone, and which they share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.partial_rsa import residuals

_MOST = 8


@method(kind="matching", source="newton1967")
def rdm_variance_partition(rdm: Any, models: Mapping[str, Any]) -> xr.Dataset:
    """Split the variance of an RDM that models explain into what sets of them share.

    With R2(A) that of least squares with a constant on the models in A, and N all of them, U(A) = R2(N) - R2(N without
    A) is what only models of A explain. The share of exactly the models in A is
    C(A) = sum_(B in A) (-1)^(|A| - |B|) U(B): what one model explains alone if A holds one, what two share and no third
    explains if it holds two, and so on. Shares sum to R2(N); they fall below 0 where models help each other.

    Args:
        rdm: `(pair,)`, as `rdm` gives it.
        models: by name, `(pair,)` each; at most eight.

    Returns:
        Over `part`, all sets of models, named "a", "a & b", ...: `r2` of the models in it and `share` of exactly them,
        `member(part, model)`. Over `model`: `unique`, the share of each alone.

    Raises:
        InputError: for no model or too many, RDMs that do not fit or are not finite, or a constant one.

    Source: commonality analysis, Newton & Spurrell 1967, Applied Statistics 16; the alternating sum is reconstructed
    from U by inclusion and exclusion.

    >>> a, b = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    >>> found = rdm_variance_partition(2 * a + b + np.array([1.0, -1, -1, 1]), {"a": a, "b": b})
    >>> dict(zip(found["part"].values.tolist(), found["share"].values.round(3).tolist()))
    {'a': 0.667, 'b': 0.167, 'a & b': 0.0}
    """
    names = list(models)
    if not 1 <= len(names) <= _MOST:
        raise InputError("models", names, f"takes one to {_MOST} models")
    target = np.asarray(rdm, dtype=np.float64)
    given = {"rdm": target} | {
        f"models[{name!r}]": np.asarray(model, dtype=np.float64) for name, model in models.items()
    }
    for name, value in given.items():
        if value.ndim != 1 or value.shape != target.shape or len(value) < 3:
            raise InputError(name, value.shape, f"needs one RDM as a vector of {target.size} pairs, three or more")
        if not np.isfinite(value).all() or np.ptp(value) == 0:
            raise InputError(name, "not finite, or constant", "has no variance to share")
    matrix = np.stack(list(given.values())[1:])
    everything = frozenset(range(len(names)))
    sets = [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(range(len(names)), size)]
    total = ((target - target.mean()) ** 2).sum()
    r2 = {s: 1.0 - (residuals(target[None], matrix[sorted(s)]) ** 2).sum() / total if s else 0.0 for s in sets}
    only = {s: r2[everything] - r2[everything - s] for s in sets}
    share = {s: sum((-1.0) ** (len(s) - len(b)) * only[b] for b in sets if b <= s) for s in sets}
    parts = [s for s in sets if s]
    return xr.Dataset(
        {
            "r2": ("part", [r2[s] for s in parts]),
            "share": ("part", [share[s] for s in parts]),
            "member": (("part", "model"), [[k in s for k in range(len(names))] for s in parts]),
            "unique": ("model", [share[frozenset([k])] for k in range(len(names))]),
        },
        coords={
            "part": np.array([" & ".join(str(names[k]) for k in sorted(s)) for s in parts], dtype=object),
            "model": np.array(names, dtype=object),
        },
    )
