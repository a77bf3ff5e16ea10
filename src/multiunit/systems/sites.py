"""Where a torch module can be measured: MLP neurons, attention heads, the residual stream, channels, layers."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

# The last projection of an MLP by its name in the families of Hugging Face; what no name tells, the shapes do.
_DOWN = re.compile(
    r"(^|\.)(down_proj|down|fc2|fc_out|dense_4h_to_h|ffn_output|lin2|linear2|linear_2|w2|wo|layer_2|mlp\.c_proj|mlp\.output"
    r"|output\.dense|output_dense|mlp\.2|mlp\.3|ffn\.2|ffn\.3)$",
    re.IGNORECASE,
)
_ATTENTION_OUT = re.compile(
    r"(^|\.)(o_proj|out_proj|out_lin|o|c_proj|wo|proj|dense|output|output\.dense|attn_out|out|to_out|linear_out)$",
    re.IGNORECASE,
)
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "num_key_value_heads")
_NORMS = (nn.LayerNorm, nn.modules.batchnorm._NormBase, nn.GroupNorm)
_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_RECURRENT = (nn.RNNBase,)


@dataclass(frozen=True)
class Site:
    """One place of a module.

    Args:
        name: the raw path of the module, as `named_modules` gives it; `@k` is added for its k-th later call in a pass.
        kind: `mlp-neuron`, `attention-head`, `residual`, `block`, `conv-channel`, `linear`, `recurrent`, `activation`.
        side: whether the activity is the module's `input` or its `output`.
        n_units: width of the activity.
        n_heads: attention heads that share the units; 1 elsewhere.
        call: which call within one pass; modules with shared weights are called more than once.
        channel_axis: the axis that runs over units, 1 in convolutions and the last elsewhere.
    """

    name: str
    kind: str
    side: Literal["input", "output"]
    n_units: int
    n_heads: int = 1
    call: int = 0
    channel_axis: int = -1

    @property
    def path(self) -> str:
        """The path of the module, without the number of the call."""
        return self.name.rpartition("@")[0] if self.call else self.name


def find_sites(module: nn.Module) -> list[Site]:
    """Every site of a module, in the order in which its parts are registered.

    MLP neurons are the *input* of an MLP's down projection: after the nonlinearity, and after the gate where there
    is one. Attention heads are the input of the attention's output projection, `n_units = n_heads * head size`.
    The residual stream is the output of each block. Elsewhere a site is the output of a convolution, of a linear or
    recurrent layer, or of an activation module. Experts that are fused into one parameter have no module of their
    own and therefore no site.

    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> [(site.name, site.kind, site.n_units) for site in find_sites(net)]
    [('0', 'linear', 8), ('1', 'activation', 8), ('2', 'linear', 2)]
    """
    shapes = {name: shape for name, part in module.named_modules() if (shape := linear_shape(part))}
    attention = _attention_outputs(module, shapes)
    down = _down_projections(module, shapes, attention)
    blocks = _blocks(module, attention, down)
    found, width = [], 0
    for name, part in module.named_modules():
        if name in down:
            found.append(Site(name, "mlp-neuron", "input", shapes[name][0]))
        elif name in attention:
            found.append(Site(name, "attention-head", "input", shapes[name][0], n_heads=attention[name]))
        elif name in blocks:
            found.append(Site(name, blocks[name], "output", _last_width(part)))
        elif isinstance(part, _CONVS):
            found.append(Site(name, "conv-channel", "output", part.out_channels, channel_axis=1))
        elif isinstance(part, _RECURRENT):
            found.append(Site(name, "recurrent", "output", part.hidden_size * (1 + part.bidirectional)))
        elif name in shapes and not attention and not down:
            found.append(Site(name, "linear", "output", shapes[name][1]))
        elif _is_activation(part) and not attention and not down:
            found.append(Site(name, "activation", "output", width))
        width = _own_width(part) or width
    return found


def linear_shape(part: nn.Module) -> tuple[int, int] | None:
    """(inputs, outputs) of a linear layer, also of GPT-2's transposed one; None of anything else."""
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    if type(part).__name__ == "Conv1D" and getattr(part, "weight", torch.empty(0)).ndim == 2:
        return part.weight.shape[0], part.weight.shape[1]  # type: ignore[index,return-value]
    return None


def _attention_outputs(module: nn.Module, shapes: dict[str, tuple[int, int]]) -> dict[str, int]:
    """Output projections of attention, with their number of heads."""
    found = {}
    for name in shapes:
        owner = name.rpartition(".")[0]
        # In BERT the projection lies in `attention.output.dense`, one step further from the heads than elsewhere.
        inside = _ATTENTION.search(owner.rpartition(".")[2]) or (
            owner.endswith(".output") and _ATTENTION.search(owner.split(".")[-2])
        )
        if inside and _ATTENTION_OUT.search(name) and not re.search(r"\.(self|qkv|query|key|value)$", owner):
            n_heads = _n_heads(module, owner, shapes[name][0])
            if n_heads:
                found[name] = n_heads
    return found


