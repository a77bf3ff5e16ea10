"""Signal power: how much of a unit's response repeats, and how much of that a prediction explains."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class SignalPower(NamedTuple):
    """Variance over presentations `(unit,)` that comes again with every repeat, and that of a single repeat's noise."""

    signal: np.ndarray
    noise: np.ndarray


class ExplainedPower(NamedTuple):
    """All `(unit,)`: correlation with the mean response, the most it could be, their ratio, and the power explained."""

    cc_abs: np.ndarray
    cc_max: np.ndarray
    cc_norm: np.ndarray
    power: np.ndarray


@method(kind="inference", source="sahani2003")
def signal_power(responses: Any) -> SignalPower:
    """Split the variance of each unit's response into what repeats and what does not.

    signal = [Var_t(sum_r y_r) - sum_r Var_t(y_r)] / (R (R - 1)), the mean covariance over presentations of two
    different repeats; noise = mean_r Var_t(y_r) - signal. Unbiased: a unit without signal gets numbers around 0, and a
    negative one half of the time.

    Where repeats are missing, every pair of repeats counts by the presentations that both have:
    signal = sum_{r<s} (n_rs - 1) Cov_rs / sum_{r<s} (n_rs - 1), and the variances likewise.

    Args:
        responses: `(repeat, presentation, unit)`; NaN where a repeat is missing.

    Returns:
        `signal` and `noise`, variances with n - 1 in the denominator.

    Raises:
        InputError: for another shape, fewer than two repeats, infinite values, or a unit of which no two repeats share
            two presentations.

    Source: Sahani & Linden 2003, "How linear are auditory cortical responses?", NIPS 15; checked against the program of
    Schoppe et al. 2016. Missing repeats: the same covariances, pooled; worked out here.

    >>> signal = np.random.default_rng(0).normal(size=(1000, 1))
    >>> noise = np.random.default_rng(1).normal(size=(10, 1000, 1))
    >>> found = signal_power(signal + 2 * noise)
    >>> round(float(found.signal[0] / signal.var()), 1), round(float(found.noise[0]), 1)
    (1.0, 4.0)
    """
    values = _checked(responses)
    observed = ~np.isnan(values)
    # What all presentations share cancels in the covariances; without it the products lose no digits.
    centred = np.where(observed, values - _mean(values, axis=(0, 1)), 0.0)
    there = observed.astype(np.float64)
    products = np.einsum("rtu,stu->urs", centred, centred, optimize=True)
    sums = np.einsum("rtu,stu->urs", centred, there, optimize=True)
    n = np.einsum("rtu,stu->urs", there, there, optimize=True)
    squares = products - sums * sums.transpose(0, 2, 1) / np.maximum(n, 1)
    freedom = np.maximum(n - 1, 0)
    different = ~np.eye(len(values), dtype=bool)
    shared = freedom[:, different].sum(axis=1)
    if not shared.all():
        unit = int(np.argmin(shared))
        raise InputError("responses", f"unit {unit}", "no two repeats share two presentations; leave the unit out")
    signal = squares[:, different].sum(axis=1) / shared
    total = np.einsum("urr->u", squares) / np.einsum("urr->u", freedom)
    return SignalPower(signal, total - signal)


