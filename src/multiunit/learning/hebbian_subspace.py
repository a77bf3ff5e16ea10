"""Lateral neurons that learn by a Hebbian rule the subspace in which a layer's input lives."""

from __future__ import annotations

import numpy as np
import torch

from multiunit.core.errors import InputError


class HebbianSubspace:
    """Rows that come to span the principal subspace of what they see, block by block.

    y = x H', xhat = y H; dH = mean over the batch of y' (x - xhat), clipped to [-10, 10]; a running mean of dH with the
    given momentum moves H by `learning_rate` (subspace rule of Oja). Rows that are frozen take part in xhat and do not
    move, so that a new block learns what those before leave over.

    Args:
        n_in: length of x.
        learning_rate: times the largest eigenvalue of E[x' x] it must stay well below 2.
        momentum: of the running mean.
        random_state: draws new rows, orthonormal among themselves.

    Raises:
        InputError: for a size below 1, or a rate or momentum that is out of range.

    Source: Xiao et al., Hebbian learning based orthogonal projection, arXiv:2402.11984; definitions from their code.

    >>> rng = np.random.default_rng(0)
    >>> x = torch.tensor(rng.normal(size=(200, 2)) @ [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]], dtype=torch.float32)
    >>> space = HebbianSubspace(3, learning_rate=0.05)
    >>> space.add(2)
    >>> for _ in range(100):
    ...     space.update(x)
    >>> space.freeze()
    >>> round(float(space.orthogonal(torch.tensor([[1.0, 1.0, 1.0]])).norm()), 3)
    1.0
    """

    def __init__(
        self,
        n_in: int,
        *,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if n_in < 1:
            raise InputError("n_in", n_in, "must be at least 1")
        if not learning_rate > 0 or not 0 <= momentum < 1:
            raise InputError("learning_rate", (learning_rate, momentum), "a rate above 0, a momentum in [0, 1)")
        self.learning_rate, self.momentum = learning_rate, momentum
        self.rng = np.random.default_rng(random_state)
        self.rows = torch.zeros(0, n_in)
        self.moving = torch.zeros(0, n_in)
        self.n_frozen = 0

    def add(self, n_rows: int) -> None:
        """New rows, which learn; as many as there is room for.

        Raises:
            InputError: for a number below 0.
        """
        if n_rows < 0:
            raise InputError("n_rows", n_rows, "must not be negative")
        n_in = self.rows.shape[1]
        drawn = np.linalg.qr(self.rng.normal(size=(n_in, n_in)))[0][: min(n_rows, n_in - len(self.rows))]
        new = torch.as_tensor(drawn, dtype=self.rows.dtype)
        self.rows, self.moving = torch.cat([self.rows, new]), torch.cat([self.moving, torch.zeros_like(new)])

    def update(self, x: torch.Tensor, *, n_iterations: int = 5) -> None:
        """Learn from a batch `(sample, n_in)`, several times over.

        Raises:
            InputError: for another shape, or rows that ran away.
        """
        if x.ndim != 2 or x.shape[1] != self.rows.shape[1] or not len(x):
            raise InputError("x", tuple(x.shape), f"needs (sample, {self.rows.shape[1]})")
        for _ in range(n_iterations):
            y = x @ self.rows.T
            step = (y[:, self.n_frozen :].T @ (x - y @ self.rows) / len(x)).clamp(-10, 10)
            self.moving[self.n_frozen :] = self.momentum * self.moving[self.n_frozen :] + (1 - self.momentum) * step
            self.rows[self.n_frozen :] += self.learning_rate * self.moving[self.n_frozen :]
        # Rows that have settled have length 1; the clipped steps keep those that never will finite.
        if not (self.rows.abs() < 10).all():
            raise InputError("learning_rate", self.learning_rate, "the rows ran away; lower it")

    def freeze(self) -> None:
        """All rows stay as they are from now on."""
        self.n_frozen = len(self.rows)

    def orthogonal(self, x: torch.Tensor) -> torch.Tensor:
        """x - x H' H over the frozen rows: what they do not see of `(..., n_in)`."""
        frozen = self.rows[: self.n_frozen]
        return x - (x @ frozen.T) @ frozen