def _n_heads(module: nn.Module, owner: str, width: int) -> int:
    """The number of heads, from the attention module, its parts or parents, or the configuration."""
    candidates: list[object] = []
    path = owner
    for _ in range(2):
        part = module.get_submodule(path)
        candidates += [part, *part.children()]
        path = path.rpartition(".")[0]
    candidates += [getattr(part, "config", None) for part in candidates] + [getattr(module, "config", None)]
    for candidate in candidates:
        for attribute in _HEADS:
            n_heads = getattr(candidate, attribute, None)
            if isinstance(n_heads, int) and n_heads > 0 and width % n_heads == 0:
                return n_heads
    return 0


def _down_projections(module: nn.Module, shapes: dict[str, tuple[int, int]], attention: dict[str, int]) -> set[str]:
    """Linear layers that bring an MLP's hidden units back to the width of the block."""
    found = set()
    for owner, names in _by_block(module, shapes, attention).items():
        named = [n for n in names if _DOWN.search(n) and n not in attention and not _in_attention(n, owner)]
        # An up projection of the same widths, registered in the same block, must stand beside it.
        up = {(shapes[n][0], shapes[n][1]) for n in names}
        fits = [n for n in named if any(i == shapes[n][1] and o in (shapes[n][0], 2 * shapes[n][0]) for i, o in up)]
        found.update(fits or _by_shape(names, shapes, attention, owner))
    return found


def _by_shape(names: list[str], shapes: dict[str, tuple[int, int]], attention: dict[str, int], owner: str) -> list[str]:
    outside = [n for n in names if n not in attention and not _in_attention(n, owner)]
    ups: list[tuple[int, int]] = []
    found = []
    for name in outside:
        inputs, outputs = shapes[name]
        if inputs > outputs and any(i == outputs and o in (inputs, 2 * inputs) for i, o in ups):
            found.append(name)
        ups.append(shapes[name])
    return found


def _in_attention(name: str, owner: str) -> bool:
    parts = name[len(owner) :].split(".")[:-1]
    return any(_ATTENTION.search(part) for part in parts)


def _by_block(module: nn.Module, shapes: dict[str, tuple[int, int]], attention: dict[str, int]) -> dict[str, list[str]]:
    """Linear layers by the innermost list element that holds an attention, where there is any: the home of one MLP."""
    elements = [name for name, _ in _elements(module)]
    homes = [name for name in elements if any(a.startswith(f"{name}.") for a in attention)] or elements
    grouped: dict[str, list[str]] = {}
    for name in shapes:
        inside = [home for home in homes if name.startswith(f"{home}.")]
        if inside:
            grouped.setdefault(max(inside, key=len), []).append(name)
    return grouped


def _elements(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Elements of module lists and sequences that are made of parts themselves."""
    found = []
    for name, part in module.named_modules():
        if isinstance(part, (nn.ModuleList, nn.Sequential)):
            for key, child in part.named_children():
                path = f"{name}.{key}" if name else key
                parametric = sum(1 for leaf in child.modules() if _own_width(leaf))
                if not isinstance(child, (nn.ModuleList, nn.Sequential)) and parametric > 1:
                    found.append((path, child))
    return found


def _blocks(module: nn.Module, attention: Collection[str], down: Collection[str]) -> dict[str, str]:
    """Blocks by name: the innermost with an attention and an MLP carry the residual stream of a transformer."""
    elements = [name for name, _ in _elements(module)]
    if not attention:
        return dict.fromkeys(elements, "block")
    both = [
        e
        for e in elements
        if all(any(n.startswith(f"{e}.") for n in names) for names in (attention, down or attention))
    ]
    return {name: "residual" for name in both if not any(other.startswith(f"{name}.") for other in both)}


def _own_width(part: nn.Module) -> int:
    if shape := linear_shape(part):
        return shape[1]
    if isinstance(part, _CONVS):
        return part.out_channels
    if isinstance(part, _NORMS) or type(part).__name__.endswith("RMSNorm"):
        weight = getattr(part, "weight", None)
        return weight.shape[-1] if weight is not None else int(getattr(part, "num_features", 0))
    return part.hidden_size if isinstance(part, _RECURRENT) else 0


def _last_width(part: nn.Module) -> int:
    """Width of a block's output: that of its down projection or, in a convolutional one, of its last layer."""
    widths = [width for leaf in part.modules() if (width := _own_width(leaf))]
    norms = [
        _own_width(leaf)
        for leaf in part.modules()
        if isinstance(leaf, nn.LayerNorm) or "RMSNorm" in type(leaf).__name__
    ]
    return max(norms) if norms else widths[-1]


def _is_activation(part: nn.Module) -> bool:
    return type(part).__module__ == "torch.nn.modules.activation" and not isinstance(part, nn.MultiheadAttention)
