"""`Edit`: one change at one place of a system - pure data and a pure function of the activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from multiunit.core.errors import InputError, SiteError

if TYPE_CHECKING:
    from multiunit.core.recording import Recording


class Shown(NamedTuple):
    """What passes a site at this moment.

    Args:
        sequence_id: `(sequence,)`, of each row of the batch.
        length: `(sequence,)`, positions that are no padding; 1 where presentations are no sequences.
    """

    sequence_id: np.ndarray
    length: np.ndarray


@runtime_checkable
class Edit(Protocol):
    """A change at one or more sites. `change` gets the activity `(..., unit)` of a site as an array or tensor and
    returns the changed activity; it never writes into its argument. A system that knows which stimuli it is showing
    says so; `shown` is None where the module is called by hand, as in generation."""

    def sites(self) -> list[str]:
        """The sites it changes."""

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        """The activity after the edit."""


def shown_or_all(activity: Any, shown: Shown | None) -> Shown:
    """What is shown; where nobody says, the rows of the batch are the sequences 0, 1, ... with no padding.

    Raises:
        InputError: for activity with axes besides sequence, position and unit, such as images before pooling.
    """
    if activity.ndim not in (2, 3):
        mend = "this edit tells positions of sequences apart: needs (sequence, unit) or (sequence, position, unit)"
        raise InputError("activity", tuple(activity.shape), mend)
    if shown is not None:
        return shown
    rows = np.arange(activity.shape[0])
    return Shown(rows, np.full(len(rows), activity.shape[1] if activity.ndim == 3 else 1))


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

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        index = self._groups[site]
        if index[-1] >= activity.shape[-1]:
            raise SiteError("units", f"{site}/{index[-1]}", f"the site has {activity.shape[-1]} units")
        out = activity.clone() if hasattr(activity, "clone") else np.array(activity)
        chosen = like_index(index, activity)
        out[..., chosen] = self.value(site, out[..., chosen], shown)
        return out

    def value(self, site: str, chosen: Any, shown: Shown | None) -> Any:
        raise NotImplementedError

    def _named(self, site: str, values: Any) -> Any:
        """One number for all units, or a mapping from unit id to number, in the order of the site's units."""
        if isinstance(values, Mapping):
            return np.array([values[f"{site}/{i}"] for i in self._groups[site]])
        return values


def like_index(index: np.ndarray, activity: Any) -> Any:
    """Whole numbers that index an array, or a tensor on its device."""
    if hasattr(activity, "new_tensor"):
        import torch

        return torch.as_tensor(index, device=activity.device)
    return index


def like(values: Any, activity: Any) -> Any:
    """Numbers as what the activity is: an array, or a tensor of its type on its device."""
    if not hasattr(activity, "new_tensor"):
        return np.asarray(values, dtype=activity.dtype)
    if isinstance(values, np.ndarray):
        import torch

        return torch.as_tensor(values).to(activity)
    return activity.new_tensor(values)


@dataclass(frozen=True)
class Ablate(_OnUnits):
    """Take away what units say: hold them at nothing, at their mean, or give them what they said on other stimuli.

    Args:
        units: unit ids.
        to: a number, a mapping unit id -> number, `"mean"` over the reference, or `"resample"`: at every presentation
            the units of the edit get, together, their activity at a random presentation of the reference. The draw
            depends on the seed, the sequence and the position only, not on how the stream is cut into batches.
        reference: a recording of these units, for `"mean"` and `"resample"`.
        random_state: seed of the resampling.

    Raises:
        InputError: for a word without a reference.

    >>> Ablate(["a/1"]).change("a", np.array([[1.0, 2.0, 3.0]])).tolist()
    [[1.0, 0.0, 3.0]]
    """

    to: float | Mapping[str, float] | Literal["mean", "resample"] = 0.0
    reference: Recording | None = field(default=None, repr=False)
    random_state: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.to, str):
            if self.to not in ("mean", "resample"):
                raise InputError("to", self.to, "a number, a mapping unit id -> number, 'mean' or 'resample'")
            if self.reference is None:
                raise InputError("reference", None, f"to={self.to!r} needs a recording of these units")
            # The rows of the reference that are drawn from, in the order of each site's units.
            kept = {site: self._recorded(site) for site in self._groups}
            if self.to == "mean":
                kept = {site: values.mean(axis=0, dtype=np.float64) for site, values in kept.items()}
            object.__setattr__(self, "_reference", kept)

    def _recorded(self, site: str) -> np.ndarray:
        assert self.reference is not None
        return self.reference.select(units=[f"{site}/{i}" for i in self._groups[site]]).activity

    def value(self, site: str, chosen: Any, shown: Shown | None) -> Any:
        if not isinstance(self.to, str):
            return like(self._named(site, self.to), chosen)
        values: np.ndarray = self._reference[site]  # type: ignore[attr-defined]
        if self.to == "mean":
            return like(values, chosen)
        shown = shown_or_all(chosen, shown)
        positions = chosen.shape[1] if chosen.ndim == 3 else 1
        rows = np.stack(
            [
                np.random.default_rng([self.random_state, int(sequence)]).integers(len(values), size=positions)
                for sequence in shown.sequence_id
            ]
        )
        return like(values[rows].reshape(tuple(chosen.shape)), chosen)


@dataclass(frozen=True)
class Clamp(_OnUnits):
    """Hold units at a value: one number, or a mapping unit id -> number."""

    to: float | Mapping[str, float] = 1.0

    def value(self, site: str, chosen: Any, shown: Shown | None) -> Any:
        return like(self._named(site, self.to), chosen)


@dataclass(frozen=True)
class Scale(_OnUnits):
    """Multiply units by a gain: one number, or a mapping unit id -> number.

    >>> Scale(["a/0"], gain=3.0).change("a", np.array([[1.0, 2.0]])).tolist()
    [[3.0, 2.0]]
    """

    gain: float | Mapping[str, float] = 1.0

    def value(self, site: str, chosen: Any, shown: Shown | None) -> Any:
        return chosen * like(self._named(site, self.gain), chosen)


@dataclass(frozen=True)
class Add:
    """Add `strength` times a direction `(unit,)` to the activity of one site."""

    site: str
    direction: Any
    strength: float = 1.0

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        direction = np.asarray(self.direction)
        if direction.shape != tuple(activity.shape[-1:]):
            raise InputError("direction", direction.shape, f"{site} has {activity.shape[-1]} units")
        return activity + self.strength * like(direction, activity)


@dataclass(frozen=True)
class Replace:
    """Put a function of the activity in its place: `function(activity) -> activity` of the same shape."""

    site: str
    function: Callable[[Any], Any]

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        out = self.function(activity)
        if out.shape != activity.shape:
            raise InputError("function", tuple(out.shape), f"must keep the shape {tuple(activity.shape)} of {site}")
        return out
