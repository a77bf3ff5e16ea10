"""What a system promises of its edits: none changes nothing, nothing acts backwards, and no trace is left."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from multiunit.checks.answers import difference
from multiunit.checks.case import Case
from multiunit.checks.contract import promise
from multiunit.core.edit import Ablate, Scale
from multiunit.core.errors import InputError
from multiunit.core.method import Method
from multiunit.core.system import System


@dataclass(frozen=True)
class SystemCase(Case):
    """A system and what it is shown."""

    system: Any = field(kw_only=True)
    stimuli: Any = field(kw_only=True)

    over_units: ClassVar[bool] = False

    def call(self, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """The activity of every site, sequences in order."""
        found: dict[str, list[np.ndarray]] = {}
        for batch in self.system.stream(self.stimuli, "*", **kwargs):
            order = batch.presentations.sort_values(["sequence_id", "position"], kind="stable").index
            for site, activity in batch.activity.items():
                array = activity.detach().float().cpu().numpy() if hasattr(activity, "detach") else np.array(activity)
                found.setdefault(site, []).append(array[order])
        return {site: np.concatenate(parts) for site, parts in found.items()}

    def ends(self) -> tuple[str, str]:
        """The first and the last site that the activity passes."""
        names = list(self.system.sites().index)
        if len(names) < 2:
            raise InputError("system", names, "needs two sites for promises about edits")
        return names[0], names[-1]


def system_case(system: System, stimuli: Any) -> SystemCase:
    """A system as a case; `stimuli` is what it is run on."""
    record = Method(type(system).__name__, "intervention", "", type(system), {})
    case = SystemCase(record, system=system, stimuli=stimuli)
    case.call()  # systems learn the order of their sites when they run
    return case


def _units(activity: Mapping[str, np.ndarray], site: str) -> list[str]:
    return [f"{site}/{unit}" for unit in range(activity[site].shape[1])]


@promise()
def empty_edit_is_the_identity(case: SystemCase) -> str | None:
    """Scaling by one, or editing no unit, changes no bit."""
    plain = case.call()
    first, _ = case.ends()
    return difference(case.call(edits=[]), plain, name="without edits") or difference(
        case.call(edits=[Scale(_units(plain, first), 1.0)]), plain, name="scaled by one"
    )


@promise()
def edits_reach_what_comes_after(case: SystemCase) -> str | None:
    """Ablating the first site silences it, and changes the last one."""
    plain = case.call()
    first, last = case.ends()
    edited = case.call(edits=[Ablate(_units(plain, first))])
    if np.abs(edited[first]).max() != 0:
        return f"the ablated site {first} is still active, up to {np.abs(edited[first]).max():.3g}"
    return None if difference(edited[last], plain[last]) else f"{last} is the same with {first} ablated"


@promise()
def nothing_acts_backwards(case: SystemCase) -> str | None:
    """An edit of the last site leaves the first one as it was: the two are not connected in this direction."""
    plain = case.call()
    first, last = case.ends()
    edited = case.call(edits=[Ablate(_units(plain, last))])
    return difference(edited[first], plain[first], name=f"{first} with {last} ablated")


@promise()
def no_trace_is_left(case: SystemCase) -> str | None:
    """After an edited block - also one that ends in an error - the system is the same to the bit."""
    plain = case.call()
    edit = Ablate(_units(plain, case.ends()[0]))
    with case.system.edited([edit]):
        case.call()
    finding = difference(case.call(), plain, name="after the block")
    with suppress(KeyboardInterrupt), case.system.edited([edit]):
        raise KeyboardInterrupt
    return finding or difference(case.call(), plain, name="after an error within the block")
