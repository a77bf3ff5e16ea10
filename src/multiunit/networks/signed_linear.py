"""A linear layer whose weights keep their signs: all excitatory, a sign for each neuron, or for each weight."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError

SIGNS = ("nonneg", "dale", "mixed", "free")


class SignedLinear(nn.Module):
    """y = x W + b with W_ij = s_ij |u_ij|; the signs s are drawn once and never learned, the bias has any sign.

    Args:
        n_in: inputs. n_out: outputs.
        sign: `nonneg`: s = 1; `dale`: all weights that leave an input unit share its sign; `mixed`: each weight has
            its own; `free`: W = u, a plain linear layer.
        negative_share: chance of a minus, for an input unit (`dale`) or a weight (`mixed`); the others ignore it.
        random_state: draws signs and weights, u and b uniform in +-1 / sqrt(n_in); the global generator is left alone.

    Raises:
        InputError: for an unknown sign, a size below 1, or a share outside [0, 1].

    Source: the non-negative networks of Wang et al., arXiv:2208.03211; |u| is one of several ways to hold a sign.

    >>> layer = SignedLinear(3, 2, sign="nonneg")
    >>> bool((layer.weight >= 0).all()), tuple(layer(torch.zeros(5, 3)).shape)
    (True, (5, 2))
    >>> of_units = torch.sign(SignedLinear(50, 8, sign="dale").weight)
    >>> bool((of_units == of_units[:, :1]).all()), set(of_units[:, 0].tolist()) == {-1.0, 1.0}
    (True, True)
    """

    signs: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        sign: str = "nonneg",
        negative_share: float = 0.2,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if sign not in SIGNS:
            raise InputError("sign", sign, f"is one of {', '.join(SIGNS)}")
        if n_in < 1 or n_out < 1:
            raise InputError("n_in" if n_in < 1 else "n_out", min(n_in, n_out), "must be at least 1")
        if not 0 <= negative_share <= 1:
            raise InputError("negative_share", negative_share, "is a share from 0 to 1")
        rng = np.random.default_rng(random_state)
        bound = n_in**-0.5
        kind = torch.get_default_dtype()
        self.strength = nn.Parameter(torch.as_tensor(rng.uniform(-bound, bound, size=(n_in, n_out)), dtype=kind))
        self.bias = nn.Parameter(torch.as_tensor(rng.uniform(-bound, bound, size=n_out), dtype=kind))
        self.sign = sign
        signs = np.ones((n_in, n_out))
        if sign == "dale":
            signs[rng.random(n_in) < negative_share] = -1
        elif sign == "mixed":
            signs[rng.random((n_in, n_out)) < negative_share] = -1
        self.register_buffer("signs", torch.as_tensor(signs, dtype=kind))

    @property
    def weight(self) -> torch.Tensor:
        """W, `(n_in, n_out)`."""
        return self.strength if self.sign == "free" else self.signs * self.strength.abs()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(..., n_in)` to `(..., n_out)`."""
        return x @ self.weight + self.bias
