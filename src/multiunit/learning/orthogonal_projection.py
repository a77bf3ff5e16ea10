"""Learning that keeps off what earlier tasks used: weights move only across the subspaces of earlier inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from multiunit.core.errors import InputError


class Subspace(Protocol):
    """What learns the subspace of a layer's input: see `HebbianSubspace`."""

    @property
    def rows(self) -> torch.Tensor: ...
    def add(self, n_rows: int) -> None: ...
    def update(self, x: torch.Tensor) -> None: ...
    def freeze(self) -> None: ...
    def orthogonal(self, x: torch.Tensor) -> torch.Tensor: ...


class OrthogonalProjection:
    """Watches linear layers while a model learns task after task, and projects their gradients.

    The gradient of a linear layer is the sum of error' x over samples (and time steps). With x - x H' H for x it is
    dW - (dW H') H, whatever rule gave the error; so the gradient itself is projected, and neither the forward pass nor
    the error of lower layers changes. Biases have no input that could be taken off: layers must have none.

    Args:
        layers: name -> layer, of the model that learns.
        subspaces: name -> subspace of the layer's input.

    Raises:
        InputError: for names that differ, a layer with a bias, or a subspace of another size.

    Source: Xiao et al., arXiv:2402.11984.

    >>> from multiunit.learning.reference_subspaces import PrincipalSubspace
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> guard = OrthogonalProjection({"only": layer}, subspaces={"only": PrincipalSubspace(2)})
    >>> guard.start_task(1)
    >>> _ = layer(torch.tensor([[1.0, 0.0]]))
    >>> guard.end_task()
    >>> guard.start_task(1)
    >>> layer(torch.tensor([[1.0, 1.0]])).sum().backward()
    >>> guard.project_gradients()
    >>> layer.weight.grad.abs().tolist()    # the first direction belongs to the first task
    [[0.0, 1.0]]
    """

    def __init__(self, layers: Mapping[str, nn.Linear], *, subspaces: Mapping[str, Subspace]) -> None:
        if set(layers) != set(subspaces) or not layers:
            raise InputError("subspaces", sorted(subspaces), f"needs one for each of the layers {sorted(layers)}")
        for name, layer in layers.items():
            if layer.bias is not None:
                raise InputError("layers", name, "has a bias, which cannot be projected; make it with bias=False")
            if subspaces[name].rows.shape[1] != layer.in_features:
                raise InputError("subspaces", name, f"needs rows of {layer.in_features}, the layer's inputs")
        self.layers, self.subspaces = dict(layers), dict(subspaces)
        self._handles: list[Any] = []

    def start_task(self, n_rows: int | Mapping[str, int]) -> None:
        """Begin a block of rows in every subspace, which learns from all that the layers see in training mode."""
        self._stop()
        for name, layer in self.layers.items():
            self.subspaces[name].add(n_rows if isinstance(n_rows, int) else n_rows[name])
            self._handles.append(layer.register_forward_pre_hook(self._watch(name)))

    def end_task(self) -> None:
        """Freeze what was learned: later gradients keep off it."""
        self._stop()
        for subspace in self.subspaces.values():
            subspace.freeze()

    def project_gradients(self) -> None:
        """Between `backward()` and the optimiser's step: take off the frozen subspaces."""
        for name, layer in self.layers.items():
            if layer.weight.grad is not None:
                layer.weight.grad.copy_(self.subspaces[name].orthogonal(layer.weight.grad))

    def _watch(self, name: str) -> Any:
        def learn(layer: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
            if layer.training:
                with torch.no_grad():
                    self.subspaces[name].update(inputs[0].detach().flatten(0, -2))

        return learn

    def _stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
