"""Train a network to fill in masked tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise
from multiunit.learning.train_language_model import pad_sequences, warmed_cosine


def train_masked_language_model(
    model: nn.Module,
    sequences: Iterable[Any],
    *,
    mask_token: int,
    n_tokens: int,
    n_steps: int,
    masked: float = 0.15,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy of tokens that are hidden from a bidirectional model, in place.

    Each step `masked` of the tokens are to be told: 80 % of them are replaced by the mask, 10 % by a random token, 10 %
    stay. L = -mean log p(token | corrupted sequence) over these. AdamW; the rate rises over the first 5 % of the steps
    and falls as a cosine to a tenth.

    Args:
        model: `model(input_ids, attention_mask=...)` gives logits `(sequence, position, token)`, or an object that
            holds them as `.logits`.
        sequences: token ids below `n_tokens`, one integer array a sequence, of any lengths.
        mask_token: the number that stands for a hidden token.
        n_tokens: ordinary tokens, 0 to `n_tokens` - 1, from which random ones are drawn.
        n_steps: updates.
        masked: probability that a token is to be told; at least one in each batch is.
        batch_size: sequences a step, drawn with replacement.
        learning_rate: highest rate.
        weight_decay: AdamW's, on weight matrices.
        random_state: draws batches, masks and any dropout; the global generators are left alone.

    Returns:
        The loss of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for no sequences, a sequence that is empty, too long or not of such tokens, or a loss that is not
            finite.

    Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1.

    >>> from multiunit.networks import TinyTransformer
    >>> net = TinyTransformer(5, max_positions=8, width=16, n_heads=2, n_layers=1, bidirectional=True)
    >>> rule = [np.arange(8) % 4]                                           # every token follows from its place
    >>> options = {"mask_token": 4, "n_tokens": 4, "n_steps": 150, "batch_size": 8, "learning_rate": 1e-2}
    >>> losses = train_masked_language_model(net, rule, **options)
    >>> bool(losses[0] > 1.2), bool(losses[-10:].mean() < 0.4)
    (True, True)
    """
    arrays = _checked(sequences, n_tokens, getattr(model, "max_positions", None))
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    if not 0 < masked <= 1:
        raise InputError("masked", masked, "a probability above 0")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warmed_cosine(step, n_steps))

    def loss() -> torch.Tensor:
        tokens, real = pad_sequences([arrays[i] for i in rng.integers(len(arrays), size=batch_size)])
        shown, told = _corrupt(tokens, real, masked, mask_token, n_tokens, rng)
        tokens, real, shown, told = (part.to(device) for part in (tokens, real, shown, told))
        logits = model(shown) if bool(real.all()) else model(shown, attention_mask=real)
        logits = getattr(logits, "logits", logits)
        return cross_entropy(logits[told], tokens[told])

    return minimise(model, loss, optimiser=optimiser, n_steps=n_steps, schedule=schedule, clip=1.0, random_state=rng)


def _corrupt(
    tokens: torch.Tensor, real: torch.Tensor, masked: float, mask_token: int, n_tokens: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens as they are shown, and where they are to be told."""
    there = real.numpy()
    told = (rng.random(there.shape) < masked) & there
    if not told.any():
        told.flat[rng.choice(np.flatnonzero(there))] = True
    fate = rng.random(there.shape)
    shown = np.where(told & (fate < 0.8), mask_token, tokens.numpy())
    shown = np.where(told & (fate >= 0.9), rng.integers(n_tokens, size=there.shape), shown)
    return torch.as_tensor(shown), torch.as_tensor(told)


def _checked(sequences: Iterable[Any], n_tokens: int, longest: int | None) -> list[np.ndarray]:
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise InputError("sequences", "(none)", "give at least one sequence")
    for row, array in enumerate(arrays):
        whole = array.ndim == 1 and array.dtype.kind in "iu" and len(array) > 0
        if not whole or array.min() < 0 or array.max() >= n_tokens:
            raise InputError("sequences", array, f"sequence {row} needs whole numbers from 0 to {n_tokens - 1}")
        if longest is not None and len(array) > longest:
            raise InputError("sequences", len(array), f"sequence {row} is longer than the model's {longest} positions")
    return arrays
