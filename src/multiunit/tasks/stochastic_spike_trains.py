"""Spike trains of classes that differ in rate, in burstiness, or in both, and are random otherwise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class SpikeTrains(NamedTuple):
    """`spikes` bool `(presentation, time, unit)` and `label` `(presentation,)`, class numbers."""

    spikes: np.ndarray
    label: np.ndarray


def markov_trains(shape: tuple[int, ...], *, rate: Any, stay: Any, random_state: int | np.random.Generator = 0) -> Any:
    """Trains in which a spike is followed by a spike with a probability of its own: a chain of two states.

    P(spike | spike) = stay and P(spike | none) = rate (1 - stay) / (1 - rate), which keeps P(spike) = rate from the
    first bin on. stay = rate has no memory: Bernoulli, or Poisson for narrow bins.

    Args:
        shape: `(..., time, unit)`.
        rate: spikes a bin, between 0 and 1; broadcasts against `(..., 1, unit)` without time.
        stay: between 0 and 1, the same.

    Returns:
        bool, of this shape.

    Raises:
        InputError: for probabilities out of range.

    >>> x = markov_trains((100_000, 1), rate=0.1, stay=0.6)
    >>> round(float(x.mean()), 2), round(float(x[1:][x[:-1]].mean()), 2)
    (0.1, 0.6)
    """
    rate, stay = np.asarray(rate, dtype=float), np.asarray(stay, dtype=float)
    rises = rate * (1 - stay) / (1 - rate) if (rate < 1).all() else np.array(2.0)
    for name, p in (("rate", rate), ("stay", stay), ("rate", rises)):
        if not ((p >= 0) & (p <= 1)).all():
            raise InputError(name, p.tolist(), "probabilities, and 1 - rate enough to keep the rate at this stay")
    rng = np.random.default_rng(random_state)
    drawn = rng.random(shape)
    spikes = np.empty(shape, dtype=bool)
    spikes[..., 0, :] = drawn[..., 0, :] < rate
    for t in range(1, shape[-2]):
        spikes[..., t, :] = drawn[..., t, :] < np.where(spikes[..., t - 1, :], stay, rises)
    return spikes


def stochastic_spike_trains(
    n: int,
    *,
    rates: Any,
    stays: Any = None,
    n_units: int = 40,
    n_steps: int = 200,
    random_state: int | np.random.Generator = 0,
) -> SpikeTrains:
    """Presentations of classes that are told apart by their statistics only; all units are alike and independent.

    Args:
        n: presentations; classes come up equally often, up to one, in random order.
        rates: `(class,)`, spikes a bin.
        stays: `(class,)`, probability of a spike after a spike; the rate itself, no memory, if None. See
            `markov_trains`.
        n_units: trains a presentation.
        n_steps: bins.
        random_state: draws everything.

    Raises:
        InputError: for lengths that differ, or probabilities out of range.

    >>> trains = stochastic_spike_trains(100, rates=[0.02, 0.2])
    >>> trains.spikes.shape, [round(float(trains.spikes[trains.label == c].mean()), 2) for c in (0, 1)]
    ((100, 200, 40), [0.02, 0.2])
    """
    rates = np.asarray(rates, dtype=float)
    stays = rates if stays is None else np.asarray(stays, dtype=float)
    if rates.ndim != 1 or rates.shape != stays.shape or not len(rates):
        raise InputError("stays", stays.tolist(), f"needs one for each of {rates.shape} rates")
    rng = np.random.default_rng(random_state)
    label = rng.permutation(np.arange(n) % len(rates))
    spikes = markov_trains((n, n_steps, n_units), rate=rates[label, None], stay=stays[label, None], random_state=rng)
    return SpikeTrains(spikes, label)
