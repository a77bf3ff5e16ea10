"""A transformer whose circuit is known, because it was written by hand: a truth for methods that find circuits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import TinyTransformer

# So large that every softmax is 0 or 1 in single precision.
_SHARP = 400.0


def induction_circuit(
    *,
    n_tokens: int = 10,
    max_positions: int = 12,
    gains: Sequence[float] = (3.0, 1.0),
    direct: float = 1.0,
) -> TinyTransformer:
    """Set the weights of a two-layer transformer that continues ... A B ... A with B; every effect is known exactly.

    Head 0.0 writes the previous token into a slot of the stream; heads 1.h attend from a token to where it was the
    previous one, and write the token there, times `gains[h]`, to the logits; head 0.1 attends to the first token and
    adds `direct` to the logit of token 1 where that is token 0. There is no norm, and the MLPs are silent.

    Args:
        n_tokens: size of the vocabulary, at least 4.
        max_positions: longest sequence.
        gains: of the induction heads of layer 1; there are as many in layer 0, idle from the third on.
        direct: of head 0.1, straight to the logits.

    Raises:
        InputError: for fewer than 4 tokens or fewer than 2 gains.

    Source: the two-layer circuit of Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".

    >>> net = induction_circuit()
    >>> net(torch.tensor([[5, 6, 7, 8, 5]]))[0, -1].argmax().item()
    6
    """
    if n_tokens < 4 or len(gains) < 2:
        name, value = ("n_tokens", n_tokens) if n_tokens < 4 else ("gains", tuple(gains))
        raise InputError(name, value, "needs at least 4 tokens and 2 induction heads")
    n_heads = len(gains)
    # Heads of this size hold a token or a position; together they are as wide as the four slots of the stream.
    size = max(n_tokens, max_positions + 1, -(-(3 * n_tokens + max_positions) // n_heads))
    net = TinyTransformer(
        n_tokens,
        max_positions=max_positions,
        width=size * n_heads,
        n_heads=n_heads,
        n_layers=2,
        mlp_width=4,
        tied=False,
    )
    token, place = slice(0, n_tokens), slice(n_tokens, n_tokens + max_positions)
    previous, answer = (slice(place.stop + k * n_tokens, place.stop + (k + 1) * n_tokens) for k in range(2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.token_embedding.weight[:, token] = torch.eye(n_tokens)
        net.position_embedding.weight[:, place] = torch.eye(max_positions)
        net.head.weight[:, answer] = torch.eye(n_tokens)
        net.norm = nn.Identity()  # type: ignore[assignment]
        blocks: list[Any] = list(net.layers)
        for layer in blocks:
            layer.attention_norm, layer.mlp_norm = nn.Identity(), nn.Identity()

        first, second = (layer.attention for layer in blocks)
        # 0.0: the query of position i meets the key of position i - 1.
        first.query.weight[:max_positions, place] = _SHARP * torch.eye(max_positions)
        first.key.weight[1 : max_positions + 1, place] = torch.eye(max_positions)
        first.value.weight[:n_tokens, token] = torch.eye(n_tokens)
        first.output.weight[previous, :n_tokens] = torch.eye(n_tokens)
        # 0.1: every position asks for the first one, and only token 0 has a value.
        first.query.weight[size, place] = _SHARP
        first.key.weight[size, place.start] = 1.0
        first.value.weight[size, 0] = 1.0
        first.output.weight[answer.start + 1, size] = direct
        for head, gain in enumerate(gains):
            own = slice(head * size, head * size + n_tokens)
            second.query.weight[own, token] = _SHARP * torch.eye(n_tokens)
            second.key.weight[own, previous] = torch.eye(n_tokens)
            # The first position can attend to nothing but itself, and so holds itself as its previous token.
            second.key.weight[own, place.start] = -1.0
            second.value.weight[own, token] = torch.eye(n_tokens)
            second.output.weight[answer, own] = gain * torch.eye(n_tokens)
    return net.eval()


def induction_pairs(
    n_pairs: int, *, n_tokens: int = 10, max_positions: int = 12, random_state: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Write pairs `0 1 ... 2 3 ... 0` / `2 1 ... 0 3 ... 0`, completed by 1 and by 3, with other tokens in between.

    By hand, with gains g and `direct` d, the logit of 1 is sum(g) + d above that of 3 on the clean prompt and sum(g)
    below on the corrupted one, so that R = 2 sum(g) + d lies between. Patched alone, at all positions and in either
    direction, head 0.0 moves 2 sum(g) / R, head 0.1 d / R, and head 1.h 2 g[h] / R.

    Args:
        n_pairs: pairs.
        n_tokens: size of the vocabulary, at least 5.
        max_positions: longest prompt, at least 6; shorter ones come too.
        random_state: seed or generator.

    Returns:
        One row a pair: `clean`, `corrupted` (int64 token numbers), `answer` (1) and `foil` (3).

    Raises:
        InputError: for too few pairs, tokens or positions.

    >>> induction_pairs(1, max_positions=6).drop(columns=["clean", "corrupted"]).values.tolist()
    [[1, 3]]
    """
    for name, value, least in (("n_pairs", n_pairs, 1), ("n_tokens", n_tokens, 5), ("max_positions", max_positions, 6)):
        if value < least:
            raise InputError(name, value, f"must be at least {least}")
    rng = np.random.default_rng(random_state)
    rows = []
    for _ in range(n_pairs):
        before, after = rng.multinomial(int(rng.integers(max_positions - 4)), [0.5, 0.5])
        fill = [rng.integers(4, n_tokens, size=n) for n in (before, after)]
        clean, corrupted = (
            np.concatenate([[a, 1], fill[0], [b, 3], fill[1], [0]]).astype(np.int64) for a, b in ((0, 2), (2, 0))
        )
        rows.append({"clean": clean, "corrupted": corrupted, "answer": 1, "foil": 3})
    return pd.DataFrame(rows)
