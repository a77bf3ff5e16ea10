"""What an MLP neuron of a vision transformer says to the output through the attention of later layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.system import as_stimuli
from multiunit.systems.torch_system import TorchSystem

_EPSILON = 1e-12


@dataclass(frozen=True)
class Layout:
    """Where the parts of a pre-norm vision transformer are: paths within the module, or within one of its blocks.

    Args:
        blocks: the list of blocks.
        attention_norm, query, key, value, output, down: within a block; `down` is the MLP's last projection.
        norm: the LayerNorm of the class token after the last block.
        head: from there to the output embedding or the logits; its bias plays no role.
    """

    blocks: str = "layers"
    attention_norm: str = "attention_norm"
    query: str = "attention.query"
    key: str = "attention.key"
    value: str = "attention.value"
    output: str = "attention.output"
    down: str = "mlp.down"
    norm: str = "norm"
    head: str = "head"


TINY_VIT = Layout()
# `CLIPVisionModelWithProjection` of Hugging Face.
CLIP_VISION = Layout(
    blocks="vision_model.encoder.layers",
    attention_norm="layer_norm1",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    output="self_attn.out_proj",
    down="mlp.fc2",
    norm="vision_model.post_layernorm",
    head="visual_projection",
)


class Effects(NamedTuple):
    """One batch: images `(image,)` (rows of the stimuli), `second_order` and `direct` `(image, unit, d)`, and `output`
    `(image, d)`, the whole class-token embedding without the head's bias."""

    rows: np.ndarray
    second_order: torch.Tensor
    direct: torch.Tensor
    output: torch.Tensor


class _Seen(NamedTuple):
    """What one pass shows of the frozen parts, by block."""

    activity: torch.Tensor
    attention: dict[int, torch.Tensor]
    scale: dict[int, torch.Tensor]
    last: torch.Tensor


def second_order_effects(
    system: TorchSystem,
    stimuli: Any,
    *,
    layer: int,
    layout: Layout = TINY_VIT,
    units: Sequence[int] | None = None,
    attention_of: np.ndarray | None = None,
) -> Iterator[Effects]:
    """Yield what each neuron of a layer adds to the class token's output embedding, attention and norms being frozen.

    phi_n(I) = sum_{l' > layer} sum_h sum_i A^{l'h}_{cls,i}(I) p_{n,i}(I) P N(I) W_VO^{l'h} N_{l',i}(I) w_n

    p_{n,i}: activation at token i; w_n: its output column; A: attention of the class token; W_VO: value and output
    projection of a head; P: the head; N: a LayerNorm with its scale held at I, v -> gamma (v - mean(v)) / sigma. The
    direct effect is p_{n,cls} P N(I) w_n.

    Args:
        system: a vision transformer whose first token is the class token; images are one batch together.
        stimuli: images, as `stream` takes them.
        layer: number of the neurons' block; the last one has no second-order effects.
        layout: where its parts are.
        units: neurons; all of the layer by default. The memory of a batch is `image x unit x d`.
        attention_of: for every stimulus the row whose attention patterns it borrows: a control.

    Yields:
        `Effects`, on the module's device.

    Raises:
        InputError: for a module of another layout, or a layer that it does not have.

    Source: Gandelsman, Efros & Steinhardt 2024, arXiv:2406.04341, sections 3 and 4. Their code shares the means of
    the LayerNorms equally among all parts of the residual stream; here each part carries its own mean, so that the
    effects sum exactly to that of the layer.
    """
    frame = as_stimuli(stimuli)
    parts = _Parts(system.module, layout, layer)
    chosen = np.arange(parts.down.in_features) if units is None else np.asarray(units)
    if attention_of is not None and np.shape(attention_of) != (len(frame),):
        raise InputError("attention_of", np.shape(attention_of), f"needs a row for each of {len(frame)} stimuli")
    paths = parts.paths(chosen)
    site = f"{layout.blocks}.{layer}.{layout.down}"
    with parts.watched() as seen:
        own = system.stream(frame, site, stop_early=False)
        lent = own if attention_of is None else system.stream(frame.iloc[attention_of], site, stop_early=False)
        for batch in own:
            frozen = seen()
            if attention_of is not None:
                next(lent)
                frozen = frozen._replace(attention=seen().attention)
            yield Effects(batch.presentations["sequence_id"].to_numpy(), *parts.effects(frozen, chosen, paths))


