"""`Patch`: give units the activity they had in another run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.core.edit import Shown, group_units, like, like_index, shown_or_all
from multiunit.core.errors import InputError

if TYPE_CHECKING:
    from multiunit.core.recording import Recording


@dataclass(frozen=True)
class Patch:
    """Put the activity of a recording in the place of the units' own, presentation by presentation.

    Presentations are matched by `sequence_id` and `position`: record the source stimuli in the order in which the
    target stimuli are streamed, tokens of a pair at the same positions. Positions that the recording does not hold,
    such as special tokens, keep their activity.

    Args:
        units: unit ids.
        recording: of these units (others are ignored), with `sequence_id` and `position`, as `System.record` makes it.

    Raises:
        InputError: if the recording lacks a unit, `sequence_id` or `position`, or - when it acts - a sequence.

    >>> from multiunit.core.recording import Recording
    >>> source = Recording.from_activity(np.array([[7.0], [8.0]]), units={"site": ["a"]},
    ...     presentations={"sequence_id": [0, 0], "position": [0, 1]})
    >>> Patch(["a/0"], source).change("a", np.zeros((1, 2, 3)))[0].tolist()
    [[7.0, 0.0, 0.0], [8.0, 0.0, 0.0]]
    """

    units: Sequence[str]
    recording: Recording = field(repr=False)
    _groups: dict[str, np.ndarray] = field(init=False, repr=False, compare=False)
    _rows: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = group_units(self.units)
        table = self.recording.presentations
        missing = {"sequence_id", "position"} - set(table)
        if missing:
            raise InputError("recording", sorted(missing), "its presentations lack these; record it from a system")
        sequence, position = (table[name].to_numpy(np.int64) for name in ("sequence_id", "position"))
        # (sequence, position) -> row of the recording, -1 where there is none.
        rows = np.full((sequence.max() + 1, position.max() + 1), -1, dtype=np.int64)
        rows[sequence, position] = np.arange(len(table))
        values = {
            site: self.recording.select(units=[f"{site}/{i}" for i in index]).activity for site, index in groups.items()
        }
        for name, value in (("_groups", groups), ("_rows", rows), ("_values", values)):
            object.__setattr__(self, name, value)

    def sites(self) -> list[str]:
        return list(self._groups)

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        shown = shown_or_all(activity, shown)
        values: np.ndarray = self._values[site]  # type: ignore[attr-defined]
        out = activity.clone() if hasattr(activity, "clone") else np.array(activity)
        grid = out if activity.ndim == 3 else out[:, None]
        for row, (sequence, length) in enumerate(zip(shown.sequence_id, shown.length, strict=True)):
            if sequence >= len(self._rows) or (self._rows[sequence] < 0).all():
                raise InputError("recording", int(sequence), "holds no presentation of this sequence_id")
            found = self._rows[sequence, : int(length)]
            places = np.flatnonzero(found >= 0)
            columns = like_index(self._groups[site], activity)
            grid[row, like_index(places, activity)[:, None], columns] = like(values[found[places]], activity)
        return out
