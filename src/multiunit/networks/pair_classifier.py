"""A perceptron that reads a few symbols through one embedding."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class PairClassifier(nn.Module):
    """Embed each of a few symbols, put the embeddings side by side, one hidden layer, name a class.

    y = W2 ReLU(W1 [E_a, E_b, ...] + c) + d

    Args:
        n_symbols: size of the vocabulary.
        n_classes: outputs; as many as symbols unless given.
        n_read: symbols an input has.
        width: of the embedding.
        hidden: units of the hidden layer.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for an input with another number of symbols.

    >>> net = PairClassifier(7, width=8, hidden=16)
    >>> tuple(net(torch.tensor([[0, 6], [3, 3]])).shape)
    (2, 7)
    """

    def __init__(
        self,
        n_symbols: int,
        *,
        n_classes: int | None = None,
        n_read: int = 2,
        width: int = 64,
        hidden: int = 128,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        self.n_read = n_read
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(n_symbols, width)
            self.hidden = nn.Linear(n_read * width, hidden)
            self.activation = nn.ReLU()
            self.head = nn.Linear(hidden, n_classes or n_symbols)

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        """Logits `(input, class)` from symbol numbers `(input, n_read)`."""
        if symbols.ndim != 2 or symbols.shape[1] != self.n_read:
            raise InputError("symbols", tuple(symbols.shape), f"needs (input, {self.n_read}) symbol numbers")
        return self.head(self.activation(self.hidden(self.embedding(symbols).flatten(1))))