class _Parts:
    """The modules of a transformer by what they do."""

    def __init__(self, module: nn.Module, layout: Layout, layer: int) -> None:
        try:
            self.blocks = list(module.get_submodule(layout.blocks))  # type: ignore[call-overload]
            if not 0 <= layer < len(self.blocks):
                raise InputError("layer", layer, f"there are blocks 0 to {len(self.blocks) - 1}")
            self.norm: Any = module.get_submodule(layout.norm)
            self.head: Any = module.get_submodule(layout.head)
            names = ("attention_norm", "query", "key", "value", "output", "down")
            self.of: list[dict[str, Any]] = [
                {name: block.get_submodule(getattr(layout, name)) for name in names} for block in self.blocks
            ]
        except (AttributeError, TypeError) as error:
            raise InputError("layout", layout, f"does not fit {type(module).__name__}: {error}") from error
        self.module, self.layer, self.down = module, layer, self.of[layer]["down"]
        self.n_heads = _n_heads(module, self.blocks[0])

    @contextmanager
    def watched(self) -> Iterator[Callable[[], _Seen]]:
        """Within the block a function gives what the last pass showed: activity, attention, scales of the norms."""
        kept: dict[tuple[str, int], torch.Tensor] = {}

        def before(name: str, block: int) -> Any:
            return lambda _, args: kept.__setitem__((name, block), args[0].detach())

        def after(name: str, block: int) -> Any:
            return lambda _, __, output: kept.__setitem__((name, block), output.detach())

        def seen() -> _Seen:
            last = kept["norm", 0]
            return _Seen(
                kept["down", self.layer],
                {block: self._attention(kept["query", block], kept["key", block]) for block in self.later},
                {block: _scale(kept["x", block], self.of[block]["attention_norm"]) for block in self.later},
                last[:, 0] if last.ndim == 3 else last,
            )

        with ExitStack() as stack:
            stack.callback(self.down.register_forward_pre_hook(before("down", self.layer)).remove)
            stack.callback(self.norm.register_forward_pre_hook(before("norm", 0)).remove)
            for block in self.later:
                part = self.of[block]
                stack.callback(part["attention_norm"].register_forward_pre_hook(before("x", block)).remove)
                for name in ("query", "key"):
                    stack.callback(part[name].register_forward_hook(after(name, block)).remove)
            yield seen

    @property
    def later(self) -> range:
        return range(self.layer + 1, len(self.blocks))

    def _attention(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """Attention of the class token, `(image, head, token)`."""
        query, key = (part.unflatten(-1, (self.n_heads, -1)) for part in (query[:, :1], key))
        logits = torch.einsum("bqhd,bthd->bht", query, key) / query.shape[-1] ** 0.5
        return logits.softmax(dim=-1)

    def paths(self, units: np.ndarray) -> torch.Tensor:
        """Where each head sends each unit's column, up to the scales of the norms: `(unit, later head, d)`."""
        with torch.no_grad():
            column = _centred(self.down.weight[:, torch.as_tensor(units)].T)
            found = []
            for block in self.later:
                part = self.of[block]
                value = (column * part["attention_norm"].weight) @ part["value"].weight.T
                value = value.unflatten(-1, (self.n_heads, -1))
                output = part["output"].weight.unflatten(1, (self.n_heads, -1))
                found.append(self._out(torch.einsum("nhd,ohd->nho", value, output)))
            size = (len(units), 0, self.head.weight.shape[0])
            return torch.cat(found, dim=1) if found else column.new_zeros(size)

    def _out(self, stream: torch.Tensor) -> torch.Tensor:
        """From the residual stream to the output, but for the scale of the last norm."""
        return (_centred(stream) * self.norm.weight) @ self.head.weight.T

    def effects(self, seen: _Seen, units: np.ndarray, paths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        activity = seen.activity[..., torch.as_tensor(units)]
        last = _scale(seen.last, self.norm)
        weights = [
            torch.einsum("bht,btn->bnh", seen.attention[b] / seen.scale[b][:, None], activity) for b in self.later
        ]
        through = torch.cat(weights, dim=2) if weights else activity.new_zeros((len(activity), len(units), 0))
        with torch.no_grad():
            second = torch.einsum("bnh,nhd->bnd", through, paths) / last[:, None, None]
            direct = activity[:, 0, :, None] * self._out(self.down.weight[:, torch.as_tensor(units)].T)
            whole = self.norm(seen.last) @ self.head.weight.T
        return second, direct / last[:, None, None], whole


def _centred(x: torch.Tensor) -> torch.Tensor:
    return x - x.mean(dim=-1, keepdim=True)


def _scale(x: torch.Tensor, norm: Any) -> torch.Tensor:
    """The standard deviation by which a LayerNorm divides."""
    return (x.var(dim=-1, unbiased=False) + norm.eps).sqrt()


def _n_heads(module: nn.Module, block: nn.Module) -> int:
    for part in [*block.modules(), getattr(module, "config", None)]:
        for name in ("n_heads", "num_heads", "num_attention_heads"):
            n_heads = getattr(part, name, None)
            if isinstance(n_heads, int):
                return n_heads
    raise InputError("system", type(module).__name__, "does not say how many attention heads it has")


def rank_one(effects: Any) -> tuple[np.ndarray, np.ndarray]:
    """The direction along which each unit's effects vary, and the share of their sum of squares along it.

    r_n: first right singular vector of phi_n - the effects on the images where they are largest, less the mean over
    ALL images, which the caller takes away - with the sign that most images have.

    Args:
        effects: `(unit, image, d)`.

    Returns:
        `(unit, d)`, unit length, and `(unit,)`; 0 and 0 for a unit without effects.

    >>> direction, share = rank_one(np.array([[[0.0, 2.0], [0.0, 1.0], [0.0, -1.0]]]))
    >>> direction.tolist(), share.tolist()
    ([[0.0, 1.0]], [1.0])
    """
    x = np.asarray(effects, dtype=np.float64)
    if x.ndim != 3 or not np.isfinite(x).all():
        raise InputError("effects", x.shape, "needs finite (unit, image, d)")
    _, sizes, vectors = np.linalg.svd(x, full_matrices=False)
    direction = vectors[:, 0]
    positive = (np.einsum("nid,nd->ni", x, direction) > 0).mean(axis=1)
    total = (sizes**2).sum(axis=1)
    there = total > _EPSILON
    share = np.divide(sizes[:, 0] ** 2, total, out=np.zeros_like(total), where=there)
    return np.where(positive > 0.5, 1.0, -1.0)[:, None] * direction * there[:, None], share


def sparse_texts(directions: Any, texts: Any, *, n_components: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Write directions as sums of a few text embeddings: r_n ~ sum_j gamma_nj t_j, by orthogonal matching pursuit.

    Args:
        directions: `(unit, d)`.
        texts: embeddings `(text, d)`; their mean is taken away and each is scaled to unit length.
        n_components: texts a unit; at most as many as there are, or as there are dimensions.

    Returns:
        gamma `(unit, text)`, and the cosine `(unit,)` between each direction and its sum.

    Raises:
        InputError: for shapes that do not fit.

    Source: Gandelsman et al. 2024, arXiv:2406.04341, equation 7. Their code divides every dimension by its norm over
    the texts; here every text is, so that no text is chosen for its length.

    >>> texts = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [-1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
    >>> weights, cosine = sparse_texts([[3.0, 0.0, 0.0]], texts, n_components=1)
    >>> np.flatnonzero(weights[0]).tolist(), cosine.round(3).tolist()
    ([0], [1.0])
    """
    from sklearn.linear_model import orthogonal_mp_gram

    r, t = np.asarray(directions, dtype=np.float64), np.asarray(texts, dtype=np.float64)
    if r.ndim != 2 or t.ndim != 2 or r.shape[1] != t.shape[1] or not len(t):
        raise InputError("texts", t.shape, f"needs (text, d) beside directions {r.shape}")
    if n_components < 1:
        raise InputError("n_components", n_components, "at least one text")
    t = t - t.mean(axis=0)
    size = np.linalg.norm(t, axis=1, keepdims=True)
    t = np.divide(t, size, out=np.zeros_like(t), where=size > _EPSILON)
    # More texts than dimensions that they span cannot be independent.
    most = min(n_components, int(np.linalg.matrix_rank(t)))
    weights = np.zeros((len(r), len(t)))
    there = np.flatnonzero(np.linalg.norm(r, axis=1) > _EPSILON)
    if most and len(there):
        found = orthogonal_mp_gram(t @ t.T, t @ r[there].T, n_nonzero_coefs=most)
        weights[there] = found.reshape(len(t), -1).T
    made = weights @ t
    size = np.linalg.norm(made, axis=1) * np.linalg.norm(r, axis=1)
    inner = (made * r).sum(axis=1)
    return weights, np.divide(inner, size, out=np.zeros_like(size), where=size > _EPSILON)


@method(kind="causal", source="arXiv:2406.04341")
def second_order_lens(
    system: TorchSystem,
    stimuli: Any,
    *,
    layer: int,
    layout: Layout = TINY_VIT,
    n_top: int = 100,
    unit_block: int = 256,
    attention_of: np.ndarray | None = None,
) -> xr.Dataset:
    """Summarise the second-order effects of every neuron of a layer by one direction in the output space.

    phi_n(I) less its mean over images; r_n = the first principal direction of it on the `n_top` images of largest norm.

    Args:
        system: a vision transformer.
        stimuli: images; they are shown twice for every block of units.
        layer: number of the neurons' block.
        layout: see `Layout`; `CLIP_VISION` is another one.
        n_top: images; at most all of them.
        unit_block: units looked at together: memory is `unit_block x (n_top + batch) x d`.
        attention_of: see `second_order_effects`.

    Returns:
        Over `unit`: `direction(unit, d)`, `explained(unit)` - the share of r_n in the n_top effects -, `norm(unit)`,
        root mean square of the centred effect over all images, `direct_norm(unit)`, that of the direct effect, and
        `mean(unit, d)`; `image(unit, rank)`, rows of the stimuli, strongest first.

    Raises:
        InputError: for a module of another layout, a layer it does not have, or fewer than two images.

    Source: Gandelsman, Efros & Steinhardt 2024, arXiv:2406.04341; 100 images as in their code.

    >>> from multiunit.networks import TinyViT
    >>> net = TinyViT(image_size=4, patch_size=2, n_channels=1, width=8, n_heads=2, n_layers=2)
    >>> images = np.random.default_rng(0).normal(size=(6, 1, 4, 4)).astype("float32")
    >>> found = second_order_lens(TorchSystem(net), images, layer=0, n_top=4)
    >>> found["direction"].shape, bool((found["explained"] <= 1).all())
    ((32, 10), True)
    """
    frame = as_stimuli(stimuli)
    if len(frame) < 2 or n_top < 1 or unit_block < 1:
        raise InputError("n_top", (len(frame), n_top, unit_block), "needs two images, one of the top and one unit")
    n_units = _Parts(system.module, layout, layer).down.in_features
    n_top = min(n_top, len(frame))
    parts = []
    for start in range(0, n_units, unit_block):
        units = range(start, min(n_units, start + unit_block))
        options: dict[str, Any] = {"layer": layer, "layout": layout, "units": units, "attention_of": attention_of}
        sums: list[Any] = [0.0, 0.0]
        for batch in second_order_effects(system, frame, **options):
            sums = [s + x.double().sum(0) for s, x in zip(sums, (batch.second_order, batch.direct), strict=True)]
        means = [s / len(frame) for s in sums]
        parts.append(_summary(second_order_effects(system, frame, **options), means, n_top, len(frame)))
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    site = f"{layout.blocks}.{layer}.{layout.down}"
    dims = (("d",), (), (), (), ("d",), ("rank",))
    names = ("direction", "explained", "norm", "direct_norm", "mean", "image")
    return xr.Dataset(
        {name: (("unit", *more), values) for name, more, values in zip(names, dims, joined, strict=True)},
        coords={
            "unit_id": ("unit", np.array([f"{site}/{unit}" for unit in range(n_units)], dtype=object)),
            "site": ("unit", np.full(n_units, site, dtype=object)),
        },
    )


def _summary(batches: Iterator[Effects], means: list[torch.Tensor], n_top: int, n: int) -> tuple[np.ndarray, ...]:
    """Keep the strongest effects of every unit while they pass, and sum up the squares of all."""
    best: Any = None
    squares: Any = 0.0
    direct_squares: Any = 0.0
    for batch in batches:
        x = (batch.second_order.double() - means[0]).transpose(0, 1)
        squares = squares + (x**2).sum(dim=(1, 2))
        direct_squares = direct_squares + ((batch.direct.double() - means[1]) ** 2).sum(dim=(0, 2))
        rows = torch.as_tensor(np.array(batch.rows), device=x.device).expand(len(x), -1)
        if best is not None:
            x, rows = torch.cat([best[0], x], dim=1), torch.cat([best[1], rows], dim=1)
        order = x.norm(dim=2).argsort(dim=1, descending=True, stable=True)[:, :n_top]
        best = x.gather(1, order[..., None].expand(-1, -1, x.shape[2])), rows.gather(1, order)
    direction, share = rank_one(best[0].cpu().numpy())
    sizes = [(s / n).sqrt().cpu().numpy() for s in (squares, direct_squares)]
    return direction, share, *sizes, means[0].cpu().numpy(), best[1].cpu().numpy()
