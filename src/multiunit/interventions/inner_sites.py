"""Sites inside a transformer: the embedding, what reads the stream, projections to queries, keys and values."""

from __future__ import annotations

import copy
import re
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal, NamedTuple

import pandas as pd
import torch
from torch import nn

from multiunit.core.errors import SiteError
from multiunit.core.system import as_stimuli
from multiunit.interventions.components import layers_of
from multiunit.systems.evaluated import without_gradients
from multiunit.systems.gradients import batches
from multiunit.systems.sites import Site, linear_shape
from multiunit.systems.torch_system import TorchSystem

# name, kind, layer, after_attention, side, width
_Row = tuple[str, str, int, bool, Literal["input", "output"], int]
_PART = re.compile(r"(?:^|\.)(q|k|v|query|key|value)(?:_proj|_lin|_layer)?$")
_PARTS = {"q": "query", "k": "key", "v": "value"}


class InnerSites(NamedTuple):
    """A system with further sites.

    Args:
        system: runs the same module; what the given system can do, it can.
        table: the further sites, by `name`: `kind` (embedding, attention-read, mlp-read, block-read, query, key,
            value), `layer` (-1 of the embedding) and `after_attention`, whether what is read there already holds what
            the attention of the same layer wrote.
    """

    system: TorchSystem
    table: pd.DataFrame

    def head_units(self, site: str, *, head: int, part: str) -> list[str]:
        """The units of the projection to the `query`, `key` or `value` of one head.

        Where heads share keys and values, those of its group.

        Raises:
            SiteError: if the module has no projection of its own for them.
        """
        heads = self.system.sites()
        layer = layers_of(heads)[site]
        found = self.table.index[(self.table["kind"] == part) & (self.table["layer"] == layer)]
        if len(found) != 1:
            raise SiteError("part", part, f"layer {layer} projects to no {part} in a module of its own")
        n_heads, width = int(heads["n_heads"][site]), int(heads["n_units"][found[0]])
        size = int(heads["n_units"][site]) // n_heads
        own = head * (width // size) // n_heads
        return [f"{found[0]}/{unit}" for unit in range(own * size, (own + 1) * size)]


def with_inner_sites(system: TorchSystem, stimuli: Any) -> InnerSites:
    """Find the sites within the blocks of a pre-norm transformer, by running the first stimulus.

    What an attention or an MLP reads from the stream is the *input* of its norm: an edit or a gradient there concerns
    that reader alone, not what passes by. One norm for both (`block-read`) is one reader.

    Raises:
        SiteError: for blocks whose attention reads the stream without a norm of its own, as in post-norm models.

    >>> from multiunit.networks.tiny_transformer import TinyTransformer
    >>> inner = with_inner_sites(TorchSystem(TinyTransformer(5, width=8, n_heads=2, n_layers=1)), [[1, 2]])
    >>> inner.table["kind"].tolist()
    ['embedding', 'attention-read', 'query', 'key', 'value', 'mlp-read']
    >>> inner.head_units("layers.0.attention.output", head=1, part="key")[0]
    'layers.0.attention.key/4'
    """
    frame = as_stimuli(stimuli)
    known = system.sites(frame)
    blocks = [str(name) for name in known.index[known["kind"] == "residual"]]
    layers = layers_of(known)
    seen = _Seen(blocks)
    first = next(batches(system, frame.iloc[:1].reset_index(drop=True), by_length=True))
    with ExitStack() as stack:
        for name, part in system.module.named_modules():
            hooks = seen.hooks(name, part)
            for register, act in hooks:
                stack.callback(register(partial(act, name)).remove)
        stack.enter_context(without_gradients(system.module))
        system.module(**first.inputs) if isinstance(first.inputs, dict) else system.module(first.inputs)
    rows: list[_Row] = list(seen.embedding[:1])
    heads = {layer: site for site, layer in layers.items() if known.at[site, "kind"] == "attention-head"}
    for layer, block in enumerate(blocks):
        owner = heads[layer].removeprefix(f"{block}.").partition(".")[0] if layer in heads else ""
        found = [(norm, r) for norm, r in seen.readers.items() if norm.startswith(f"{block}.")]
        for norm, linears in found:
            inside = [name for name in linears if name not in known.index]
            attention = [name.startswith(f"{block}.{owner}.") for name in inside]
            if not inside:
                continue
            kind = "block-read" if len(set(attention)) > 1 else "attention-read" if attention[0] else "mlp-read"
            rows.append((norm, kind, layer, seen.late[norm], "input", seen.width[norm]))
            for name in (n for n, yes in zip(inside, attention, strict=True) if yes):
                if part := _PART.search(name):
                    width = linear_shape(system.module.get_submodule(name))[1]  # type: ignore[index]
                    rows.append((name, _PARTS[part[1][0]], layer, False, "output", width))
        if not {"attention-read", "block-read"} & {row[1] for row in rows if row[2] == layer}:
            raise SiteError("system", block, "its attention reads the stream without a norm of its own")
    inner = copy.copy(system)
    extra = {name: Site(name, kind, side, width) for name, kind, _, _, side, width in rows}
    inner._sites = system._sites | extra
    # Copied when they are captured: whether a later part writes over them is not known.
    inner._copies = system._copies | set(extra)
    table = pd.DataFrame([row[:4] for row in rows], columns=["name", "kind", "layer", "after_attention"])
    return InnerSites(inner, table.set_index("name"))


class _Seen:
    """Which linear layer reads what which norm wrote, in one pass."""

    def __init__(self, blocks: list[str]) -> None:
        self.embedding: list[_Row] = []
        self.readers: dict[str, list[str]] = {}
        self.late: dict[str, bool] = {}
        self.width: dict[str, int] = {}
        self._blocks = blocks
        self._entered: dict[str, torch.Tensor] = {}
        # The tensors are kept, so that no other one can take their identity.
        self._written: dict[int, tuple[str, torch.Tensor]] = {}

    def hooks(self, name: str, part: nn.Module) -> list[tuple[Any, Any]]:
        if name in self._blocks:
            return [(part.register_forward_pre_hook, self._enter)]
        if isinstance(part, nn.Embedding):
            return [(part.register_forward_hook, self._embed)]
        if linear_shape(part):
            return [(part.register_forward_pre_hook, self._read)]
        return [] if any(True for _ in part.children()) else [(part.register_forward_hook, self._write)]

    def _enter(self, name: str, _: nn.Module, args: tuple[Any, ...]) -> None:
        self._entered[name] = args[0]

    def _embed(self, name: str, _: nn.Module, __: Any, output: torch.Tensor) -> None:
        self.embedding.append((name, "embedding", -1, False, "output", output.shape[-1]))

    def _write(self, name: str, _: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and args and isinstance(args[0], torch.Tensor):
            self._written[id(output)] = (name, output)
            block = next((b for b in self._blocks if name.startswith(f"{b}.")), "")
            self.late[name] = self._entered.get(block) is not args[0]
            self.width[name] = args[0].shape[-1]

    def _read(self, name: str, _: nn.Module, args: tuple[Any, ...]) -> None:
        if args and id(args[0]) in self._written:
            self.readers.setdefault(self._written[id(args[0])][0], []).append(name)
