"""A multilayer perceptron whose layers have names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError

_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


class MultilayerPerceptron(nn.Sequential):
    """x -> readout(activation(hidden_k(... activation(hidden_1(x))))); inputs of any shape are flattened.

    Parts: `flatten`, `hidden_1`, `activation_1`, ..., `readout`.

    Args:
        sizes: units of the input, of each hidden layer and of the output.
        activation: `"relu"`, `"gelu"` or `"tanh"`.
        random_state: draws the weights (torch's default for linear layers); the global generator is left alone.

    Raises:
        InputError: for fewer than two sizes, or an unknown activation.

    >>> net = MultilayerPerceptron([64, 32, 10])
    >>> [name for name, _ in net.named_children()], tuple(net(torch.zeros(5, 1, 8, 8)).shape)
    (['flatten', 'hidden_1', 'activation_1', 'readout'], (5, 10))
    """

    def __init__(
        self, sizes: Sequence[int], *, activation: str = "relu", random_state: int | np.random.Generator = 0
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise InputError("sizes", list(sizes), "give the units of the input, of any hidden layers, of the output")
        if activation not in _ACTIVATIONS:
            raise InputError("activation", activation, f"must be one of {', '.join(_ACTIVATIONS)}")
        parts: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for i, (n_in, n_out) in enumerate(pairwise(sizes[:-1]), start=1):
                parts[f"hidden_{i}"] = nn.Linear(n_in, n_out)
                parts[f"activation_{i}"] = _ACTIVATIONS[activation]()
            parts["readout"] = nn.Linear(sizes[-2], sizes[-1])
        super().__init__(parts)
