"""What a measure of single units promises: the planted unit has the largest value, and shuffling takes it away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from multiunit.checks.case import Case, declared_example
from multiunit.checks.contract import promise
from multiunit.core.method import Method
from multiunit.core.recording import Recording

N_UNITS, N = 8, 600
# The unit that is driven by each variable of the recording.
PLANTED = {"place": 2, "label": 4, "stimulus_id": 6, "light": 3}


@dataclass(frozen=True)
class MeasureCase(Case):
    """A measure, a recording in which a unit is driven by the variable it asks for, and the same recording shuffled."""

    shuffled: Recording | None = field(default=None, kw_only=True)

    # Nulls are drawn at random over the units together, in their order.
    random_variables: ClassVar[tuple[str, ...]] = ("p_value", "q_value", "null_mean", "corrected")

    def score(self, answer: Any) -> np.ndarray:
        """One number a unit: the size of the declared score, at its largest over further dimensions."""
        values = np.abs(answer[self.method.properties["score"]].values)
        return np.nan_to_num(values.reshape(len(values), -1).max(axis=1))


def case(method: Method, rng: np.random.Generator) -> MeasureCase:
    """The recording of `planted_recording` and the variable that the record declares as `of=`."""
    example = declared_example(method, rng)
    if example is not None:
        return MeasureCase(method, *example)
    variable = method.properties.get("of", "place")
    whole, shuffled = planted_spikes(rng) if variable == "light" else planted_recording(rng)
    return MeasureCase(method, (whole, variable), {}, shuffled=shuffled)


def planted_recording(rng: np.random.Generator) -> tuple[Recording, Recording]:
    """Counts of eight units with the columns place, label and stimulus_id; and the same with activity dealt anew."""
    place = 50 + 50 * np.sin(np.arange(N) / 9.7) + rng.normal(size=N)
    label = rng.choice(["a", "b", "c"], size=N).astype(object)
    stimulus = np.arange(N) % 30
    rate = np.tile(rng.uniform(0.5, 2.0, N_UNITS), (N, 1))
    rate[:, PLANTED["place"]] = 6 * (place > 80)
    rate[:, PLANTED["label"]] = 6 * (label == "b")
    rate[:, PLANTED["stimulus_id"]] = rng.gamma(1.0, 4.0, 30)[stimulus]
    counts = rng.poisson(rate).astype(float)
    columns = {"place": place, "label": label, "stimulus_id": stimulus}
    units = {"site": np.array(["near"] * 4 + ["far"] * 4, dtype=object)}
    pair = [
        Recording.from_activity(activity, units=units, presentations=columns, kind="spikes")
        for activity in (counts, rng.permutation(counts))
    ]
    return pair[0], pair[1]


def planted_spikes(rng: np.random.Generator) -> tuple[Recording, Recording]:
    """Spike trains of eight units with a trace `light`, one of them following it; and all trains without a cause."""
    time = np.arange(0, 60, 0.01)
    light = rng.normal(size=len(time))
    trains = [np.sort(rng.uniform(0, 60, 200)) for _ in range(N_UNITS)]
    free = [np.sort(rng.uniform(0, 60, 200)) for _ in range(N_UNITS)]
    trains[PLANTED["light"]] = time[np.r_[np.zeros(5), light[:-5]] > 1.8] + 1e-6
    units = {"site": np.array(["near"] * 4 + ["far"] * 4, dtype=object)}
    made = [Recording.from_spikes(t, units=units, behaviour={"light": light}, time=time) for t in (trains, free)]
    return made[0], made[1]


def _planted(case: MeasureCase) -> bool:
    return case.shuffled is not None and "score" in case.method.properties


@promise(applies=_planted)
def planted_unit_is_found(case: MeasureCase) -> str | None:
    """The unit that follows the variable has the largest score."""
    score, planted = case.score(case.answer()), PLANTED[case.method.properties["of"]]
    best = int(score.argmax())
    return None if best == planted else f"unit {best} has {score[best]:.3g}, the planted {planted} {score[planted]:.3g}"


@promise(applies=_planted)
def shuffling_kills(case: MeasureCase) -> str | None:
    """With presentations dealt anew the planted unit keeps less than half of its score."""
    planted = PLANTED[case.method.properties["of"]]
    before = case.score(case.answer())[planted]
    after = case.score(case.call(case.shuffled, *case.args[1:], **case.kwargs))[planted]
    return f"keeps {after:.3g} of {before:.3g}" if after > before / 2 else None
