"""Positional neurons: units whose activity tells where in the sequence the token stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import rel_entr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question


def position_information(frequency: np.ndarray) -> np.ndarray:
    """Mutual information (nats) between a unit's being active and a uniformly drawn position.

    I = (1/T) sum_t [ f_t log(f_t / f) + (1 - f_t) log((1 - f_t) / (1 - f)) ],  f = (1/T) sum_t f_t.

    Args:
        frequency: `(unit, position)`, the share f_t of tokens at position t that activate the unit.

    Returns:
        `(unit,)`, between 0 and log 2.

    >>> position_information(np.array([[0.0, 0.0, 1.0, 1.0], [0.3, 0.3, 0.3, 0.3]])).round(6).tolist()
    [0.693147, 0.0]
    """
    frequency = np.asarray(frequency, dtype=np.float64)
    mean = frequency.mean(axis=1, keepdims=True)
    # rel_entr(0, .) = 0: a position that never or always activates the unit adds no infinite term. Clipping takes off
    # what rounding leaves of a flat profile.
    terms = rel_entr(frequency, mean) + rel_entr(1 - frequency, 1 - mean)
    return np.clip(terms.mean(axis=1), 0.0, np.log(2))


def information_bias(n: np.ndarray) -> float:
    """What `position_information` is expected to give (nats) for activity that does not depend on the position.

    To first order `(1/T) (1 - 1/T) sum_t 1 / (2 n_t)`, which is `(T - 1) / (2 n)` for n tokens spread evenly. It is an
    upper estimate for units that are active less than about once a position.

    >>> round(information_bias(np.array([100, 100])), 6) == (2 - 1) / (2 * 200)
    True
    """
    n = np.asarray(n, dtype=np.float64)
    return float((1 - 1 / len(n)) * (1 / (2 * n)).mean())


def pattern(frequency: np.ndarray) -> str:
    """How activity goes along the sequence: "switch", "oscillating" or "graded".

    Switch: at nine positions in ten the unit is as good as always or as good as never active (frequency above 0.9 or
    below 0.1). Oscillating: one frequency of two or more cycles a sequence carries over half the variance of the
    profile. Graded: anything else. The borders are our reading of the paper's pictures; it gives no numbers.

    >>> pattern(np.repeat([0.0, 1.0], 16)), pattern(0.5 + 0.4 * np.sin(np.arange(32) * np.pi / 4))
    ('switch', 'oscillating')
    """
    power = np.abs(np.fft.rfft(frequency - frequency.mean())) ** 2
    power[-1] *= 0.5 if len(frequency) % 2 == 0 else 1.0  # Nyquist has no twin among the negative frequencies.
    if len(power) > 2 and power[2:].max() > 0.5 * power.sum():
        return "oscillating"
    return "switch" if ((frequency > 0.9) | (frequency < 0.1)).mean() >= 0.9 else "graded"


def needs(question: Question) -> dict[str, Statistic] | None:
    """Applicable to sequences of at least two positions."""
    if question.n_positions < 2:
        return None
    from multiunit.statistics import Moments, PositionProfile

    return {"profile": PositionProfile(question.n_positions, threshold=question.threshold), "moments": Moments()}


@method(kind="detector", source="arXiv:2309.04827", needs=needs, finds="position")
def positional_neurons(
    *,
    profile: xr.Dataset,
    moments: xr.Dataset,
    threshold: float = 0.05,
    min_count: int = 20,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units that encode position: mutual information of activity and position above `threshold` nats.

    score = I - bias, with I of `position_information` and the bias of `information_bias` that a finite number of
    sequences brings. Selected: score > threshold.

    Args:
        profile: `PositionProfile`: `active(unit, position)`, `n(position)`.
        moments: `Moments`: `mean(unit)`, on which the control is matched.
        threshold: in nats.
        min_count: positions that fewer sequences reach are left out; their frequencies are chance.
        random_state: seed or generator of the control.

    Returns:
        `score(unit)` and `information(unit)` in nats, `selected`, `control`, `pattern(unit)` ("" where not selected),
        `frequency(unit, position)` (NaN at positions left out).

    Raises:
        InputError: if fewer than two positions were reached `min_count` times.

    Source: Voita et al. 2023, arXiv:2309.04827, section 5, for windows of equal length. There f is the overall
    frequency; with ragged texts that is not the mean over positions, which is used here so that I stays a mutual
    information. Subtracting the bias is our addition.
    """
    units = same_units(profile=profile, moments=moments)
    n = profile["n"].values
    reached = n >= max(1, min_count)
    if reached.sum() < 2:
        raise InputError(
            "profile", f"{reached.sum()} positions", f"needs two positions with {min_count} tokens or more"
        )
    frequency = np.full(profile["active"].shape, np.nan)
    frequency[:, reached] = profile["active"].values[:, reached] / n[reached]
    information = position_information(frequency[:, reached])
    bias = information_bias(n[reached])
    selected = information - bias > threshold
    kind = [pattern(f) if s else "" for f, s in zip(frequency[:, reached], selected, strict=True)]
    return detection(
        information - bias,
        selected,
        units=units,
        mean_activity=moments["mean"].values,
        extras={
            "information": ("unit", information),
            "pattern": ("unit", np.array(kind, dtype=object)),
            "frequency": (("unit", "position"), frequency),
        },
        random_state=random_state,
        threshold=threshold,
        bias=bias,
    )
