"""How strongly each feature is written into a population, apart from how well it can be read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from multiunit.core.errors import InputError


def feature_variance(responses: np.ndarray, features: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Share of a population's variance that each feature explains.

    share = ||P R||^2 / ||R||^2, R the responses less their mean, P the regression on the feature's dummy coded values
    (each response is replaced by the mean of its value). Shares of independent features add up. A feature that says
    nothing gets about (values - 1) / (presentations - 1).

    Args:
        responses: `(presentation, unit)`.
        features: name -> value of each presentation, `(presentation,)`.

    Returns:
        A row a feature: `share`; `density`, the share of units of which it explains more than a tenth; `decodability`,
        accuracy of a ridge classifier in five-fold cross-validation.

    Raises:
        InputError: for responses that never differ, or a feature that does not fit or has values that come fewer than
            five times.

    Source: Lampinen, Chan & Hermann, arXiv:2405.05847 (abstract read; reconstructed).

    >>> strong, weak = np.arange(80) % 2, np.arange(80) // 2 % 2
    >>> found = feature_variance(np.stack([3 * strong, weak], axis=1), {"strong": strong, "weak": weak})
    >>> found["share"].round(9).tolist(), found["density"].tolist(), found["decodability"].tolist()
    ([0.9, 0.1], [0.5, 0.5], [1.0, 1.0])
    """
    x = np.asarray(responses, dtype=float)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError("responses", x.shape, "needs (presentation, unit), finite")
    x = x - x.mean(axis=0)
    total = (x**2).sum(axis=0)
    if total.sum() <= 0:
        raise InputError("responses", "constant", "needs presentations that differ")
    rows = {}
    # One scale for all units: the penalty is then the same for weak and strong populations.
    scaled = x / np.sqrt(total.sum() / x.size)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for name, values in features.items():
        values = np.asarray(values)
        if values.shape != x.shape[:1]:
            raise InputError("features", name, f"needs one value for each of {len(x)} presentations")
        _, group, count = np.unique(values, return_inverse=True, return_counts=True)
        if len(count) < 2 or count.min() < 5:
            raise InputError("features", name, "needs at least two values, each at least five times")
        means = np.stack([x[group == k].mean(axis=0) for k in range(len(count))])
        explained = count @ means**2
        unit_share = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
        rows[name] = {
            "share": explained.sum() / total.sum(),
            "density": (unit_share > 0.1).mean(),
            "decodability": cross_val_score(RidgeClassifier(), scaled, group, cv=folds).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
