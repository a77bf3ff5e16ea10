"""Learning by dis-inhibition: how far inhibition is from what a cell expects says which way its synapses change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot, softplus

from multiunit.core.errors import InputError
from multiunit.core.method import method

Inverse = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Feedback = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]]


class Paired(Protocol):
    """Potentials of excitatory cells, of their partners, and of a readout: see `PairedState`."""

    @property
    def excitatory(self) -> tuple[torch.Tensor, ...]: ...
    @property
    def inhibitory(self) -> tuple[torch.Tensor, ...]: ...
    @property
    def readout(self) -> torch.Tensor: ...


class PairedCircuit(Protocol):
    """A circuit of such cells that can be run without and with feedback: see `DisinhibitoryNetwork`."""

    hidden: nn.ModuleList
    readout: nn.Linear

    def __call__(self, x: torch.Tensor) -> torch.Tensor: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def open_loop(self, x: torch.Tensor) -> Paired: ...
    def feedback_weights(self, state: Any) -> list[torch.Tensor]: ...
    def closed_loop(
        self, x: torch.Tensor, start: Any, *, targets: torch.Tensor, feedback: Sequence[torch.Tensor], duration: float,
        dt: float,
    ) -> Paired: ...  # fmt: skip


def exact_inverse(rate: torch.Tensor, around: torch.Tensor) -> torch.Tensor:
    """The potential whose softplus is `rate`, above 0; `around` is not needed."""
    return rate + torch.log(-torch.expm1(-rate))


def linear_inverse(rate: torch.Tensor, around: torch.Tensor) -> torch.Tensor:
    """The tangent of `exact_inverse` at the rate `around`: the plasticity threshold is linear in inhibition."""
    return exact_inverse(around, around) + (rate - around) / -torch.expm1(-around)


def no_inhibition(rate: torch.Tensor, around: torch.Tensor) -> torch.Tensor:
    """A cell that does not feel its inhibition in learning: plain Hebb. A control."""
    return torch.zeros_like(rate)


def plasticity_curve(
    post_rates: np.ndarray, *, inhibition: float, around: float = 0.8, inverse: Inverse = linear_inverse
) -> np.ndarray:
    """How a synapse changes with the rate of its cell at a clamped inhibitory rate; other factors are 1.

    dW = (r - inverse(r_I)) phi'(u), r = phi(u): Hebbian above a threshold that inhibition sets, anti-Hebbian below.

    Args:
        post_rates: `(rate,)`, of the excitatory cell, above 0.
        inhibition: rate of the inhibitory partner, at least 0.
        around: the average inhibition, about which `linear_inverse` is linear.
        inverse: what the cell takes the potential of its partner to be.

    Raises:
        InputError: for rates out of range.

    >>> plasticity_curve(np.array([0.1, 2.0]), inhibition=1.0).round(2).tolist()
    [-0.04, 1.24]
    >>> bool((plasticity_curve(np.array([0.1, 2.0]), inhibition=0.0) > 0).all())    # without inhibition
    True
    """
    rate = torch.as_tensor(np.asarray(post_rates, dtype=float))
    if not (rate > 0).all():
        raise InputError("post_rates", rate.tolist(), "needs rates above 0")
    if not (inhibition >= 0 and around > 0):
        raise InputError("inhibition", (inhibition, around), "needs a rate of at least 0, and `around` above 0")
    received, near = (torch.tensor(value, dtype=rate.dtype) for value in (inhibition, around))
    # sigmoid(u) = 1 - exp(-softplus(u)).
    return ((rate - inverse(received, near)) * -torch.expm1(-rate)).numpy()


def local_gradients(
    net: PairedCircuit,
    x: torch.Tensor,
    *,
    targets: torch.Tensor,
    inverse: Inverse = exact_inverse,
    feedback: Feedback | None = None,
    duration: float = 0.4,
    dt: float = 0.004,
) -> None:
    """Put into `.grad` what the local rule would descend, from the activity with feedback on.

    error_l = (inverse(phi(u_I)) - phi(u_E)) phi'(u_E), gradient of W_l = mean over the batch of error_l r_(l-1)'; for
    the readout error = W_out r - y. At rest u_I = phi(u_E) - c Q_l: where feedback silences the partner, a cell learns
    by Hebb; where it excites it, the cell unlearns.

    Args:
        net: the circuit; nothing but the gradients of its parameters changes.
        x: `(batch, input)`.
        targets: `(batch, class)`, probabilities.
        inverse: what a cell takes the potential of its partner to be from the inhibition it receives; it also gets
            each cell's inhibition without feedback, averaged over the batch.
        feedback: changes the feedback weights of all hidden layers, each `(batch, class, unit)`; None leaves them.
        duration, dt: of the time with feedback, s.

    Source: Rossbroich & Zenke, NeurIPS 2023, and the authors' published code.
    """
    with torch.no_grad():
        rest = net.open_loop(x)
        weights = net.feedback_weights(rest)
        held = net.closed_loop(
            x, rest, targets=targets, feedback=feedback(weights) if feedback else weights, duration=duration, dt=dt
        )
        before = x
        for k, layer in enumerate(net.hidden):
            rate = softplus(held.excitatory[k])
            around = softplus(rest.inhibitory[k]).mean(0)
            received = inverse(softplus(held.inhibitory[k]), around)
            error = (received - rate) * held.excitatory[k].sigmoid()
            layer.weight.grad = error.T @ before / len(x)
            layer.bias.grad = error.mean(0)
            before = rate
        net.readout.weight.grad = (net.readout(before) - held.readout).T @ before / len(x)


@method(kind="learning", source="Rossbroich & Zenke 2023")
def train_disinhibitory(
    net: PairedCircuit,
    inputs: Any,
    *,
    labels: Any,
    n_steps: int,
    inverse: Inverse = exact_inverse,
    feedback: Feedback | None = None,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    duration: float = 0.4,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Train the circuit to name the class of its input by the local rule, in place, by Adam: see `local_gradients`.

    Args:
        net: the circuit.
        inputs: `(input, feature)`.
        labels: class numbers from 0, `(input,)`.
        n_steps: updates.
        inverse, feedback: see `local_gradients`.
        batch_size: inputs a step, drawn with replacement.
        learning_rate: Adam's, constant.
        duration: of the time with feedback, s.
        random_state: draws the batches.

    Returns:
        The cross-entropy without feedback before every step, in nats, `(n_steps,)`.

    Raises:
        InputError: for labels that do not fit, no steps, or activity that is not finite.

    Source: Rossbroich & Zenke, Dis-inhibitory neuronal circuits can control the sign of synaptic plasticity, NeurIPS
    2023, and the authors' published code.

    >>> from multiunit.networks.disinhibitory_network import DisinhibitoryNetwork
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> net = DisinhibitoryNetwork([2, 8, 2])
    >>> losses = train_disinhibitory(net, x, labels=[0, 1], n_steps=40, batch_size=8, learning_rate=0.05)
    >>> net(torch.tensor(x).float()).argmax(1).tolist()
    [0, 1]
    """
    x, y = torch.as_tensor(np.asarray(inputs, dtype=np.float32)), torch.as_tensor(np.array(labels)).long()
    n_classes = net.readout.out_features
    if not len(x) or y.shape != (len(x),) or not 0 <= int(y.min()) <= int(y.max()) < n_classes:
        raise InputError(
            "labels", tuple(y.shape), f"needs a class from 0 to {n_classes - 1} for each of {len(x)} inputs"
        )
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate)
    losses = np.empty(n_steps)
    for step in range(n_steps):
        chosen = torch.as_tensor(rng.integers(len(x), size=batch_size))
        with torch.no_grad():
            losses[step] = float(cross_entropy(net(x[chosen]), y[chosen]))
        if not np.isfinite(losses[step]):
            raise InputError("learning_rate", learning_rate, f"the loss of step {step} is not finite; lower it")
        local_gradients(
            net, x[chosen], targets=one_hot(y[chosen], n_classes).float(), inverse=inverse, feedback=feedback
        )
        optimiser.step()
    return losses
