"""Turn a trained transformer into one whose numbers are signed counts of spikes."""

from __future__ import annotations

import copy

import pandas as pd
import torch
from torch import nn

from multiunit.core.errors import InputError

_BASE = 0.5


def ramped_spikes(x: torch.Tensor, *, scale: float, bits: int = 8, alpha: float = 1.0) -> torch.Tensor:
    """Spikes of neurons with a constant input, full leak and a threshold that rises from step to step.

    At step t the potential is x / scale, and nothing of it stays; the spike is +1 at or above 1/2 + alpha t, -1 at or
    below -(1/2 + alpha t), else 0. There are T = 2^(bits - 1) - 1 steps. With alpha = 1 the sum of the spikes is x /
    scale rounded to the nearest whole number, halves away from zero, and at most T: the code of signed integers of that
    many bits, told in strokes.

    Args:
        x: of any shape.
        scale: what one spike stands for.
        bits: at least 2.
        alpha: rise of the threshold a step.

    Returns:
        -1, 0 or 1, `(step, ...)`.

    Raises:
        InputError: for fewer than 2 bits, a scale that is not positive, or a threshold that falls.

    Source: the neuron of BrainTransformers, arXiv:2410.14687, from their code.

    >>> ramped_spikes(torch.tensor([0.2, 1.5, -2.0, 9.0]), scale=1.0, bits=3).tolist()
    [[0.0, 1.0, -1.0, 1.0], [0.0, 1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
    """
    n_steps = _n_steps(bits, scale=scale, alpha=alpha)
    threshold = _BASE + alpha * torch.arange(n_steps, dtype=x.dtype).view(-1, *[1] * x.ndim)
    u = x / scale
    return (u >= threshold).to(x.dtype) - (u <= -threshold).to(x.dtype)


def ramped_count(x: torch.Tensor, *, scale: float, bits: int = 8, alpha: float = 1.0) -> torch.Tensor:
    """The sum over steps of `ramped_spikes`, without the steps: sign(x) min(T, floor((|x| / scale - 1/2) / alpha) + 1).

    With alpha = 0 a neuron spikes at all steps or at none.

    >>> ramped_count(torch.tensor([0.2, 1.5, -2.0, 9.0]), scale=1.0, bits=3).tolist()
    [0.0, 2.0, -2.0, 3.0]
    """
    n_steps = _n_steps(bits, scale=scale, alpha=alpha)
    above = x.abs() / scale - _BASE
    steps = (above / alpha).floor() + 1 if alpha > 0 else torch.where(above >= 0, float(n_steps), 0.0)
    return x.sign() * steps.clamp(0, n_steps)


def event_product(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Product of two matrices that both arrive as spikes, built up event by event: (sum_t a_t) (sum_t b_t)^T.

    At each step A <- A + S_a b_t^T + a_t S_b^T - a_t b_t^T, S the spikes so far, those of this step among them. Only
    rows that spike change anything, by additions.

    Args:
        first: `(step, ..., row, inner)`.
        second: `(step, ..., column, inner)`.

    Returns:
        `(..., row, column)`.

    Raises:
        InputError: for numbers of steps or inner sizes that differ.

    Source: BrainTransformers, arXiv:2410.14687, from their code; the formula printed in the paper, sum_t S_a S_b^T, is
    another quantity.

    >>> a = torch.tensor([[[1.0, 0.0]], [[1.0, -1.0]]])    # counts 2 and -1
    >>> event_product(a, a)
    tensor([[5.]])
    """
    if first.shape[:1] != second.shape[:1] or first.shape[-1] != second.shape[-1]:
        raise InputError(
            "second", tuple(second.shape), f"needs the steps and inner size of first, {tuple(first.shape)}"
        )
    so_far = torch.zeros_like(first[0]), torch.zeros_like(second[0])
    product = so_far[0] @ so_far[1].mT
    for a, b in zip(first, second, strict=True):
        so_far = so_far[0] + a, so_far[1] + b
        product = product + so_far[0] @ b.mT + a @ so_far[1].mT - a @ b.mT
    return product


class RampNeurons(nn.Module):
    """Hands on counts of spikes times what a spike stands for; the gradient is that of the number it replaces.

    Args:
        bits, alpha: as `ramped_spikes`.

    `scale` is 0 until `spiking_transformer` has set it from what comes by; until then all passes as it is.
    """

    def __init__(self, *, bits: int, alpha: float) -> None:
        super().__init__()
        self.bits, self.alpha, self.scale, self.largest = bits, alpha, 0.0, 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.scale:
            self.largest = max(self.largest, float(x.detach().abs().max()))
            return x
        limit = self.scale * (2 ** (self.bits - 1) - 1)
        number = x.clamp(-limit, limit)
        return number + (self.scale * self.count(x) - number).detach()

    def count(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes for x."""
        return ramped_count(x, scale=self.scale, bits=self.bits, alpha=self.alpha)

    def extra_repr(self) -> str:
        return f"bits={self.bits}, alpha={self.alpha}, scale={self.scale:.3g}"


class SpikingSynapses(nn.Module):
    """A linear map between neurons, or an embedding before them."""

    def __init__(self, layer: nn.Linear | nn.Embedding, *, bits: int, alpha: float) -> None:
        super().__init__()
        self.layer = layer
        self.before = RampNeurons(bits=bits, alpha=alpha) if isinstance(layer, nn.Linear) else None
        self.after = RampNeurons(bits=bits, alpha=alpha)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.layer(x if self.before is None else self.before(x)))


