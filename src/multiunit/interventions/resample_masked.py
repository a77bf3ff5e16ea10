"""What a masked language model writes: sequences redrawn a few positions at a time, with and without edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.systems.evaluated import evaluated
from multiunit.systems.torch_system import TorchSystem


def resample_masked(
    system: TorchSystem,
    sequences: Any,
    *,
    mask_token: int,
    n_rounds: int = 30,
    share: float = 0.15,
    edits: Sequence[Edit] = (),
    temperature: float = 1.0,
    excluded: Sequence[int] = (),
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Each round mask a share of every sequence at random, and draw these tokens anew while the edits act.

    All masked tokens of a round are drawn at once, each from softmax(logits / temperature) given the sequence with its
    masks. Without edits this is a Gibbs-like walk through what the model takes for likely; with edits it drifts.

    Args:
        system: a bidirectional language model whose stimuli are token numbers, of any lengths.
        sequences: arrays of tokens with labels, as `stream` takes them.
        mask_token: its number; it is never drawn.
        n_rounds: rounds.
        share: of the positions of a sequence to mask in a round; at least one.
        edits: act in every pass.
        temperature: above 0.
        excluded: further tokens that are never drawn, such as padding.
        random_state: seed or generator of masks and draws; torch's global generator is left alone.

    Returns:
        For each round from 0 (as given) to `n_rounds` and each sequence a row: `round`, `sequence_id`, `tokens`, and
        the labels.

    Raises:
        InputError: for stimuli that are no tokens, a system without logits, or options out of range.

    Source: Wang & Cho 2019, arXiv:1902.04094.

    >>> from multiunit.networks import TinyTransformer
    >>> system = TorchSystem(TinyTransformer(5, max_positions=6, width=8, n_heads=2, bidirectional=True))
    >>> table = resample_masked(system, [np.array([0, 1, 2]), np.array([3, 3])], mask_token=4, n_rounds=2)
    >>> len(table), table["tokens"][0].tolist(), bool(max(t.max() for t in table["tokens"]) < 4)
    (6, [0, 1, 2], True)
    """
    frame = as_stimuli(sequences)
    if not system._is_text(frame) or isinstance(frame["stimulus"].iloc[0], str):
        raise InputError("sequences", type(frame["stimulus"].iloc[0]).__name__, "must be arrays of token numbers")
    if n_rounds < 1 or not 0 < share <= 1 or not temperature > 0:
        mend = "at least one round, a share in (0, 1], a temperature above 0"
        raise InputError("n_rounds", (n_rounds, share, temperature), mend)
    rng = np.random.default_rng(random_state)
    current = [np.array(tokens, dtype=np.int64) for tokens in frame["stimulus"]]
    if min(map(len, current)) < 1 or max(map(len, current)) > system.window:
        raise InputError("sequences", sorted(map(len, current))[-1], f"needs lengths from 1 to {system.window}")
    never = [mask_token, *excluded]
    labels = frame.drop(columns="stimulus")
    rows = [_rows(0, current, labels)]
    # Sequences of one length share a batch; the batches do not depend on what is drawn.
    lengths = np.array([len(tokens) for tokens in current])
    size = max(1, (system.batch_size or 4096) // int(lengths.max()))
    batches = [
        part
        for length in np.unique(lengths)
        for members in [np.flatnonzero(lengths == length)]
        for part in np.array_split(members, -(-len(members) // size))
    ]
    system._probe(frame)
    with system.edited(edits), evaluated(system.module), torch.no_grad():
        for number in range(1, n_rounds + 1):
            current = list(current)
            for members in batches:
                tokens = np.stack([current[row] for row in members])
                n_masked = max(1, round(share * tokens.shape[1]))
                hidden = rng.random(tokens.shape).argsort(axis=1) < n_masked
                logits = _logits(system, np.where(hidden, mask_token, tokens))
                drawn = _draw(logits[hidden] / temperature, never, rng)
                tokens[hidden] = drawn
                for row, new in zip(members, tokens, strict=True):
                    current[row] = new
            rows.append(_rows(number, current, labels))
    return pd.concat(rows, ignore_index=True)


def _logits(system: TorchSystem, tokens: np.ndarray) -> np.ndarray:
    output = system.module(**system._token_inputs(list(tokens)))
    logits = output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)
    if logits is None or logits.ndim != 3:
        raise InputError("system", system.name, "gives no logits (sequence, position, token)")
    return logits.double().cpu().numpy()


def _draw(logits: np.ndarray, never: list[int], rng: np.random.Generator) -> np.ndarray:
    """One token a row, by the largest of logits plus Gumbel noise, which is a draw from the softmax."""
    logits = logits.copy()
    logits[:, never] = -np.inf
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def _rows(number: int, tokens: list[np.ndarray], labels: pd.DataFrame) -> pd.DataFrame:
    table = labels.assign(tokens=pd.Series(tokens, dtype=object, index=labels.index))
    table.insert(0, "round", number)
    if "sequence_id" not in table:
        table.insert(1, "sequence_id", np.arange(len(tokens)))
    return table
