"""A network of contracting networks: modules that are stable by themselves, joined by feedback that cannot undo it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.dynamics.contraction import contraction_certificate


class ComboNet(nn.Module):
    """Sparse random modules that are certified to contract, and trained feedback between them.

    x' = -x + W phi(x) + L x + U u + b in time constants; W is block diagonal, fixed, and scaled so that each module
    contracts at `rate` in its own diagonal metric M. L joins modules, L = B - M^-1 B' M with B below the diagonal, so
    that M L + L' M = 0: at any strength the whole contracts at the same rate in the same metric.
    A step is x <- e^(dt (L - 1)) (x + dt (W phi(x) + U u + b)), which contracts too, by e^(-dt) (1 + dt (1 - rate)),
    however fast the feedback turns; an explicit Euler step would not.

    Args:
        n_in: numbers a step. n_out: what is read from all units after the last step.
        n_modules, module_size: how many modules, of how many units.
        density: share of a module's weights that are not zero.
        rate: certified rate of contraction, per time constant, in (0, 1).
        dt: step in time constants.
        feedback: `skew` as above; `symmetric` with the sign changed, L = B + M^-1 B' M, of the same size but without
            any guarantee; `none`; `fixed` as `skew`, but B is not trained.
        random_state: draws weights; the global generator is left alone.

    Raises:
        InputError: for sizes below 1, or a density or rate outside (0, 1].

    Source: Kozachkov, Ennis & Slotine, RNNs of RNNs, arXiv:2106.08928; the exponential step is ours.

    >>> net = ComboNet(1, 3, n_modules=2, module_size=8, density=0.5)
    >>> net(torch.zeros(5, 4, 1)).shape
    torch.Size([5, 3])
    >>> m, l = net.metric.double(), net.coupling().double()
    >>> bool((m[:, None] * l + (m[:, None] * l).T).abs().max() < 1e-6)
    True
    """

    weights: torch.Tensor
    metric: torch.Tensor
    below: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_modules: int = 16,
        module_size: int = 32,
        density: float = 0.033,
        rate: float = 0.5,
        dt: float = 0.03,
        feedback: str = "skew",
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if min(n_in, n_out, n_modules, module_size) < 1:
            raise InputError("module_size", (n_in, n_out, n_modules, module_size), "sizes are at least 1")
        if not 0 < density <= 1 or not 0 < rate < 1:
            raise InputError("density", (density, rate), "density in (0, 1], rate in (0, 1)")
        if feedback not in ("skew", "symmetric", "none", "fixed"):
            raise InputError("feedback", feedback, "is one of skew, symmetric, none, fixed")
        self.n_in, self.dt, self.feedback = n_in, dt, feedback
        rng = np.random.default_rng(random_state)
        n = n_modules * module_size
        w, metric = np.zeros((n, n)), np.empty(n)
        for i in range(n_modules):
            at = slice(i * module_size, (i + 1) * module_size)
            w[at, at], metric[at] = contracting_weights(module_size, density=density, rate=rate, random_state=rng)
        module = np.arange(n) // module_size
        self.register_buffer("weights", torch.tensor(w, dtype=torch.float32))
        self.register_buffer("metric", torch.tensor(metric, dtype=torch.float32))
        self.register_buffer("below", torch.tensor(module[:, None] > module, dtype=torch.float32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            self.between = nn.Parameter(torch.randn(n, n) / n**0.5, requires_grad=feedback in ("skew", "symmetric"))
            self.inward, self.readout = nn.Linear(n_in, n), nn.Linear(n, n_out)

    def coupling(self) -> torch.Tensor:
        """L, `(unit to, unit from)`."""
        if self.feedback == "none":
            return torch.zeros_like(self.between)
        b = self.below * self.between / self.metric.sqrt()[:, None] * self.metric.sqrt()
        back = b.T * self.metric / self.metric[:, None]
        return b + back if self.feedback == "symmetric" else b - back

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(batch, time, n_in)`, or `(batch, time)` for one number a step, to `(batch, n_out)`."""
        u = inputs[..., None] if inputs.ndim == 2 and self.n_in == 1 else inputs
        if u.ndim != 3 or u.shape[-1] != self.n_in:
            raise InputError("inputs", tuple(inputs.shape), f"needs (batch, time, {self.n_in})")
        n = len(self.metric)
        held = torch.matrix_exp(self.dt * (self.coupling() - torch.eye(n, device=u.device))).T
        drive = self.dt * self.inward(u)
        fixed = self.dt * self.weights.T
        x = u.new_zeros(len(u), n)
        for now in drive.unbind(1):
            x = (x + torch.relu(x) @ fixed + now) @ held
        return self.readout(x)


def contracting_weights(
    n: int, *, density: float, rate: float, random_state: int | np.random.Generator = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random sparse weights, scaled so that a rate network of relu or tanh units contracts at `rate`, and its metric.

    Args:
        n: units.
        density: probability of a weight; they are normal, without self-connections.
        rate: certified by `contraction_certificate`, in (0, 1).
        random_state: seed or generator.

    Returns:
        `(unit to, unit from)` and the metric `(unit,)`; without any loop of weights nothing needs to be scaled down,
        and the weights are scaled up to the rate in their metric.

    >>> w, metric = contracting_weights(12, density=0.3, rate=0.5)
    >>> round(contraction_certificate(w, metric=metric).rate, 6)
    0.5
    """
    rng = np.random.default_rng(random_state)
    w = rng.normal(size=(n, n)) * (rng.random((n, n)) < density)
    np.fill_diagonal(w, 0.0)
    found = contraction_certificate(w)
    # The bound is linear in the weights once the metric is fixed.
    scale = (1.0 - rate) / (1.0 - found.rate) if found.rate < 1.0 else 1.0
    return w * scale, found.metric
