"""What the resistance of its wires does to a crossbar: the exact solution of the circuit."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from multiunit.core.errors import InputError


def wired_conductance(conductance: np.ndarray, *, r_wire: float) -> np.ndarray:
    """The current that a column gives for each volt on a row, through wires that are no perfect conductors.

    Row i is driven at its left end and column j grounded below its last row; between neighbouring cells, and between a
    cell and its end, there is one resistor r_wire. Kirchhoff's law at both nodes of every cell: the sum of currents is
    0. The circuit is linear, so that its answer is a matrix again, with smaller values: I_j = sum_i answer_ij V_i.

    Args:
        conductance: of the cells, `(row, column)`, S, not negative.
        r_wire: of one piece of wire, ohm; 0 gives the conductances back.

    Returns:
        `(row, column)`, S.

    Raises:
        InputError: for negative or missing values, or another shape.

    Source: nodal analysis.

    >>> cell = np.array([[1e-3]])    # 1000 ohm, and two wires of 100
    >>> round(1 / float(wired_conductance(cell, r_wire=100.0)[0, 0]), 6)
    1200.0
    """
    g = np.asarray(conductance, float)
    if g.ndim != 2 or not g.size or not (g >= 0).all() or not np.isfinite(g).all():
        raise InputError("conductance", g.shape, "needs (row, column), finite and not negative")
    if not 0 <= r_wire < np.inf:
        raise InputError("r_wire", r_wire, "must be 0 or more")
    if r_wire == 0:
        return g.copy()
    n_rows, n_columns = g.shape
    wire = 1 / r_wire
    upper = np.arange(g.size).reshape(g.shape)  # on the rows; those on the columns follow
    lower = upper + g.size
    pairs = [
        (upper[:, :-1], upper[:, 1:], np.full((n_rows, n_columns - 1), wire)),
        (lower[:-1], lower[1:], np.full((n_rows - 1, n_columns), wire)),
        (upper, lower, g),
    ]
    a, b, between = (np.concatenate([part[k].ravel() for part in pairs]) for k in range(3))
    ends = np.concatenate([upper[:, 0], lower[-1]])
    row = np.concatenate([a, b, a, b, ends])
    column = np.concatenate([a, b, b, a, ends])
    value = np.concatenate([between, between, -between, -between, np.full(len(ends), wire)])
    matrix = coo_array((value, (row, column)), shape=(2 * g.size, 2 * g.size)).tocsc()
    driven = np.zeros((2 * g.size, n_rows))
    driven[upper[:, 0], np.arange(n_rows)] = wire  # one volt on each row in turn
    return (wire * splu(matrix).solve(driven)[lower[-1]]).T
