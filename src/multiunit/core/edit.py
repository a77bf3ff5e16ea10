"""`Edit`: one change at one place of a system - pure data and a pure function of the activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from multiunit.core.errors import InputError, SiteError


@runtime_checkable
class Edit(Protocol):
    """A change at one or more sites. `change` gets the activity `(..., unit)` of a site as an array or tensor and
    returns the changed activity; it never writes into its argument."""

    def sites(self) -> list[str]:
        """The sites it changes."""

    def change(self, site: str, activity: Any) -> Any:
        """The activity after the edit."""


def group_units(units: Sequence[str]) -> dict[str, np.ndarray]:
    """Unit ids "site/index" as site -> sorted indices.

    >>> {site: index.tolist() for site, index in group_units(["a/3", "b/0", "a/1"]).items()}
    {'a': [1, 3], 'b': [0]}
    """
    if isinstance(units, str):
        units = [units]
    groups: dict[str, set[int]] = {}
    for unit in units:
        site, slash, index = str(unit).rpartition("/")
        if not slash or not index.isdigit():
            raise SiteError("units", unit, "a unit is named 'site/index'")
        groups.setdefault(site, set()).add(int(index))
    return {site: np.array(sorted(indices)) for site, indices in groups.items()}


@dataclass(frozen=True)
class _OnUnits:
    """An edit of single units: everything else at the site passes unchanged."""

    units: Sequence[str]
    _groups: dict[str, np.ndarray] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_groups", group_units(self.units))

    def sites(self) -> list[str]:
        return list(self._groups)

    def change(self, site: str, activity: Any) -> Any:
        index = self._groups[site]
        if index[-1] >= activity.shape[-1]:
            raise SiteError("units", f"{site}/{index[-1]}", f"the site has {activity.shape[-1]} units")
        out = activity.clone() if hasattr(activity, "clone") else np.array(activity)
        chosen = _index_like(index, activity)
        out[..., chosen] = self.value(site, out[..., chosen])
        return out

    def value(self, site: str, chosen: Any) -> Any:
        raise NotImplementedError

    def _named(self, site: str, values: Any) -> Any:
        """One number for all units, or a mapping from unit id to number, in the order of the site's units."""
        if isinstance(values, Mapping):
            return np.array([values[f"{site}/{i}"] for i in self._groups[site]])
        return values


def _index_like(index: np.ndarray, activity: Any) -> Any:
    if hasattr(activity, "new_tensor"):
        import torch

        return torch.as_tensor(index, device=activity.device)
    return index


def _like(values: Any, activity: Any) -> Any:
    return activity.new_tensor(values) if hasattr(activity, "new_tensor") else np.asarray(values, dtype=activity.dtype)


@dataclass(frozen=True)
class Ablate(_OnUnits):
    """Hold units at nothing: `to` is 0.0, or a mapping unit id -> mean activity.

    >>> Ablate(["a/1"]).change("a", np.array([[1.0, 2.0, 3.0]])).tolist()
    [[1.0, 0.0, 3.0]]
    """

    to: float | Mapping[str, float] = 0.0

    def value(self, site: str, chosen: Any) -> Any:
        return _like(self._named(site, self.to), chosen)


@dataclass(frozen=True)
class Clamp(_OnUnits):
    """Hold units at a value: one number, or a mapping unit id -> number."""

    to: float | Mapping[str, float] = 1.0

    def value(self, site: str, chosen: Any) -> Any:
        return _like(self._named(site, self.to), chosen)


@dataclass(frozen=True)
class Scale(_OnUnits):
    """Multiply units by a gain: one number, or a mapping unit id -> number.

    >>> Scale(["a/0"], gain=3.0).change("a", np.array([[1.0, 2.0]])).tolist()
    [[3.0, 2.0]]
    """

    gain: float | Mapping[str, float] = 1.0

    def value(self, site: str, chosen: Any) -> Any:
        return chosen * _like(self._named(site, self.gain), chosen)


@dataclass(frozen=True)
class Add:
    """Add `strength` times a direction `(unit,)` to the activity of one site."""

    site: str
    direction: Any
    strength: float = 1.0

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any) -> Any:
        direction = np.asarray(self.direction)
        if direction.shape != tuple(activity.shape[-1:]):
            raise InputError("direction", direction.shape, f"{site} has {activity.shape[-1]} units")
        return activity + self.strength * _like(direction, activity)


@dataclass(frozen=True)
class Replace:
    """Put a function of the activity in its place: `function(activity) -> activity` of the same shape."""

    site: str
    function: Callable[[Any], Any]

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any) -> Any:
        out = self.function(activity)
        if out.shape != activity.shape:
            raise InputError("function", tuple(out.shape), f"must keep the shape {tuple(activity.shape)} of {site}")
        return out
