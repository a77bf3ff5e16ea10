"""Homeostasis: units change a parameter of their own until they spike as often as they should."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.circuits.circuit import Circuit
from multiunit.core.errors import InputError


def adapt(circuit: Circuit, population: str, *, parameter: str, rates: Any, target: Any, step: float) -> np.ndarray:
    """Move a parameter of every unit by its distance from a target rate; to be called between runs.

    p_i <- p_i + step (rate_i - target_i): a threshold rises where units spike too often, with `step` above 0.

    Args:
        circuit: changed in place.
        population: whose units.
        parameter: of its element; the population was made with one value for each unit.
        rates: spikes a second `(unit,)`, as measured in the last run.
        target: spikes a second, a number or `(unit,)`.
        step: units of the parameter for a spike a second.

    Returns:
        The parameter now, `(unit,)`.

    Raises:
        InputError: for a parameter with one value for all units, or shapes that do not fit.

    >>> from multiunit.circuits import Population
    >>> from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
    >>> cells = Population(2, leaky_integrate_and_fire, name="cells", v_threshold=[-0.05, -0.05])
    >>> circuit = Circuit([cells])
    >>> adapt(circuit, "cells", parameter="v_threshold", rates=[30.0, 10.0], target=20.0, step=1e-4).round(4).tolist()
    [-0.049, -0.051]
    """
    values = circuit.parameter(population, parameter)
    rates, wanted = np.asarray(rates, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if rates.shape != values.shape or wanted.shape not in ((), values.shape):
        raise InputError("rates", rates.shape, f"needs one for each of {len(values)} units, and a target likewise")
    if not (np.isfinite(rates).all() and np.isfinite(wanted).all() and np.isfinite(step)):
        raise InputError("rates", rates, "needs finite numbers")
    values += (step * (rates - wanted)).astype(values.dtype)
    return values.copy()
