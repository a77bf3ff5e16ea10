"""Attention that knows the distance: a penalty on far tokens, and rotated queries and keys."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import Attention, TinyTransformer


def attention_bias(kind: str, length: int, *, n_heads: int) -> torch.Tensor:
    """Penalties -m_h |i - j|, to be added to the logits of attention.

    Slopes of head h = 1..H: `geometric` (ALiBi) m_h = 2^(-8h/H), `harmonic` m_h = m_1 / h with the same
    m_1 = 2^(-8/H).

    Args:
        kind: `geometric` or `harmonic`.
        length: tokens.
        n_heads: heads H.

    Returns:
        `(head, from, to)`, float32, never positive.

    Raises:
        InputError: for an unknown kind, or sizes below 1.

    Source: Press et al., arXiv:2108.12409, for `geometric`; Li, arXiv:2410.18441, proposes a harmonic series. Its
    first slope is reconstructed, and what is unsure.

    >>> -attention_bias("geometric", 2, n_heads=4)[:, 1, 0], -attention_bias("harmonic", 2, n_heads=4)[:, 1, 0]
    (tensor([0.2500, 0.0625, 0.0156, 0.0039]), tensor([0.2500, 0.1250, 0.0833, 0.0625]))
    """
    for name, size in (("length", length), ("n_heads", n_heads)):
        if size < 1:
            raise InputError(name, size, "must be at least 1")
    if kind not in ("geometric", "harmonic"):
        raise InputError("kind", kind, "must be geometric or harmonic")
    head = torch.arange(1, n_heads + 1)
    first = 2.0 ** (-8 / n_heads)
    slopes = first**head if kind == "geometric" else first / head
    place = torch.arange(length)
    return -slopes[:, None, None] * (place[:, None] - place).abs()


def rotate(x: torch.Tensor, *, base: float = 10000.0) -> torch.Tensor:
    """Turn pairs of channels by an angle that grows with the token: <R_i q, R_j k> depends on i - j alone.

    Channels 2c and 2c + 1 of token i are turned by i base^(-2c / channels).

    Args:
        x: queries or keys `(..., token, channel)`, an even number of channels.
        base: of the wavelengths.

    Raises:
        InputError: for an odd number of channels.

    Source: Su et al., arXiv:2104.09864; reconstructed, not read again there.

    >>> rotate(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))     # by 0 and by 1 radian
    tensor([[1.0000, 0.0000],
            [0.5403, 0.8415]])
    """
    n_tokens, n_channels = x.shape[-2:]
    if n_channels % 2:
        raise InputError("x", tuple(x.shape), "needs an even number of channels")
    speed = base ** (-torch.arange(0, n_channels, 2, dtype=torch.float64, device=x.device) / n_channels)
    angle = torch.arange(n_tokens, device=x.device)[:, None] * speed
    cosine, sine = angle.cos().to(x), angle.sin().to(x)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1).flatten(-2)


class BiasedAttention(nn.Module):
    """softmax(q k' / sqrt(d) + bias) v with the projections of another attention; put it in the other one's place.

    Args:
        attention: a `TinyTransformer` layer's `attention`; its projections are shared, not copied.
        bias: added to the logits, `(head or 1, from, to)`, -inf to forbid; cut to the tokens that come.
        rotary: whether queries and keys are turned first (`rotate`).

    >>> from multiunit.networks.tiny_transformer import TinyTransformer
    >>> net = TinyTransformer(10, width=8, n_heads=2, n_layers=1)
    >>> tokens = torch.tensor([[1, 2, 3]])
    >>> before = net(tokens)
    >>> net.layers[0].attention = BiasedAttention(net.layers[0].attention, torch.zeros(1, 3, 3))
    >>> bool(torch.allclose(before, net(tokens), atol=1e-6))
    True
    """

    bias: torch.Tensor

    def __init__(self, attention: Attention, bias: torch.Tensor, *, rotary: bool = False) -> None:
        super().__init__()
        if bias.ndim != 3 or bias.shape[0] not in (1, attention.n_heads) or bias.shape[1] != bias.shape[2]:
            raise InputError("bias", tuple(bias.shape), f"needs ({attention.n_heads} or 1, token, token)")
        self.inner, self.rotary = attention, rotary
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, *, causal: bool = True) -> torch.Tensor:
        """As the other attention; without padding.

        Raises:
            InputError: for padding, or more tokens than the bias has.
        """
        n = x.shape[1]
        if mask is not None:
            raise InputError("mask", tuple(mask.shape), "padding has no place here; give sequences of equal length")
        if n > self.bias.shape[1]:
            raise InputError("x", tuple(x.shape), f"the bias is for at most {self.bias.shape[1]} tokens")
        inner = self.inner
        query, key, value = (
            part(x).unflatten(-1, (inner.n_heads, -1)).transpose(1, 2) for part in (inner.query, inner.key, inner.value)
        )
        if self.rotary:
            query, key = rotate(query), rotate(key)
        bias = self.bias[:, :n, :n]
        if causal:
            bias = bias.masked_fill(torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1), -torch.inf)
        heads = scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        return inner.output(heads.transpose(1, 2).flatten(2))


def with_attention(net: TinyTransformer, change: Callable[[Attention], nn.Module]) -> TinyTransformer:
    """Copy a network, and let all layers of the copy attend in another way.

    Args:
        net: stays as it is; it may attend by `BiasedAttention` already, which is then replaced.
        change: gives the new attention, with the projections of the layer's old one.

    >>> net, tokens = TinyTransformer(10, width=8, n_heads=2, n_layers=2), torch.tensor([[1, 2, 3]])
    >>> far = with_attention(net, lambda inner: BiasedAttention(inner, attention_bias("harmonic", 3, n_heads=2)))
    >>> bool((far(tokens) == net(tokens)).all(-1)[0, 0]), bool(torch.allclose(far(tokens), net(tokens)))
    (True, False)
    """
    changed = copy.deepcopy(net)
    for layer in changed.layers:
        attention = layer.attention.inner if isinstance(layer.attention, BiasedAttention) else layer.attention
        assert isinstance(attention, Attention)
        layer.attention = change(attention)
    return changed
