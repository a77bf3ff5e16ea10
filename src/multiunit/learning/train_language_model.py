"""Train a network to predict the next token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise

_IGNORED = -100


def train_language_model(
    model: nn.Module,
    sequences: Iterable[Any],
    *,
    n_steps: int,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy of the next token, in place.

    L = -mean log p(token_t | token_<t) over all tokens but each sequence's first; padding counts nowhere. AdamW;
    the rate rises over the first 5 % of the steps and falls as a cosine to a tenth.

    Args:
        model: `model(input_ids, attention_mask=...)` gives logits `(sequence, position, token)`, or an object that
            holds them as `.logits`.
        sequences: token ids, one integer array a sequence, of any lengths above 1.
        n_steps: updates.
        batch_size: sequences a step, drawn with replacement.
        learning_rate: highest rate.
        weight_decay: AdamW's, per unit of rate, on weight matrices (embeddings among them), not on vectors.
        random_state: draws the batches and any dropout; the global generators are left alone.

    Returns:
        The loss of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for no sequences, a sequence that is too short, too long or not whole numbers, or a loss that is
            not finite.

    >>> from multiunit.networks import TinyTransformer
    >>> net = TinyTransformer(4, max_positions=8, width=16, n_heads=2, n_layers=1)
    >>> losses = train_language_model(net, [np.arange(8) % 4], n_steps=60, batch_size=4, learning_rate=1e-2)
    >>> bool(losses[0] > 1.3), bool(losses[-1] < 0.1)
    (True, True)
    """
    arrays = _checked(sequences, getattr(model, "max_positions", None))
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=learning_rate,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warmed_cosine(step, n_steps))

    def loss() -> torch.Tensor:
        tokens, mask = pad_sequences([arrays[i] for i in rng.integers(len(arrays), size=batch_size)])
        tokens, mask = tokens.to(device), mask.to(device)
        # A batch without padding needs no mask, and attention is faster without one.
        logits = model(tokens) if bool(mask.all()) else model(tokens, attention_mask=mask)
        logits = getattr(logits, "logits", logits)
        target = torch.where(mask, tokens, _IGNORED)[:, 1:]
        return cross_entropy(logits[:, :-1].flatten(0, 1), target.flatten(), ignore_index=_IGNORED)

    return minimise(model, loss, optimiser=optimiser, n_steps=n_steps, schedule=schedule, clip=1.0, random_state=rng)


def pad_sequences(sequences: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids `(sequence, position)`, padded with 0 at the end, and a bool mask that is true on tokens.

    >>> pad_sequences([[3, 4], [5]])[0].tolist()
    [[3, 4], [5, 0]]
    """
    longest = max(len(s) for s in sequences)
    tokens = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros(len(sequences), longest, dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = torch.as_tensor(np.array(sequence, dtype=np.int64))
        mask[row, : len(sequence)] = True
    return tokens, mask


def _checked(sequences: Iterable[Any], longest: int | None) -> list[np.ndarray]:
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise InputError("sequences", "(none)", "give at least one sequence")
    for row, array in enumerate(arrays):
        if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) < 2:
            raise InputError("sequences", array, f"sequence {row} needs at least two whole numbers in one dimension")
        if longest is not None and len(array) > longest:
            raise InputError("sequences", len(array), f"sequence {row} is longer than the model's {longest} positions")
    return arrays


def warmed_cosine(step: int, n_steps: int) -> float:
    """The share of the learning rate at a step: it rises over the first twentieth, then falls as a cosine to a tenth.

    >>> [round(float(warmed_cosine(step, 100)), 3) for step in (0, 4, 5, 100)]
    [0.2, 1.0, 1.0, 0.1]
    """
    warm_up = max(1, n_steps // 20)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.1 + 0.45 * (1 + np.cos(np.pi * (step - warm_up) / max(1, n_steps - warm_up)))
