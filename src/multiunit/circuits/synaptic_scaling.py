"""Synaptic scaling: what reaches a unit stays the same in all, however single synapses change."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.circuits.circuit import Circuit
from multiunit.core.errors import InputError


def scale_incoming(circuit: Circuit, projection: str, *, total: Any, rate: float = 1.0) -> np.ndarray:
    """Multiply the weights into each unit so that their sizes come nearer to a sum; to be called between runs.

    w_ij <- w_ij (1 + rate (total_j / sum_i |w_ij| - 1)). Ratios of weights into a unit stay what they are.

    Args:
        circuit: changed in place.
        projection: with a weight for each edge: plastic, or made with `structural=True`.
        total: what |weights| should sum to, a number or `(unit,)`.
        rate: 1 reaches the sum at once.

    Returns:
        The factor of every postsynaptic unit, 1 for those without edges or with weights that are all 0.

    Raises:
        InputError: for one weight for all edges, or a sum or rate that does not fit.

    Source: Turrigiano et al. 1998, doi:10.1038/36103, that inputs are scaled multiplicatively; the rule as used by
    Diehl & Cook 2015. Reconstructed: neither was read again.

    >>> from multiunit.circuits import EdgeList, Population, Projection
    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> edges = EdgeList([0, 1], [2, 2], weight=[1.0, 3.0])
    >>> circuit = Circuit([Population(3, izhikevich, name="cells")],
    ...                   [Projection("cells", "cells", connectivity=edges, into="current", structural=True)])
    >>> scale_incoming(circuit, "cells->cells", total=8.0).tolist(), circuit.weights("cells->cells").tolist()
    ([1.0, 1.0, 2.0], [2.0, 6.0])
    """
    edges = circuit.changing_edges(projection)
    n = circuit.populations[edges.projection.post].n
    wanted = np.asarray(total, dtype=np.float64)
    if wanted.shape not in ((), (n,)) or not np.isfinite(wanted).all() or (wanted < 0).any():
        raise InputError("total", wanted.shape, f"needs a sum that is not negative, or one for each of {n} units")
    if not 0 < rate <= 1:
        raise InputError("rate", rate, "lies above 0 and is at most 1")
    sums = np.bincount(edges.post, weights=np.abs(edges.weight), minlength=n)
    factor = np.where(sums > 0, 1 + rate * (wanted / np.where(sums > 0, sums, 1.0) - 1), 1.0)
    edges.weight *= factor[edges.post].astype(edges.weight.dtype)
    return factor
