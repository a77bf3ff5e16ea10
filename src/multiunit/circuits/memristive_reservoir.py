"""Volatile memristors as a reservoir: what they forget slowly tells of the past."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.memristor import volatile_memristor


def memristive_reservoir(
    inputs: np.ndarray, *, mask: np.ndarray, taus: np.ndarray, growth: float = 40.0, dt: float = 1e-3
) -> np.ndarray:
    """States of devices, each of which is driven by the input times a mask, piece by piece.

    During a sample u, device k sees the voltages mask_k1 u, mask_k2 u, ..., each for dt; its states after each of them
    are its virtual nodes. x' = growth max(voltage, 0) (1 - x) - x / tau_k, from 0.

    Args:
        inputs: `(sequence, time)`, V.
        mask: `(device, piece)`.
        taus: `(device,)`, s.
        growth: 1/(V s).
        dt: of one piece, s; a sample lasts dt times the number of pieces.

    Returns:
        `(sequence, time, device * piece)`, 0 to 1: the state of each node after each sample.

    Raises:
        InputError: for shapes that do not fit, missing values, or time constants that are not positive.

    Source: masks and virtual nodes, Appeltant et al., Nature Communications 2:468 (2011); memristors, Du et al., Nature
    Communications 8:2204 (2017).
    Reconstructed: equations were not read again there.

    >>> states = memristive_reservoir(np.array([[1.0, 0.0]]), mask=np.array([[1.0, -1.0]]), taus=np.array([0.01]))
    >>> states.round(3).tolist()    # grows, decays; decays, decays
    [[[0.037, 0.034], [0.031, 0.028]]]
    """
    u, m, tau = np.asarray(inputs, float), np.asarray(mask, float), np.asarray(taus, float)
    if u.ndim != 2 or m.ndim != 2 or tau.shape != m.shape[:1]:
        raise InputError("inputs", (u.shape, m.shape, tau.shape), "needs (sequence, time); mask (device, piece), taus")
    if not np.isfinite(u).all() or not np.isfinite(m).all() or not (tau > 0).all() or not dt > 0:
        raise InputError("taus", tau, "must be positive, as dt, and inputs and mask finite")
    state = np.zeros((len(u), len(m)))
    found = np.empty((len(u), u.shape[1], *m.shape))
    for t in range(u.shape[1]):
        for piece in range(m.shape[1]):
            voltage = u[:, t, None] * m[:, piece]
            state = volatile_memristor(state, voltage, tau=tau, growth=growth, dt=dt)
            found[:, t, :, piece] = state
    return found.reshape(len(u), u.shape[1], -1)
