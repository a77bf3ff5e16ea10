"""A spiking neuron with dendritic branches, each of which starts plateaus of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.element import element_of
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.dynamics.synapses import plateau_branch


class BranchedActivity(NamedTuple):
    """What a neuron with branches did.

    Args:
        spikes: `(trial, time)` bool.
        voltage: of the soma, `(trial, time)`, V.
        plateaus: `(trial, time, branch)`, 0 to 1.
    """

    spikes: np.ndarray
    voltage: np.ndarray
    plateaus: np.ndarray


def branched_neuron(
    inputs: np.ndarray,
    *,
    weights: np.ndarray,
    branch: np.ndarray,
    passive: float = 1e-3,
    active: float = 0.02,
    threshold: float = 1.0,
    tau_plateau: float = 0.08,
    dt: float = 1e-3,
) -> BranchedActivity:
    """Run a neuron whose synapses excite branches, and whose branches excite the soma.

    Each branch is a `plateau_branch` of the weighted sum of its spikes; the soma is a `leaky_integrate_and_fire` with
    current sum over branches of passive g + active plateau.

    Args:
        inputs: spikes `(trial, time, input)`, 0 or 1.
        weights: `(input,)`, negative for inhibitory inputs; a plateau starts where the sum passes `threshold`.
        branch: branch number of each input, from 0, `(input,)`.
        passive, active: what a branch's synaptic trace of 1 and a full plateau do to the potential at the soma, V.
        threshold: of a plateau, in the unit of the weights.
        tau_plateau: s.
        dt: step, s.

    Returns:
        Spikes, potential and plateaus, from rest.

    Raises:
        InputError: for arrays that do not fit, or no branches.

    Source: ours, a generic neuron with the two elements; not fitted to a cell.

    >>> together, apart = np.zeros((2, 1, 50, 2))
    >>> together[0, 10] = 1.0
    >>> apart[0, 10, 0] = apart[0, 30, 1] = 1.0
    >>> peaks = [
    ...     branched_neuron(x, weights=np.array([0.8, 0.8]), branch=np.array([0, 0])).plateaus.max()
    ...     for x in (together, apart)
    ... ]
    >>> bool(peaks[0] > 1.5 * peaks[1])    # two spikes start a plateau together that they do not start one by one
    True
    """
    x, w, to = np.asarray(inputs, float), np.asarray(weights, float), np.asarray(branch)
    if x.ndim != 3 or w.shape != x.shape[2:] or to.shape != w.shape:
        raise InputError("inputs", x.shape, f"needs (trial, time, input), and weights and branch of {x.shape[-1:]}")
    if not np.issubdtype(to.dtype, np.integer) or to.size == 0 or to.min() < 0:
        raise InputError("branch", to.tolist(), "needs a number from 0 for each input")
    arriving = x @ (w[:, None] * (to[:, None] == np.arange(to.max() + 1)))
    n_trials, n_steps, n_branches = arriving.shape
    g, plateau = np.zeros((2, n_trials, n_branches))
    v = np.full(n_trials, element_of(leaky_integrate_and_fire).states["v"])
    refractory = np.zeros(n_trials)
    spikes = np.empty((n_trials, n_steps), bool)
    voltage, plateaus = np.empty((n_trials, n_steps)), np.empty(arriving.shape)
    for t in range(n_steps):
        g, plateau = plateau_branch(g, plateau, arriving[:, t], threshold=threshold, tau_plateau=tau_plateau, dt=dt)
        current = (passive * g + active * plateau).sum(1)
        v, refractory, spikes[:, t] = leaky_integrate_and_fire(v, refractory, current, dt=dt)
        voltage[:, t], plateaus[:, t] = v, plateau
    return BranchedActivity(spikes, voltage, plateaus)
