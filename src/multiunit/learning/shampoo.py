"""Shampoo: gradient descent preconditioned on both sides of each weight matrix, not weight by weight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from multiunit.core.errors import InputError


class Shampoo(torch.optim.Optimizer):
    """L <- b L + (1-b) G G', R <- b R + (1-b) G' G, update = L^(-1/4) G R^(-1/4), then momentum.

    L and R have eps times their largest diagonal element added to the diagonal before the root. The update is brought
    to the norm of G (grafting), so that learning rates mean what they mean for stochastic gradient descent, and goes
    through M <- momentum M + update, W <- W - lr M. Vectors, such as biases, take G itself as their update; of tensors
    with more than two axes, all but the first are taken together.

    Args:
        params: what learns, or groups of it.
        lr: learning rate.
        momentum: from 0 to below 1.
        beta: b, how much of L and R stays at a step.
        eps: relative ridge.
        update_every: steps from one calculation of the roots to the next; L and R are updated at each.

    Raises:
        InputError: for values out of range.

    Source: Gupta, Koren & Singer, arXiv:1802.09568; grafting: Anil et al., arXiv:2002.09018.

    >>> w = torch.nn.Parameter(torch.zeros(2, 2))
    >>> optimiser = Shampoo([w], lr=1.0, momentum=0.0, eps=1e-9)
    >>> w.grad = torch.diag(torch.tensor([100.0, 1.0]))
    >>> optimiser.step()
    >>> (-w / w.norm()).detach().round(decimals=3).tolist()     # steep and flat directions alike
    [[0.7070000171661377, -0.0], [-0.0, 0.7070000171661377]]
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        momentum: float = 0.9,
        beta: float = 0.95,
        eps: float = 1e-4,
        update_every: int = 10,
    ) -> None:
        if not 0 < lr < float("inf") or not eps > 0:
            raise InputError("lr", (lr, eps), "lr and eps must be above 0")
        if not 0 <= momentum < 1 or not 0 <= beta < 1:
            raise InputError("momentum", (momentum, beta), "momentum and beta must be from 0 to below 1")
        if update_every < 1:
            raise InputError("update_every", update_every, "must be at least 1")
        super().__init__(params, {"lr": lr, "momentum": momentum, "beta": beta, "eps": eps})
        self.update_every = update_every

    def inverse_root(self, gram: torch.Tensor, eps: float) -> torch.Tensor:
        """(gram + eps max(diag gram) I)^(-1/4), for a symmetric matrix without negative eigenvalues."""
        values, vectors = torch.linalg.eigh(gram.double())
        values = values.clamp_min(0) + eps * gram.diagonal().max().double().clamp_min(1e-300)
        return ((vectors * values**-0.25) @ vectors.T).to(gram.dtype)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad if p.ndim < 2 else self._preconditioned(p, group["beta"], group["eps"])
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                p.sub_(state["momentum"].mul_(group["momentum"]).add_(update), alpha=group["lr"])
        return loss

    def _preconditioned(self, p: torch.Tensor, beta: float, eps: float) -> torch.Tensor:
        assert p.grad is not None
        g, state = p.grad.flatten(1), self.state[p]
        if not state:
            state["n_steps"] = 0
            state["grams"] = [torch.zeros(n, n, dtype=g.dtype, device=g.device) for n in g.shape]
        for gram, new in zip(state["grams"], (g @ g.T, g.T @ g), strict=True):
            gram.lerp_(new, 1 - beta)
        if state["n_steps"] % self.update_every == 0:
            state["roots"] = [self.inverse_root(gram, eps) for gram in state["grams"]]
        state["n_steps"] += 1
        left, right = state["roots"]
        update = left @ g @ right
        size = update.norm()
        return (update * (g.norm() / size)).view_as(p) if size > 0 else p.grad
