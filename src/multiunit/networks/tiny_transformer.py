"""A small transformer over tokens: decoder by default, encoder if bidirectional."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from multiunit.core.errors import InputError

_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


class TinyTransformer(nn.Module):
    """Predict the next token with a pre-norm transformer of learned absolute positions.

    Each layer adds `attention(norm(x))` and then `down(activation(up(norm(x))))` to the residual stream x.

    Args:
        n_tokens: size of the vocabulary.
        max_positions: longest sequence; one learned vector a position.
        width: units of the residual stream.
        n_heads: attention heads, a divisor of `width`.
        n_layers: blocks.
        mlp_width: hidden units of each block's MLP; 4 x `width` if not given.
        activation: of the MLP, `"relu"` or `"gelu"`.
        tied: whether `head` shares its weights with the token embedding.
        bidirectional: attend in both directions, as an encoder does.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for an unknown activation, or heads that do not divide the width.

    Source: Vaswani et al. 2017, arXiv:1706.03762; pre-norm and initial values after GPT-2 (Radford et al. 2019).

    A decoder cannot see ahead, so changing the last token leaves all earlier logits as they were:

    >>> net = TinyTransformer(10, max_positions=4, width=8, n_heads=2, n_layers=1)
    >>> a, b = net(torch.tensor([[1, 2, 3, 4]])), net(torch.tensor([[1, 2, 3, 9]]))
    >>> tuple(a.shape), torch.equal(a[:, :3], b[:, :3]), torch.equal(a[:, 3], b[:, 3])
    ((1, 4, 10), True, False)
    """

    def __init__(
        self,
        n_tokens: int,
        *,
        max_positions: int = 64,
        width: int = 64,
        n_heads: int = 4,
        n_layers: int = 2,
        mlp_width: int | None = None,
        activation: Literal["relu", "gelu"] = "gelu",
        tied: bool = True,
        bidirectional: bool = False,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        self.max_positions, self.bidirectional = max_positions, bidirectional
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.token_embedding = nn.Embedding(n_tokens, width)
            self.position_embedding = nn.Embedding(max_positions, width)
            self.layers = nn.ModuleList(
                Block(width, n_heads, mlp_width or 4 * width, activation=activation) for _ in range(n_layers)
            )
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, n_tokens, bias=False)
            initialise(self, n_layers)
        if tied:
            self.head.weight = self.token_embedding.weight

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits `(sequence, position, token)` from token ids `(sequence, position)`.

        `attention_mask` is 1 on tokens and 0 on padding, at either end; positions are counted over tokens alone, so
        that padding changes nothing but its own logits.
        """
        if input_ids.shape[1] > self.max_positions:
            raise InputError("input_ids", tuple(input_ids.shape), f"at most {self.max_positions} positions")
        if attention_mask is None:
            position = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        else:
            position = (attention_mask.long().cumsum(1) - 1).clamp(min=0)
        x = self.token_embedding(input_ids) + self.position_embedding(position)
        for layer in self.layers:
            x = layer(x, attention_mask, causal=not self.bidirectional)
        return self.head(self.norm(x))


class Block(nn.Module):
    """One layer: attention and an MLP, each added to the residual stream `(sequence, position, unit)`."""

    def __init__(self, width: int, n_heads: int, mlp_width: int, *, activation: str = "gelu") -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, n_heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = Mlp(width, mlp_width, activation)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, *, causal: bool = True) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x), mask, causal=causal)
        return x + self.mlp(self.mlp_norm(x))


class Attention(nn.Module):
    """softmax(q k' / sqrt(d)) v in every head, then the output projection."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        if width % n_heads:
            raise InputError("n_heads", n_heads, f"must divide the width {width}")
        self.n_heads = n_heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, *, causal: bool = True) -> torch.Tensor:
        query, key, value = (
            part(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        allowed = None
        if mask is not None:
            n = x.shape[1]
            allowed = mask.bool()[:, None, None, :].expand(-1, 1, n, n)
            if causal:
                allowed = allowed & torch.ones(n, n, dtype=torch.bool, device=x.device).tril()
            # Padding attends to itself: a row that may attend to nothing would be NaN.
            allowed = allowed | torch.eye(n, dtype=torch.bool, device=x.device)
        heads = scaled_dot_product_attention(query, key, value, attn_mask=allowed, is_causal=causal and allowed is None)
        return self.output(heads.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """down(activation(up(x)))."""

    def __init__(self, width: int, mlp_width: int, activation: str) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise InputError("activation", activation, f"must be one of {', '.join(_ACTIVATIONS)}")
        self.up = nn.Linear(width, mlp_width)
        self.activation = _ACTIVATIONS[activation]()
        self.down = nn.Linear(mlp_width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(self.activation(self.up(x)))


def initialise(module: nn.Module, n_layers: int) -> None:
    """Draw weights as GPT-2 does: N(0, 0.02^2), the projections into the residual stream smaller by sqrt(2 layers)."""
    for name, part in module.named_modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            into_stream = name.endswith(("attention.output", "mlp.down"))
            nn.init.normal_(part.weight, std=0.02 / (2 * n_layers) ** 0.5 if into_stream else 0.02)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
