"""What reaches a circuit from outside: currents, Poisson spikes, lists of spikes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Drive:
    """A current, or any input that is given at every step.

    Args:
        population: its name.
        into: the input of its element.
        values: a number or `(unit,)` for a constant; `(sample, unit)` or `(sample, 1)` for one that changes, each
            sample lasting `width` seconds. After the last sample there is nothing.
        width: seconds a sample; None for a constant.
        start: seconds before the first sample.

    Raises:
        InputError: for values of another shape, or a width that is not positive.
    """

    population: str
    into: str
    values: Any = field(repr=False, kw_only=True)
    width: float | None = field(default=None, kw_only=True)
    start: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim > (1 if self.width is None else 2) or (self.width is not None and values.ndim != 2):
            raise InputError("values", values.shape, "a number or (unit,); with a width (sample, unit) or (sample, 1)")
        if not np.isfinite(values).all() or (self.width is not None and not self.width > 0) or self.start < 0:
            raise InputError("values", (self.width, self.start), "finite values, a width above 0, no negative start")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class PoissonInput:
    """Independent Poisson spikes to every unit, each adding `weight` to an input.

    Args:
        rate: in Hz, of all sources that reach a unit together: a number or `(unit,)`.
        weight: of a spike.

    Raises:
        InputError: for a rate that is negative or not finite.
    """

    population: str
    into: str
    rate: Any = field(repr=False, kw_only=True)
    weight: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        rate = np.asarray(self.rate, dtype=np.float64)
        if rate.ndim > 1 or not np.isfinite(rate).all() or (rate < 0).any():
            raise InputError("rate", rate.shape, "a number or (unit,), in Hz, not negative")
        object.__setattr__(self, "rate", rate)


@dataclass(frozen=True)
class SpikeInput:
    """Spikes at known times, each adding `weight` to an input of one unit.

    Args:
        times: `(spike,)`, seconds; a spike acts in the step that contains it.
        units: `(spike,)`.
        weight: a number or `(spike,)`.

    Raises:
        InputError: for lengths that differ, or times before 0.
    """

    population: str
    into: str
    times: Any = field(repr=False, kw_only=True)
    units: Any = field(repr=False, kw_only=True)
    weight: Any = field(default=1.0, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        times, units = np.asarray(self.times, dtype=np.float64), np.asarray(self.units)
        weight = np.broadcast_to(np.asarray(self.weight, dtype=np.float64), times.shape)
        if times.ndim != 1 or units.shape != times.shape or not np.isfinite(times).all() or (times < 0).any():
            raise InputError("times", times.shape, "times (s) and units of the same spikes, none before 0")
        order = np.argsort(times, kind="stable")
        for name, values in (("times", times), ("units", units.astype(np.int64)), ("weight", weight)):
            object.__setattr__(self, name, values[order])
