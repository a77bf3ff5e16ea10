"""`At`: an edit that acts at some positions or sequences only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiunit.core.edit import Edit, Shown, shown_or_all
from multiunit.core.errors import InputError


@dataclass(frozen=True)
class At:
    """Let an edit act at some positions of each sequence; everything else passes unchanged.

    Args:
        edit: any edit.
        positions: positions for every sequence, or a mapping sequence_id -> positions. Negative ones count from the
            last position that is no padding. Where a module is called by hand, positions are those of the input it is
            given: when it generates token by token, -1 is the newest token at every step.

    Raises:
        InputError: for a mapping without a sequence that is shown, when it acts.

    >>> from multiunit.core.edit import Ablate
    >>> At(Ablate(["a/0"]), positions=[-1]).change("a", np.ones((1, 3, 1))).ravel().tolist()
    [1.0, 1.0, 0.0]
    """

    edit: Edit
    positions: Sequence[int] | Mapping[int, Sequence[int]]

    def sites(self) -> list[str]:
        return self.edit.sites()

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        known = shown_or_all(activity, shown)
        width = activity.shape[1] if activity.ndim == 3 else 1
        mask = np.zeros((activity.shape[0], width), dtype=bool)
        for row, (sequence, length) in enumerate(zip(known.sequence_id, known.length, strict=True)):
            wanted = self.positions
            if isinstance(wanted, Mapping):
                if int(sequence) not in wanted:
                    raise InputError("positions", int(sequence), "names no positions for this sequence_id")
                wanted = wanted[int(sequence)]
            for position in np.atleast_1d(np.asarray(wanted, dtype=np.int64)):
                place = position + length if position < 0 else position
                if 0 <= place < length:
                    mask[row, place] = True
        if activity.ndim == 2:
            mask = mask[:, 0]
        changed = self.edit.change(site, activity, shown)
        if hasattr(activity, "new_tensor"):
            import torch

            return torch.where(torch.as_tensor(mask, device=activity.device)[..., None], changed, activity)
        return np.where(mask[..., None], changed, activity)
