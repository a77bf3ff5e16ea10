"""One layer of attention that answers a query from the pairs of its prompt: the smallest in-context learner."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError

_KERNELS = ("softmax", "linear")


class InContextAttention(nn.Module):
    """The query's token attends to the pairs, with as many heads as wanted, and reads the last number of what they say.

    answer = sum_h sum_l a_hl (O_h V_h z_l)_last, z_l = (x_l, y_l), z_q = (x_q, 0), scores s_hl = (K_h z_l)' (Q_h z_q);
    a_h = softmax over l of s_h, or s_h / pairs for the linear kernel. The query does not attend to itself; no scale,
    norm, residual stream or positions.

    Weights: `query`, `key`, `value`, `output`, each `(head, feature + 1, feature + 1)`, drawn from N(0, scale^2).

    Args:
        n_features: numbers in x.
        n_heads: heads, each as wide as a token.
        kernel: `"softmax"` or `"linear"`.
        scale: standard deviation of the weights at the start.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for sizes below 1, or an unknown kernel.

    Source: the model of arXiv:2503.12734 (reconstructed, text not read).

    >>> net = InContextAttention(5, n_heads=2)
    >>> net(torch.zeros(8, 41, 6)).shape                # 8 prompts of 40 pairs and a query
    torch.Size([8])
    """

    def __init__(
        self,
        n_features: int,
        *,
        n_heads: int,
        kernel: str = "softmax",
        scale: float = 0.1,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if n_features < 1 or n_heads < 1:
            name = "n_features" if n_features < 1 else "n_heads"
            raise InputError(name, min(n_features, n_heads), "must be at least 1")
        if kernel not in _KERNELS:
            raise InputError("kernel", kernel, f"must be one of {', '.join(_KERNELS)}")
        rng = np.random.default_rng(random_state)
        self.kernel = kernel
        width = n_features + 1
        self.query, self.key, self.value, self.output = (
            nn.Parameter(torch.as_tensor(scale * rng.normal(size=(n_heads, width, width)), dtype=torch.float32))
            for _ in range(4)
        )

    @classmethod
    def from_circuits(cls, kq: np.ndarray, ov: np.ndarray, *, kernel: str = "softmax") -> InContextAttention:
        """The network whose heads have these circuits, K' Q and O V, both `(head, feature + 1, feature + 1)`.

        Raises:
            InputError: for circuits of other or different shapes.

        >>> mean_of_y = np.zeros((1, 3, 3))
        >>> mean_of_y[0, 2, 2] = 1.0                                                # reads y, and attends to all alike
        >>> net = InContextAttention.from_circuits(np.zeros((1, 3, 3)), mean_of_y)
        >>> net(torch.tensor([[[0.0, 0.0, 2.0], [0.0, 0.0, 4.0], [1.0, 1.0, 0.0]]])).tolist()
        [3.0]
        """
        kq, ov = np.asarray(kq, dtype=np.float32), np.asarray(ov, dtype=np.float32)
        if kq.ndim != 3 or kq.shape[1] != kq.shape[2] or kq.shape != ov.shape or kq.shape[1] < 2:
            raise InputError("kq", (kq.shape, ov.shape), "both must be (head, feature + 1, feature + 1)")
        net = cls(kq.shape[1] - 1, n_heads=len(kq), kernel=kernel)
        same = torch.eye(kq.shape[1]).expand(len(kq), -1, -1)
        net.load_state_dict(
            {"query": torch.as_tensor(kq), "key": same, "value": torch.as_tensor(ov), "output": same}, strict=True
        )
        return net

    def forward(self, prompts: torch.Tensor) -> torch.Tensor:
        """`(prompt, pair + 1, feature + 1)`, the query last with 0 for its y, to answers `(prompt,)`."""
        width = self.query.shape[-1]
        if prompts.ndim != 3 or prompts.shape[1] < 2 or prompts.shape[2] != width:
            raise InputError(
                "prompts", tuple(prompts.shape), f"must be (prompt, pair + 1, {width}), with a pair or more"
            )
        pairs, asked = prompts[:, :-1], prompts[:, -1]
        wanted = torch.einsum("hki,hkj,pj->phi", self.key, self.query, asked)
        scores = torch.einsum("pli,phi->phl", pairs, wanted)
        attention = scores.softmax(dim=2) if self.kernel == "softmax" else scores / pairs.shape[1]
        said = torch.einsum("hk,hkj,plj->phl", self.output[:, -1], self.value, pairs)
        return (attention * said).sum(dim=(1, 2))
