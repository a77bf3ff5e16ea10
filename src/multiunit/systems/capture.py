"""Hooks that read and edit the activity of a module while it runs, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from multiunit.core.edit import Edit, Shown
from multiunit.systems.sites import Site


class StopForward(Exception):
    """Raised by the hook of the last wanted site: nothing after it has to run."""


class Capture:
    """The activity of the wanted sites in one pass, by reference: no copies are made.

    Args:
        copies: names of sites whose tensor is written over later in the pass; only these are copied.
        stop: raise `StopForward` once every wanted site has been seen.
    """

    def __init__(self, wanted: Sequence[Site], *, copies: Collection[str] = (), stop: bool = False) -> None:
        self.activity: dict[str, torch.Tensor] = {}
        self._names = {(site.path, site.call): site.name for site in wanted}
        self._copies, self._stop = copies, stop
        self._calls: dict[str, int] = {}
        self._versions: dict[str, int] = {}

    def see(self, path: str, tensor: torch.Tensor) -> None:
        call = self._calls.get(path, 0)
        self._calls[path] = call + 1
        name = self._names.get((path, call))
        if name is None:
            return
        tensor = tensor.detach()
        self.activity[name] = tensor.clone() if name in self._copies else tensor
        self._versions[name] = -1 if tensor.is_inference() else self.activity[name]._version
        if self._stop and len(self.activity) == len(self._names):
            raise StopForward

    def overwritten(self) -> set[str]:
        """Sites whose tensor was changed in place after it was seen."""
        return {name for name, version in self._versions.items() if self.activity[name]._version != version}


@contextmanager
def watched(module: nn.Module, sites: Sequence[Site], see: Callable[[str, torch.Tensor], None]) -> Iterator[None]:
    """Within the block, `see(path, activity)` is called whenever the module of a site runs."""
    with ExitStack() as stack:
        for path, site in {site.path: site for site in sites}.items():
            stack.callback(_hook(module, site, partial(see, path)).remove)
        yield


@contextmanager
def changed(
    module: nn.Module, sites: Mapping[str, Site], edits: Sequence[Edit], *, shown: Callable[[], Shown | None]
) -> Iterator[None]:
    """Within the block the edits act, in their order; afterwards no hook is left, whatever happened inside.

    Args:
        shown: says which sequences are passing, or None where nobody knows.
    """
    wanted = [(sites[name], edit) for edit in edits for name in edit.sites()]
    shared = {path for path in {site.path for site, _ in wanted} if sum(s.path == path for s in sites.values()) > 1}
    calls = dict.fromkeys(shared, -1)
    with ExitStack() as stack:
        if shared:
            stack.callback(module.register_forward_pre_hook(lambda *_: calls.update(dict.fromkeys(shared, -1))).remove)
        for path in shared:
            stack.callback(module.get_submodule(path).register_forward_pre_hook(_counter(calls, path)).remove)
        for site, edit in wanted:
            stack.callback(_hook(module, site, _changer(edit, site, calls, shown)).remove)
        yield


def _counter(calls: dict[str, int], path: str) -> Callable[..., None]:
    def count(*_: Any) -> None:
        calls[path] += 1

    return count


def _changer(
    edit: Edit, site: Site, calls: Mapping[str, int], shown: Callable[[], Shown | None]
) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        if calls.get(site.path, site.call) != site.call:
            return tensor
        if site.channel_axis in (-1, tensor.ndim - 1):
            return edit.change(site.name, tensor, shown())
        return edit.change(site.name, tensor.movedim(site.channel_axis, -1), shown()).movedim(-1, site.channel_axis)

    return change


def _hook(module: nn.Module, site: Site, act: Callable[[torch.Tensor], torch.Tensor | None]) -> RemovableHandle:
    """Call `act` with the site's tensor; what it returns, unless None, takes the tensor's place."""
    part = module.get_submodule(site.path)
    if site.side == "input":

        def before(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            new = act(args[0])
            return None if new is None or new is args[0] else (new, *args[1:])

        return part.register_forward_pre_hook(before)

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        # Blocks of some families return (activity, attention weights, ...), others a data class or the activity.
        first = output if isinstance(output, torch.Tensor) else output[0]
        new = act(first)
        if new is None or new is first:
            return None
        return new if isinstance(output, torch.Tensor) else type(output)((new, *output[1:]))

    return part.register_forward_hook(after)
