"""Associative memories: patterns that a piece of them calls back, and values that a key does."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class KeyValueMemory(nn.Module):
    """Values read by how near their keys are to a query; with the keys as values, a dense Hopfield network.

    read(q) = sum_i softmax_i(beta <k_i, q>) v_i. With values = keys, repeated reading descends the energy
    E(q) = -1/beta log sum_i exp(beta <k_i, q>) + |q|^2 / 2, and comes to a stored pattern in one step if it is far
    enough from all others.

    Args:
        n_keys: length of keys and queries.
        n_values: length of values; that of keys by default.
        beta: inverse temperature; 1 / sqrt(n_keys) is attention as in transformers.

    Attributes:
        keys: `(item, n_keys)`; values: `(item, n_values)`.

    Raises:
        InputError: for sizes below 1, or a beta that is not positive.

    Source: Ramsauer et al., Hopfield Networks is All You Need, arXiv:2008.02217, equations 2 and 3; reconstructed, not
    read again there.

    >>> memory = KeyValueMemory(3, 1, beta=20.0)
    >>> memory.store(torch.eye(3), torch.tensor([[1.0], [2.0], [3.0]]))
    >>> memory(torch.tensor([[0.0, 0.8, 0.2]])).round(decimals=3).tolist()
    [[2.0]]
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, n_keys: int, n_values: int | None = None, *, beta: float = 1.0) -> None:
        super().__init__()
        n_values = n_keys if n_values is None else n_values
        if min(n_keys, n_values) < 1:
            raise InputError("n_keys", (n_keys, n_values), "keys and values need a length of 1 or more")
        if not 0 < beta < float("inf"):
            raise InputError("beta", beta, "must be positive and finite")
        self.beta = beta
        self.register_buffer("keys", torch.empty(0, n_keys))
        self.register_buffer("values", torch.empty(0, n_values))

    def store(self, keys: torch.Tensor, values: torch.Tensor | None = None) -> None:
        """Add items: keys `(item, n_keys)` and their values `(item, n_values)`, the keys themselves by default.

        Raises:
            InputError: for other shapes.
        """
        values = keys if values is None else values
        if keys.ndim != 2 or keys.shape[1:] != self.keys.shape[1:]:
            raise InputError("keys", tuple(keys.shape), f"needs (item, {self.keys.shape[1]})")
        if values.shape != (len(keys), self.values.shape[1]):
            raise InputError("values", tuple(values.shape), f"needs ({len(keys)}, {self.values.shape[1]})")
        self.keys = torch.cat([self.keys, keys.to(self.keys)])
        self.values = torch.cat([self.values, values.to(self.values)])

    def forward(self, query: torch.Tensor) -> torch.Tensor:
        """Read `(..., n_keys)` to `(..., n_values)`.

        Raises:
            InputError: for an empty memory, or queries of another length.
        """
        if not len(self.keys):
            raise InputError("query", tuple(query.shape), "the memory is empty; store something first")
        if query.shape[-1:] != self.keys.shape[1:]:
            raise InputError("query", tuple(query.shape), f"needs (..., {self.keys.shape[1]})")
        return (self.beta * query @ self.keys.T).softmax(-1) @ self.values


class HopfieldNetwork:
    """Binary units that settle into stored patterns.

    W = 1/n sum_m x_m x_m', its diagonal 0; one unit after the other, in random order, x_i <- sign(sum_j W_ij x_j), 1
    for a sum of 0, until none changes. The energy E = -1/2 x'W x never rises. About 0.14 n random patterns can be kept.

    Args:
        n_units: units.
        random_state: seed or generator of the order.

    Raises:
        InputError: for fewer than two units.

    Source: Hopfield, PNAS 79 (1982), doi:10.1073/pnas.79.8.2554; reconstructed, not read again there.

    >>> network = HopfieldNetwork(6)
    >>> network.store(np.array([[1, 1, 1, -1, -1, -1]]))
    >>> network.recall(np.array([1, 1, -1, -1, -1, -1])).tolist()
    [1, 1, 1, -1, -1, -1]
    """

    def __init__(self, n_units: int, *, random_state: int | np.random.Generator = 0) -> None:
        if n_units < 2:
            raise InputError("n_units", n_units, "needs two units or more")
        self.weights = np.zeros((n_units, n_units))
        self.random_numbers = np.random.default_rng(random_state)

    def store(self, patterns: np.ndarray) -> None:
        """Add patterns of -1 and 1, `(pattern, unit)`.

        Raises:
            InputError: for another shape or other numbers.
        """
        x = self._checked("patterns", np.atleast_2d(patterns))
        self.weights += x.T @ x / len(self.weights)
        np.fill_diagonal(self.weights, 0.0)

    def recall(self, start: np.ndarray, *, n_sweeps: int = 100) -> np.ndarray:
        """Settle from a state `(unit,)` of -1 and 1; all units are asked `n_sweeps` times at most.

        Raises:
            InputError: for another shape or other numbers.
        """
        x = self._checked("start", np.atleast_2d(start))[0]
        for _ in range(n_sweeps):
            before = x.copy()
            for i in self.random_numbers.permutation(len(x)):
                x[i] = 1.0 if self.weights[i] @ x >= 0 else -1.0
            if (x == before).all():
                break
        return x.astype(np.int64)

    def energy(self, state: np.ndarray) -> float:
        """E of a state `(unit,)`."""
        x = self._checked("state", np.atleast_2d(state))[0]
        return float(-0.5 * x @ self.weights @ x)

    def _checked(self, name: str, states: np.ndarray) -> np.ndarray:
        x = np.array(states, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.weights) or not np.isin(x, (-1, 1)).all():
            raise InputError(name, x.shape, f"needs {len(self.weights)} units of -1 or 1")
        return x