def spiking_transformer(model: nn.Module, calibration: torch.Tensor, *, bits: int = 8, alpha: float = 1.0) -> nn.Module:
    """Put neurons with a ramped threshold before and after each linear map, and after each embedding.

    What one spike stands for is the largest magnitude that came by in the calibration, over T = 2^(bits - 1) - 1.
    Products of queries and keys, or of weights and values, are thereby products of counts (`event_product`). Softmax,
    other nonlinearities and norms act on counts as they do on numbers. Training the result is training that knows of
    the rounding: gradients pass the neurons straight.

    Args:
        model: any module called as `model(calibration)`, of Linear and Embedding layers in between whatever else.
        calibration: typical inputs, such as token ids `(sequence, position)`.
        bits: of the integers that the counts tell.
        alpha: 1 rounds; 0 is a threshold that does not rise, for comparison.

    Returns:
        A copy in evaluation mode that shares nothing with the model.

    Raises:
        InputError: for a model without such layers, one whose layers are not called in the calibration (as in
            `nn.MultiheadAttention`, which reads their weights), or as `ramped_spikes`.

    Source: BrainTransformers, arXiv:2410.14687, from their code. There the scale is taken from each tensor anew, over
    the batch and the positions to come; here it is fixed, as a threshold is, and what is larger saturates. Softmax and
    norms are exact here; theirs are approximated by fitted neurons.

    >>> net = spiking_transformer(nn.Sequential(nn.Linear(1, 1, bias=False)), torch.tensor([[3.0]]), bits=3)
    >>> net[0].before(torch.tensor([[-0.9], [0.2], [1.6], [7.0]])).flatten().tolist()
    [-1.0, 0.0, 2.0, 3.0]
    """
    _n_steps(bits, scale=1.0, alpha=alpha)
    spiking = copy.deepcopy(model).eval()
    made: dict[int, SpikingSynapses] = {}
    for parent in list(spiking.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear | nn.Embedding):
                # A layer used in two places stays one.
                synapses = made.setdefault(id(child), SpikingSynapses(child, bits=bits, alpha=alpha))
                setattr(parent, name, synapses)
    if not made:
        raise InputError("model", type(model).__name__, "has no Linear or Embedding layer within")
    with torch.no_grad():
        spiking(calibration)
    for name, part in spiking.named_modules():
        if isinstance(part, RampNeurons):
            if not part.largest > 0:
                raise InputError("calibration", name, "sees nothing but zeros, or is not called by the model")
            part.scale = part.largest / (2 ** (bits - 1) - 1)
    return spiking


def count_operations(model: nn.Module, inputs: torch.Tensor) -> pd.DataFrame:
    """What each linear map of a `spiking_transformer` has to do for one token.

    Args:
        model: from `spiking_transformer`.
        inputs: token ids `(sequence, position)`.

    Returns:
        One row a map, indexed by its name: `macs`, multiplications with accumulation of the map without spikes;
        `accumulates`, one for each spike and each of its targets; `spikes_per_value`, of its inputs.

    Raises:
        InputError: for a model without spiking maps.
    """
    rows: dict[str, dict[str, float]] = {}

    def watch(name: str, part: SpikingSynapses) -> torch.utils.hooks.RemovableHandle:
        def see(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            assert part.before is not None
            n, spikes = given[0].numel(), float(part.before.count(given[0]).abs().sum())
            row = rows.setdefault(name, {"values": 0.0, "spikes": 0.0, "targets": float(part.layer.weight.shape[0])})
            row["values"] += n
            row["spikes"] += spikes

        return part.register_forward_pre_hook(see)

    maps = [(n, p) for n, p in model.named_modules() if isinstance(p, SpikingSynapses) and p.before is not None]
    if not maps:
        raise InputError("model", type(model).__name__, "has no spiking maps; spiking_transformer makes them")
    handles = [watch(name, part) for name, part in maps]
    try:
        with torch.no_grad():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    table = pd.DataFrame.from_dict(rows, orient="index")
    per_token = table["targets"] / inputs.numel()
    return pd.DataFrame(
        {
            "macs": table["values"] * per_token,
            "accumulates": table["spikes"] * per_token,
            "spikes_per_value": table["spikes"] / table["values"],
        }
    )


def _n_steps(bits: int, *, scale: float, alpha: float) -> int:
    if bits < 2:
        raise InputError("bits", bits, "needs at least 2")
    if not scale > 0 or not alpha >= 0:
        name, value = ("scale", scale) if not scale > 0 else ("alpha", alpha)
        raise InputError(name, value, "must be positive (alpha may be 0)")
    return int(2 ** (bits - 1) - 1)
