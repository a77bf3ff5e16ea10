"""Fit many small networks at once, each to a target of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from multiunit.core.errors import InputError

Activation = Literal["sine", "relu", "tanh"]

# Of a sine network: units start at frequencies up to this, times the input.
OMEGA = 30.0

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sine": lambda z: torch.sin(OMEGA * z),
    "relu": torch.relu,
    "tanh": torch.tanh,
}


class FittedNetworks(NamedTuple):
    """Each layer's weights `(network, out, in)` and biases `(network, out)`, and the last loss `(network,)`."""

    weights: list[torch.Tensor]
    biases: list[torch.Tensor]
    loss: np.ndarray


def fit_many_networks(
    x: Any,
    targets: Any,
    *,
    sizes: Sequence[int],
    activation: Activation = "sine",
    n_steps: int = 500,
    learning_rate: float = 1e-3,
    random_state: int | np.random.Generator = 0,
) -> FittedNetworks:
    """Multilayer perceptrons of one shape, each with its own start and target, trained side by side by Adam.

    h_m = f(W_m h_(m-1) + b_m), y = W_M h_(M-1) + b_M, at every step on all points; loss: mean squared error. No network
    feels another, so the result is that of training each alone. `sine`: f(z) = sin(30 z), W_1 uniform in +-1 / in,
    later layers in +-sqrt(6 / in) / 30, no bias at the start. `relu`, `tanh`: weights and biases in +-1 / sqrt(in).

    Args:
        x: `(point, in)`, the same for all networks.
        targets: `(network, point, out)`.
        sizes: units of the input, of each hidden layer and of the output.
        activation: f.
        n_steps: updates.
        learning_rate: Adam's.
        random_state: draws the starts; the global generator is left alone.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or arguments out of range.

    Source: batched training as in Navon et al. 2023, arXiv:2301.12780; sine networks: Sitzmann et al. 2020,
    arXiv:2006.09661, without its random first biases, as in the code of the former.

    >>> x = np.linspace(-1, 1, 32)[:, None]
    >>> targets = np.stack([np.sin(3 * x), np.cos(5 * x)])
    >>> fitted = fit_many_networks(x, targets, sizes=[1, 16, 1], n_steps=300, learning_rate=0.01)
    >>> bool(fitted.loss.max() < 0.01), tuple(fitted.weights[0].shape)
    (True, (2, 16, 1))
    """
    points, wanted = (torch.as_tensor(np.asarray(value), dtype=torch.float32) for value in (x, targets))
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError("sizes", list(sizes), "give the units of the input, of any hidden layers, of the output")
    if activation not in _ACTIVATIONS:
        raise InputError("activation", activation, f"must be one of {', '.join(_ACTIVATIONS)}")
    if points.ndim != 2 or not len(points) or points.shape[1] != sizes[0] or not torch.isfinite(points).all():
        raise InputError("x", tuple(points.shape), f"needs finite (point, {sizes[0]})")
    if wanted.ndim != 3 or wanted.shape[1:] != (len(points), sizes[-1]) or not len(wanted):
        raise InputError("targets", tuple(wanted.shape), f"needs (network, {len(points)}, {sizes[-1]})")
    if not torch.isfinite(wanted).all():
        raise InputError("targets", "NaN or infinity", "must be finite")
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "must be at least 1")
    generator = torch.Generator().manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
    weights, biases = _starts(len(wanted), sizes, activation, generator)
    optimiser = torch.optim.Adam([*weights, *biases], lr=learning_rate)
    for _ in range(n_steps):
        # Summed over networks, so that the gradient of each is that of its own mean.
        loss = _losses(points, wanted, weights, biases, activation).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        last = _losses(points, wanted, weights, biases, activation)
    if not torch.isfinite(last).all():
        raise InputError("learning_rate", learning_rate, "a loss is not finite; lower it")
    return FittedNetworks([w.detach() for w in weights], [b.detach() for b in biases], last.double().numpy())


def many_outputs(
    x: torch.Tensor, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], *, activation: Activation
) -> torch.Tensor:
    """What each of many networks gives for the same points, `(network, point, out)`.

    Args:
        x: `(point, in)`.
        weights, biases: as in `FittedNetworks`.
        activation: as for `fit_many_networks`.

    >>> many_outputs(torch.ones(2, 1), [torch.full((3, 1, 1), 2.0)], [torch.ones(3, 1)], activation="relu").shape
    torch.Size([3, 2, 1])
    """
    h = x.expand(len(weights[0]), *x.shape)
    for m, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = torch.baddbmm(b[:, None], h, w.transpose(1, 2))
        h = _ACTIVATIONS[activation](h) if m < len(weights) - 1 else h
    return h


def _losses(
    x: torch.Tensor,
    targets: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor],
    activation: Activation,
) -> torch.Tensor:
    return (many_outputs(x, weights, biases, activation=activation) - targets).square().mean((1, 2))


def _starts(
    n: int, sizes: Sequence[int], activation: Activation, generator: torch.Generator
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    weights, biases = [], []
    for m, (n_in, n_out) in enumerate(pairwise(sizes)):
        reach = n_in**-0.5
        if activation == "sine":
            reach = 1 / n_in if m == 0 else (6 / n_in) ** 0.5 / OMEGA
        bias_reach = 0.0 if activation == "sine" else reach
        weights.append(((2 * torch.rand(n, n_out, n_in, generator=generator) - 1) * reach).requires_grad_())
        biases.append(((2 * torch.rand(n, n_out, generator=generator) - 1) * bias_reach).requires_grad_())
    return weights, biases
