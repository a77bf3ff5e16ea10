"""Keys and values of the past kept with ever fewer bits as they age."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.attention_bias import rotate
from multiunit.networks.tiny_transformer import Attention

Steps = Sequence[tuple[int | None, float]]
QUARTERS: Steps = ((64, 16), (64, 8), (128, 4), (None, 2))
FULL = 16.0


def quantise_groups(x: torch.Tensor, *, bits: float, group: int, dim: int) -> torch.Tensor:
    """Round to round(2^bits) levels, evenly from the least to the largest number of each group.

    y = least + step round((x - least) / step), step = (largest - least) / (levels - 1), so that |y - x| <= step / 2.

    Args:
        x: numbers of any shape.
        bits: log2 of the number of levels, at least 1, of any fraction; from 16 on x stays as it is.
        group: neighbours along `dim` that share least and largest; the last group may be smaller.
        dim: dimension along which groups lie.

    Raises:
        InputError: for too few bits, an empty group, or a dimension that is not there.

    Source: reconstructed; the asymmetric group-wise quantiser of Liu et al., arXiv:2402.02750 (KIVI).

    >>> quantise_groups(torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0, 11.0]), bits=1, group=4, dim=0).tolist()
    [0.0, 0.0, 3.0, 3.0, 10.0, 11.0]
    """
    if not bits >= 1:
        raise InputError("bits", bits, "must be at least 1")
    if group < 1:
        raise InputError("group", group, "must be at least 1")
    if not -x.ndim <= dim < x.ndim:
        raise InputError("dim", dim, f"is none of the {x.ndim} of x")
    if bits >= FULL:
        return x
    n_levels = round(2**bits)
    moved = x.movedim(dim, -1)
    whole = moved.shape[-1] // group * group
    parts = [moved[..., :whole].unflatten(-1, (-1, group)), moved[..., None, whole:]]
    rounded = [_rounded(part, n_levels).flatten(-2) for part in parts if part.numel()]
    return torch.cat(rounded, dim=-1).movedim(-1, dim) if rounded else x


def staircase_bits(n_tokens: int, steps: Steps) -> torch.Tensor:
    """Bits of each token, `(token,)`, the newest first: step by step so many tokens with so many bits, None all others.

    Raises:
        InputError: for steps of no tokens, of less than 1 bit, or that end before all tokens have their bits.

    >>> staircase_bits(7, ((2, 16), (3, 4), (None, 2))).tolist()
    [16.0, 16.0, 4.0, 4.0, 4.0, 2.0, 2.0]
    """
    if any((n is not None and n < 1) or not bits >= 1 for n, bits in steps):
        raise InputError("steps", steps, "each needs at least one token, or None, and at least one bit")
    if not steps or any((n is None) != (k == len(steps) - 1) for k, (n, _) in enumerate(steps)):
        raise InputError("steps", steps, "the last step, and no other, is for all other tokens: (None, bits)")
    ends = [(n_tokens if n is None else n, float(bits)) for n, bits in steps]
    each = [torch.full((min(n, n_tokens),), bits) for n, bits in ends]
    return torch.cat(each)[:n_tokens]


class StaircaseCache:
    """Keys and values of the tokens so far, read with fewer bits the older they are.

    Keys are rounded by channel (groups of neighbouring tokens), values by token (groups of neighbouring channels). The
    originals are kept, and rounded at every read, so that any staircase can be tried, one that rises too; a cache that
    saves memory would round again what it has rounded before. The ends of each group's range count for nothing here.

    Args:
        steps: tokens and bits, the newest tokens first; the last one (None, bits). 16 bits are full precision.
        group: tokens, or channels, that share a range.
        oldest_first: whether steps are counted from the oldest token on.

    Raises:
        InputError: for steps that `staircase_bits` refuses, or an empty group.

    Source: Li, arXiv:2410.18441, proposes the staircase; the steps are reconstructed. Channels and tokens as in
    arXiv:2402.02750.

    >>> cache = StaircaseCache(((1, 16), (None, 1)), group=4)
    >>> for key in (0.0, 0.9, 2.0, 0.7):
    ...     cache.append(torch.tensor([key]), torch.tensor([key]))
    >>> cache.read()[0][:, 0]
    tensor([0.0000, 0.0000, 2.0000, 0.7000])
    """

    def __init__(self, steps: Steps = QUARTERS, *, group: int = 16, oldest_first: bool = False) -> None:
        staircase_bits(0, steps)
        if group < 1:
            raise InputError("group", group, "must be at least 1")
        self.steps, self.group, self.oldest_first = tuple(steps), group, oldest_first
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    def append(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Add one token: keys and values `(..., channel)`.

        Raises:
            InputError: for another shape than before.
        """
        for name, new, old in (("keys", keys, self._keys), ("values", values, self._values)):
            if old and new.shape != old[0].shape:
                raise InputError(name, tuple(new.shape), f"needs {tuple(old[0].shape)}, as before")
        self._keys.append(keys)
        self._values.append(values)

    def read(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values `(..., token, channel)`, in the order of their coming, as they are after rounding.

        Raises:
            InputError: for an empty cache.
        """
        if not self._keys:
            raise InputError("cache", "(empty)", "append a token first")
        bits = staircase_bits(len(self._keys), self.steps)
        if not self.oldest_first:
            bits = bits.flip(0)
        keys, values = torch.stack(self._keys, -2), torch.stack(self._values, -2)
        found_keys, found_values = keys.clone(), values.clone()
        for each in bits.unique().tolist():
            those = bits == each
            # Only the groups of keys in which these tokens lie have to be rounded.
            first, last = those.nonzero()[[0, -1], 0].tolist()
            near = slice(first // self.group * self.group, (last // self.group + 1) * self.group)
            rounded = quantise_groups(keys[..., near, :], bits=each, group=self.group, dim=-2)
            found_keys[..., those, :] = rounded[..., those[near], :]
            found_values[..., those, :] = quantise_groups(values[..., those, :], bits=each, group=self.group, dim=-1)
        return found_keys, found_values


class CachedAttention(nn.Module):
    """Causal attention, token by token, to what a cache gives back; put it in the place of another attention.

    Args:
        attention: a `TinyTransformer` layer's `attention`; its projections are shared, not copied.
        cache: makes an empty cache for each batch.
        rotary: whether queries and keys are turned first (`attention_bias.rotate`); turned keys are cached.

    >>> from multiunit.networks.tiny_transformer import TinyTransformer
    >>> net, tokens = TinyTransformer(10, width=8, n_heads=2, n_layers=1), torch.tensor([[1, 2, 3]])
    >>> before = net(tokens)
    >>> net.layers[0].attention = CachedAttention(net.layers[0].attention, lambda: StaircaseCache(((None, 16),)))
    >>> bool(torch.allclose(before, net(tokens), atol=1e-6))
    True
    """

    def __init__(self, attention: Attention, cache: Callable[[], StaircaseCache], *, rotary: bool = False) -> None:
        super().__init__()
        self.inner, self.cache, self.rotary = attention, cache, rotary

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, *, causal: bool = True) -> torch.Tensor:
        """As the other attention; without padding, and of a decoder only.

        Raises:
            InputError: for padding, or an encoder.
        """
        if mask is not None or not causal:
            raise InputError("mask" if causal else "causal", False, "a cache is for decoders, and has no padding")
        inner, cache = self.inner, self.cache()
        query, key, value = (
            part(x).unflatten(-1, (inner.n_heads, -1)).transpose(1, 2) for part in (inner.query, inner.key, inner.value)
        )
        if self.rotary:
            query, key = rotate(query), rotate(key)
        heads = []
        for i in range(x.shape[1]):
            cache.append(key[:, :, i], value[:, :, i])
            keys, values = cache.read()
            weights = (keys @ query[:, :, i, :, None] / query.shape[-1] ** 0.5).softmax(dim=2)
            heads.append((weights * values).sum(2))
        return inner.output(torch.stack(heads, dim=1).flatten(2))


def _rounded(x: torch.Tensor, n_levels: int) -> torch.Tensor:
    least, largest = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    step = (largest - least) / (n_levels - 1)
    # Where all numbers of a group are equal any step will do.
    step = torch.where(step > 0, step, 1.0)
    return least + step * ((x - least) / step).round()
