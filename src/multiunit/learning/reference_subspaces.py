"""Subspaces that are not learned by neurons: the true principal one, and one at random, to compare with."""

from __future__ import annotations

import numpy as np
import torch

from multiunit.core.errors import InputError


class PrincipalSubspace:
    """The strongest directions of what was seen since the last block, after those before are taken off.

    Second moments are summed over all batches; `freeze` takes their eigenvectors. With it, projected learning is
    gradient projection memory.

    Args:
        n_in: length of x.

    Source: Saha, Garg & Roy, Gradient projection memory, arXiv:2103.09762.

    >>> space = PrincipalSubspace(2)
    >>> space.add(1)
    >>> space.update(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> space.freeze()
    >>> space.orthogonal(torch.tensor([[1.0, 1.0]])).tolist()
    [[0.0, 1.0]]
    """

    def __init__(self, n_in: int) -> None:
        if n_in < 1:
            raise InputError("n_in", n_in, "must be at least 1")
        self.rows = torch.zeros(0, n_in)
        self.wanted, self.moments = 0, torch.zeros(n_in, n_in, dtype=torch.float64)

    def add(self, n_rows: int) -> None:
        """Begin a block of so many directions, or as many as there is room for."""
        self.wanted = min(n_rows, self.rows.shape[1] - len(self.rows))
        self.moments.zero_()

    def update(self, x: torch.Tensor) -> None:
        """See a batch `(sample, n_in)`."""
        left = self.orthogonal(x).double()
        self.moments += left.T @ left

    def freeze(self) -> None:
        """Take the directions."""
        _, vectors = torch.linalg.eigh(self.moments)
        new = vectors[:, vectors.shape[1] - self.wanted :].T.to(self.rows.dtype)
        self.rows, self.wanted = torch.cat([self.rows, new]), 0

    def orthogonal(self, x: torch.Tensor) -> torch.Tensor:
        """What is left of `(..., n_in)`."""
        return x - (x @ self.rows.T) @ self.rows


class RandomSubspace:
    """Directions drawn at random, each at right angles to all before; nothing is learned.

    >>> space = RandomSubspace(3)
    >>> space.add(3)
    >>> space.freeze()
    >>> bool(space.orthogonal(torch.ones(1, 3)).abs().max() < 1e-6)
    True
    """

    def __init__(self, n_in: int, *, random_state: int | np.random.Generator = 0) -> None:
        if n_in < 1:
            raise InputError("n_in", n_in, "must be at least 1")
        drawn = np.random.default_rng(random_state).normal(size=(n_in, n_in))
        self.all = torch.as_tensor(np.linalg.qr(drawn)[0].T, dtype=torch.float32)
        self.n_rows = self.n_frozen = 0

    @property
    def rows(self) -> torch.Tensor:
        """`(row, n_in)`."""
        return self.all[: self.n_rows]

    def add(self, n_rows: int) -> None:
        """So many more directions, or as many as there is room for."""
        self.n_rows = min(self.n_rows + n_rows, len(self.all))

    def update(self, x: torch.Tensor) -> None:
        """See a batch, and learn nothing."""

    def freeze(self) -> None:
        """Directions count from now on."""
        self.n_frozen = self.n_rows

    def orthogonal(self, x: torch.Tensor) -> torch.Tensor:
        """What is left of `(..., n_in)`."""
        frozen = self.all[: self.n_frozen]
        return x - (x @ frozen.T) @ frozen
