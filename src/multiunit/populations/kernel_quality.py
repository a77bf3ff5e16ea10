"""Kernel quality: how many different inputs a population tells apart, and how much of that is noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class KernelQuality(NamedTuple):
    """Ranks of the states for different inputs, `separation`, and for noisy copies, `generalisation`."""

    separation: int
    generalisation: int

    @property
    def difference(self) -> int:
        """Separation less generalisation: what is told apart beyond noise."""
        return self.separation - self.generalisation


def kernel_quality(states: np.ndarray, noisy_states: np.ndarray) -> KernelQuality:
    """Rank of a population's states for different inputs, beside the rank for inputs that should count as the same.

    A linear readout can give any answers to m inputs if the states have rank m; states of noisy versions of few inputs
    should have a low rank.

    Args:
        states: `(presentation, unit)`, one row for each different input.
        noisy_states: `(presentation, unit)`, as many rows, for noisy versions of inputs.

    Raises:
        InputError: for shapes that differ, no states, or values that are not finite.

    Source: Legenstein & Maass 2007, doi:10.1016/j.neunet.2007.04.017; reconstructed: the paper was not read again, and
    the ranks are as in the program of Ivanov & Michmizos 2021, arXiv:2111.01760.

    >>> copies = np.outer(np.ones(3), np.arange(1.0, 5.0))
    >>> found = kernel_quality(np.eye(3, 4), copies)
    >>> found, found.difference
    (KernelQuality(separation=3, generalisation=1), 2)
    """
    states, noisy_states = np.asarray(states, dtype=np.float64), np.asarray(noisy_states, dtype=np.float64)
    if states.ndim != 2 or not states.size or noisy_states.shape != states.shape:
        raise InputError("noisy_states", noisy_states.shape, f"needs (presentation, unit) like states, {states.shape}")
    if not (np.isfinite(states).all() and np.isfinite(noisy_states).all()):
        raise InputError("states", "not finite", "needs finite states")
    return KernelQuality(int(np.linalg.matrix_rank(states)), int(np.linalg.matrix_rank(noisy_states)))
