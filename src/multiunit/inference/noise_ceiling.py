"""The noise ceiling: how well the best model could do, given how much subjects differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class NoiseCeiling(NamedTuple):
    """The true model is expected to score between `lower` and `upper`."""

    lower: float
    upper: float


@method(kind="inference", source="nili2014")
def noise_ceiling(
    metric: Callable[[np.ndarray, np.ndarray], float],
    data: Any,
    *,
    normalise: Callable[[np.ndarray], np.ndarray] | None = None,
    groups: Any = None,
) -> NoiseCeiling:
    """How well the mean of all subjects, and of all others, predicts each subject.

    upper = 1/S sum_s metric(mean_t n(x_t), x_s): the mean has seen the subject, so no model does better on average if
    n is the one that fits the metric. lower = 1/S sum_s metric(mean_(t != s) n(x_t), x_s): that mean is noisy, so the
    true model does better on average.

    Args:
        metric: prediction and data of one subject -> number; larger is better.
        data: `(subject, ...)`, such as one RDM a subject.
        normalise: data -> data on one scale, before means are taken; `similarity.normalised` for RDMs. Without it, the
            data as they are.
        groups: label of each row where subjects have several; all rows of a subject are left out together.

    Raises:
        InputError: for fewer than two subjects, or labels that do not fit.

    Source: Nili et al. 2014, PLoS Computational Biology 10:e1003553.

    >>> data = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.5], [0.5, 2.0, 3.0]])
    >>> ceiling = noise_ceiling(lambda a, b: np.corrcoef(a, b)[0, 1], data)
    >>> bool(0.9 < ceiling.lower < ceiling.upper <= 1)
    True
    """
    values = np.asarray(data, dtype=np.float64)
    labels = np.arange(len(values)) if groups is None else np.asarray(groups)
    if labels.shape != values.shape[:1]:
        raise InputError("groups", labels.shape, f"needs a label for each of {len(values)} rows")
    if len(np.unique(labels)) < 2:
        raise InputError("data", values.shape, "needs at least two subjects")
    scaled = values if normalise is None else np.asarray(normalise(values), dtype=np.float64)
    upper = [metric(scaled.mean(axis=0), row) for row in values]
    lower = [metric(scaled[labels != label].mean(axis=0), row) for label, row in zip(labels, values, strict=True)]
    return NoiseCeiling(float(np.mean(lower)), float(np.mean(upper)))
