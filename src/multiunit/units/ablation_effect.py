"""What silencing units costs: the loss with the selected units ablated, with their controls, and without an edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method

CONDITIONS = ("selected", "control", "difference")
BLOCK = 4_000_000  # resampled rows held at once


def paired_bootstrap(
    values: np.ndarray,
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Percentile interval of the column means when rows are drawn with replacement; a row stays together.

    Args:
        values: `(row, column)`, at least two rows.

    Returns:
        `(2, column)`: lower and upper end.

    >>> paired_bootstrap(np.array([[1.0], [1.0], [1.0]])).ravel().tolist()
    [1.0, 1.0]
    """
    if n_resamples < 1:
        raise InputError("n_resamples", n_resamples, "at least one; a thousand or more for an interval")
    if not 0 < confidence < 1:
        raise InputError("confidence", confidence, "a probability between 0 and 1, such as 0.95")
    rng = np.random.default_rng(random_state)
    n_rows = len(values)
    means = np.empty((n_resamples, values.shape[1]))
    step = max(1, BLOCK // n_rows)
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        means[start:stop] = values[rng.integers(n_rows, size=(stop - start, n_rows))].mean(axis=1)
    tail = (1 - confidence) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


@method(kind="causal", source="efron1979")
def ablation_effect(
    *,
    unedited: Mapping[str, Any],
    selected: Mapping[str, Any],
    control: Mapping[str, Any],
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """How much the loss rises when the units of a label are ablated, beside their matched control, text by text.

    increase = mean_i (loss_i with the units ablated - loss_i unedited); `difference` is the selected units' increase
    less the control's. The interval draws texts with replacement, the three losses of a text together, so that easy
    and hard texts do not blur it. It speaks of new texts, not of another draw of the control.

    Args:
        unedited: label -> loss of each text of that label, `(text,)`, in any unit of loss.
        selected: the same texts with the selected units ablated.
        control: the same texts with the control ablated.
        n_resamples: how many bootstrap samples.
        confidence: of the percentile interval.
        random_state: seed or generator of the bootstrap.

    Returns:
        over `label` and `condition` (selected, control, difference): `increase`, `lower`, `upper`; `n_texts(label)`.

    Raises:
        InputError: for labels or texts that do not match, fewer than two texts, or a loss that is not finite.

    Source: paired percentile bootstrap (Efron 1979).

    >>> effect = ablation_effect(
    ...     unedited={"fr": [1.0, 2.0, 3.0]}, selected={"fr": [1.5, 2.5, 3.5]}, control={"fr": [1.0, 2.0, 3.0]}
    ... )
    >>> effect["increase"].sel(label="fr").values.tolist(), effect["lower"].sel(condition="difference").item()
    ([0.5, 0.0, 0.5], 0.5)
    """
    labels = list(unedited)
    if not labels:
        raise InputError("unedited", {}, "give the losses of at least one label")
    for name, losses in (("selected", selected), ("control", control)):
        if set(losses) != set(labels):
            raise InputError(name, sorted(losses), f"needs the labels {', '.join(sorted(labels))}")
    rng = np.random.default_rng(random_state)
    increase, ends, n_texts = [], [], []
    for label in labels:
        plain, chosen, matched = (
            _losses(losses[label], f"{name}[{label!r}]")
            for name, losses in (("unedited", unedited), ("selected", selected), ("control", control))
        )
        if not len(plain) == len(chosen) == len(matched):
            raise InputError("selected", (len(plain), len(chosen), len(matched)), f"{label}: needs the same texts")
        rises = np.stack([chosen - plain, matched - plain, chosen - matched], axis=1)
        increase.append(rises.mean(axis=0))
        ends.append(paired_bootstrap(rises, n_resamples=n_resamples, confidence=confidence, random_state=rng))
        n_texts.append(len(plain))
    dims = ("label", "condition")
    lower, upper = np.stack(ends, axis=1)
    return xr.Dataset(
        {
            "increase": (dims, np.stack(increase)),
            "lower": (dims, lower),
            "upper": (dims, upper),
            "n_texts": ("label", np.array(n_texts)),
        },
        coords={"label": ("label", np.array(labels, dtype=object)), "condition": ("condition", list(CONDITIONS))},
        attrs={"confidence": confidence, "n_resamples": n_resamples},
    )


def _losses(values: Any, argument: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise InputError(argument, values.shape, "needs the losses of at least two texts, shape (text,)")
    if not np.isfinite(values).all():
        raise InputError(argument, values[~np.isfinite(values)][0], "a loss that is not finite has no mean")
    return values
