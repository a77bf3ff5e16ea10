"""Short-term memory of a reservoir: how well its states tell inputs of long ago."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from multiunit.core.errors import InputError


def memory_curve(
    states: np.ndarray, inputs: np.ndarray, *, n_train: int, max_delay: int = 60, ridge: float = 1e-6
) -> np.ndarray:
    """Squared correlation of each past input with a linear readout, on steps that the readout has not seen.

    m_k = r^2(u(t - k), w_k x(t) + b_k), k = 1 ... max_delay; the sum over k is the memory capacity, which for
    independent inputs is at most the number of units. On finite data each m_k is above 0 by about 1 / steps.

    Args:
        states: `(time, unit)`; inputs: `(time,)`, independent from step to step.
        n_train: steps after the first `max_delay` ones that the readouts are fitted on; the rest is for m.
        max_delay: the longest delay.
        ridge: penalty of the readouts.

    Returns:
        `(delay,)`, from delay 1.

    Raises:
        InputError: for lengths that do not fit.

    Source: Jaeger, GMD Report 152 (2001), with held-out steps and a penalty. Reconstructed: not read again there.

    A shift register of three cells remembers three steps:

    >>> u = np.random.default_rng(0).normal(size=2000)
    >>> register = np.stack([np.roll(u, k) for k in (1, 2, 3)], axis=1)
    >>> memory_curve(register, u, n_train=1000, max_delay=5).round(2).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    states, inputs = np.asarray(states, dtype=float), np.asarray(inputs, dtype=float)
    if states.ndim != 2 or inputs.shape != states.shape[:1]:
        raise InputError("inputs", inputs.shape, f"needs one for each row of states, {states.shape}")
    if max_delay < 1 or not 2 <= n_train <= len(inputs) - max_delay - 2:
        raise InputError("n_train", n_train, f"needs 2 steps or more, and leaves 2 of {len(inputs)} - {max_delay}")
    past = np.stack([inputs[max_delay - k : len(inputs) - k] for k in range(1, max_delay + 1)], axis=1)
    seen = states[max_delay:]
    readout = Ridge(alpha=ridge).fit(seen[:n_train], past[:n_train])
    told, true = readout.predict(seen[n_train:]).reshape(-1, max_delay), past[n_train:]
    told, true = told - told.mean(axis=0), true - true.mean(axis=0)
    spread = (told**2).sum(axis=0) * (true**2).sum(axis=0)
    shared = (told * true).sum(axis=0) ** 2
    # A readout that never changes tells nothing.
    return np.divide(shared, spread, out=np.zeros(max_delay), where=spread > 0)