@method(kind="inference", source="schoppe2016")
def explained_power(predicted: Any, responses: Any) -> ExplainedPower:
    """How well a prediction does for each unit, beside the best that its noise allows.

    With the mean y of all repeats, Var and Cov over presentations:
    cc_abs = Cov(y, predicted) / sqrt(Var(y) Var(predicted)), cc_max = sqrt(signal / Var(y)),
    cc_norm = cc_abs / cc_max = Cov(y, predicted) / sqrt(signal Var(predicted));
    power = [Var(y) - Var(y - predicted)] / signal, which falls below 0 where the prediction's scale is wrong.
    Nothing is capped: the true response has a cc_norm and a power of about 1 on average, so now and then above, and
    both grow without bounds as the estimated signal power nears 0.

    An interval over stimuli: `bootstrap(lambda p, y: explained_power(p, y.swapaxes(0, 1)).cc_norm, predicted,
    responses.swapaxes(0, 1))`, of `inference.bootstrap`.

    Args:
        predicted: `(presentation, unit)`, or `(presentation, 1)` for one prediction of all units.
        responses: `(repeat, presentation, unit)`; NaN where a repeat is missing, one repeat at least at every
            presentation; see `signal_power`.

    Returns:
        `cc_abs`, `cc_max`, `cc_norm` and `power`.

    Raises:
        InputError: for shapes that do not fit, a prediction that is constant or not finite, a presentation without any
            repeat, or units whose signal power is not above 0 - nothing repeats that could be explained.

    Source: Schoppe et al. 2016, doi:10.3389/fncom.2016.00010, and the authors' program, which divides by n in Var(y)
    and by n - 1 elsewhere; here n - 1 everywhere. Power explained: Sahani & Linden 2003.

    >>> signal = np.random.default_rng(0).normal(size=(1000, 1))
    >>> noise = np.random.default_rng(1).normal(size=(10, 1000, 1))
    >>> found = explained_power(signal, signal + 2 * noise)
    >>> round(float(found.cc_abs[0]), 1), round(float(found.cc_norm[0]), 1), round(float(found.power[0]), 1)
    (0.8, 1.0, 1.0)
    """
    values = _checked(responses)
    model = np.asarray(predicted, dtype=np.float64)
    if model.ndim != 2 or len(model) != values.shape[1] or model.shape[1] not in (1, values.shape[2]):
        raise InputError(
            "predicted", model.shape, f"needs {values.shape[1:]}, one row a presentation, one column a unit"
        )
    if not np.isfinite(model).all():
        raise InputError("predicted", "not finite", "needs finite predictions")
    spread = model.var(axis=0, ddof=1)
    if not (np.ptp(model, axis=0) > 0).all():
        raise InputError("predicted", f"unit {int(np.argmin(spread))}", "a constant prediction correlates with nothing")
    unseen = np.isnan(values).all(axis=0)
    if unseen.any():
        t, unit = np.argwhere(unseen)[0].tolist()
        raise InputError("responses", f"presentation {t}, unit {unit}", "has no repeat at all; leave it out")
    signal = signal_power(values).signal
    if not (signal > 0).all():
        units = np.flatnonzero(signal <= 0).tolist()
        raise InputError("responses", f"units {units}", "their signal power is not above 0; leave them out")
    y = _mean(values, axis=0)
    centred, shift = y - y.mean(axis=0), model - model.mean(axis=0)
    freedom = len(y) - 1
    variance = (centred**2).sum(axis=0) / freedom
    covariance = (centred * shift).sum(axis=0) / freedom
    left = ((centred - shift) ** 2).sum(axis=0) / freedom
    return ExplainedPower(
        cc_abs=covariance / np.sqrt(variance * spread),
        cc_max=np.sqrt(signal / variance),
        cc_norm=covariance / np.sqrt(signal * spread),
        power=(variance - left) / signal,
    )


def _checked(responses: Any) -> np.ndarray:
    values = np.asarray(responses, dtype=np.float64)
    if values.ndim != 3 or len(values) < 2 or values.shape[1] < 2 or not values.shape[2]:
        raise InputError("responses", values.shape, "needs (repeat, presentation, unit), two repeats or more")
    if np.isinf(values).any():
        raise InputError("responses", "infinity", "needs finite values, or NaN where a repeat is missing")
    return values


def _mean(values: np.ndarray, *, axis: int | tuple[int, ...]) -> np.ndarray:
    """The mean of what is there; 0 where nothing is."""
    observed = ~np.isnan(values)
    return np.where(observed, values, 0.0).sum(axis=axis) / np.maximum(observed.sum(axis=axis), 1)
