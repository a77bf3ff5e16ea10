"""Attention heads that alone carry what a transformer has learned: a truth for methods that find heads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import TinyTransformer

Heads = Collection[tuple[int, int]]


@contextmanager
def only_heads(net: TinyTransformer, heads: Heads) -> Iterator[TinyTransformer]:
    """Within the block all other heads say nothing: neither activity nor gradient passes them.

    Args:
        net: trained or run within the block.
        heads: the others' exceptions, as (layer, head).

    Raises:
        InputError: for no heads, or one that the network lacks.

    >>> net = TinyTransformer(5, width=8, n_heads=2, n_layers=1)
    >>> with only_heads(net, [(0, 1)]):
    ...     net(torch.tensor([[1, 2]]))[0, -1, 3].backward()
    >>> net.layers[0].attention.value.weight.grad.abs().sum(1).gt(0).tolist()
    [False, False, False, False, True, True, True, True]
    """
    gates = _gates(net, heads)
    with ExitStack() as stack:
        for layer, gate in zip(_attentions(net), gates, strict=True):
            stack.callback(layer.output.register_forward_pre_hook(lambda _, args, g=gate: (args[0] * g,)).remove)
        yield net


def fill_other_heads(
    net: TinyTransformer, heads: Heads, *, strength: float = 0.1, random_state: int | np.random.Generator = 0
) -> None:
    """Give every other head, in place, the weights of a planted one in random order: as large, and of no meaning.

    A head of a layer without planted ones gets those of one of another layer. What it writes to the stream is
    `strength` as large.

    Args:
        net: trained within `only_heads`.
        heads: the planted ones, which are left alone, as (layer, head).
        strength: of the others' output weights, beside the planted ones'.
        random_state: draws which head is shuffled for which, and how.

    Raises:
        InputError: for no heads, or one that the network lacks.

    >>> net = TinyTransformer(5, width=8, n_heads=2, n_layers=1)
    >>> fill_other_heads(net, [(0, 1)], strength=0.5)
    >>> weight = net.layers[0].attention.output.weight.detach()
    >>> round((weight[:, :4].norm() / weight[:, 4:].norm()).item(), 4)
    0.5
    """
    gates = _gates(net, heads)
    rng = np.random.default_rng(random_state)
    attentions = _attentions(net)
    with torch.no_grad():
        for number, (attention, gate) in enumerate(zip(attentions, gates, strict=True)):
            size = len(gate) // attention.n_heads
            near = [planted for planted in heads if planted[0] == number] or list(heads)
            for head in range(attention.n_heads):
                if (number, head) in heads:
                    continue
                layer, pattern = near[int(rng.integers(len(near)))]
                own, other = (slice(k * size, (k + 1) * size) for k in (head, pattern))
                for part in ("query", "key", "value"):
                    source, target = getattr(attentions[layer], part), getattr(attention, part)
                    target.weight[own] = _shuffled(source.weight[other], rng)
                    target.bias[own] = _shuffled(source.bias[other], rng)
                attention.output.weight[:, own] = strength * _shuffled(attentions[layer].output.weight[:, other], rng)


def _attentions(net: TinyTransformer) -> list[Any]:
    layers: list[Any] = list(net.layers)
    return [layer.attention for layer in layers]


def _gates(net: TinyTransformer, heads: Heads) -> list[torch.Tensor]:
    """1 on the units of the given heads, in each layer."""
    attentions = _attentions(net)
    gates = [torch.zeros_like(attention.output.weight[0]).detach() for attention in attentions]
    if not heads:
        raise InputError("heads", heads, "give at least one, as (layer, head)")
    for layer, head in heads:
        if not (0 <= layer < len(gates) and 0 <= head < attentions[layer].n_heads):
            raise InputError("heads", (layer, head), "no such (layer, head) in this network")
        size = len(gates[layer]) // attentions[layer].n_heads
        gates[layer][head * size : (head + 1) * size] = 1
    return gates


def _shuffled(weights: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    order = torch.as_tensor(rng.permutation(weights.numel()))
    return weights.flatten()[order.to(weights.device)].reshape(weights.shape)
