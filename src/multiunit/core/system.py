"""`System`: what can be measured and edited."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from multiunit.core.errors import InputError, SiteError

if TYPE_CHECKING:
    import pandas as pd

    from multiunit.core.edit import Edit
    from multiunit.core.recording import Recording
    from multiunit.core.statistic import Batch


@runtime_checkable
class System(Protocol):
    """A network, a circuit or an agent: it has sites, streams their activity, and can be edited."""

    def sites(self) -> pd.DataFrame:
        """One row a site, indexed by `name`: `kind` (residual, mlp-neuron, attention-head, conv-channel,
        population, ...) and `n_units`; in the order in which the activity passes through them."""

    def stream(
        self,
        stimuli: Any,
        sites: str | Sequence[str] = "*",
        *,
        edits: Sequence[Edit] = (),
        stop_early: bool = True,
        first_batch: int = 0,
    ) -> Iterator[Batch]:
        """Yield the activity at the sites, batch by batch, and keep nothing; resume at batch `first_batch`."""

    def record(
        self, stimuli: Any, sites: str | Sequence[str] = "*", *, store: Path | None = None, edits: Sequence[Edit] = ()
    ) -> Recording:
        """Keep the activity: in memory, or streamed to a store with bounded memory and opened lazily."""

    def edited(self, edits: Sequence[Edit]) -> AbstractContextManager[Any]:
        """Within the block every run is edited; afterwards the system is bit-identical to before."""


def match_sites(names: Sequence[str], wanted: str | Sequence[str]) -> list[str]:
    """The names that match the globs, in the order of `names`.

    Raises:
        SiteError: for a glob that matches nothing.

    >>> match_sites(["layers.0.mlp", "layers.1.mlp", "layers.1.attn"], "layers.1.*")
    ['layers.1.mlp', 'layers.1.attn']
    """
    globs = [wanted] if isinstance(wanted, str) else list(wanted)
    for glob in globs:
        if not fnmatch.filter(names, glob):
            shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
            raise SiteError("sites", glob, f"matches none of {len(names)} sites ({shown})")
    return [name for name in names if any(fnmatch.fnmatchcase(name, glob) for glob in globs)]


def as_stimuli(stimuli: Any) -> pd.DataFrame:
    """Stimuli as a frame: column `stimulus` (a text or an array), `stimulus_id`, and any label columns.

    Takes a frame with a column `stimulus`, `text` or `image`, a list of texts, or an array whose first axis runs
    over stimuli.

    Raises:
        InputError: for no stimuli, an empty text, or no stimulus column.

    >>> as_stimuli(["to be", "or not"])["stimulus_id"].tolist()
    [0, 1]
    """
    import pandas as pd

    if isinstance(stimuli, pd.DataFrame):
        frame = stimuli.reset_index(drop=True)
        column = next((c for c in ("stimulus", "text", "image") if c in frame), None)
        if column is None:
            raise InputError("stimuli", list(map(str, frame)), "needs a column 'stimulus', 'text' or 'image'")
        frame = frame.rename(columns={column: "stimulus"})
    else:
        items = [stimuli] if isinstance(stimuli, str) else list(stimuli)
        # An object array keeps images whole, where pandas would unpack them.
        objects = np.empty(len(items), dtype=object)
        for row, item in enumerate(items):
            objects[row] = item
        frame = pd.DataFrame({"stimulus": objects})
    if not len(frame):
        raise InputError("stimuli", "(none)", "give at least one stimulus")
    for row, item in enumerate(frame["stimulus"]):
        if item is None or (isinstance(item, float) and item != item) or (isinstance(item, str) and not item.strip()):
            raise InputError("stimuli", item, f"stimulus {row} is empty")
    if "stimulus_id" not in frame:
        frame["stimulus_id"] = range(len(frame))
    return frame
