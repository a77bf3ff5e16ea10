"""What a one-pass statistic promises: the whole is the merge of its parts, in any order, interrupted or not."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.checks.answers import difference
from multiunit.checks.case import Case, declared_example, fill
from multiunit.checks.contract import promise
from multiunit.checks.world import LENGTH, N_TOKENS, planted_world
from multiunit.core.method import Method
from multiunit.core.statistic import Statistic

N_UNITS = 6
Piece = tuple[np.ndarray, pd.DataFrame]


@dataclass(frozen=True)
class StatisticCase(Case):
    """A statistic's class with the arguments of its constructor, and a stream in batches of whole sequences."""

    build: Callable[[], Statistic] = field(kw_only=True)
    pieces: list[Piece] = field(kw_only=True)

    takes_empty: ClassVar[bool] = True

    def call(self, *args: Any, **kwargs: Any) -> xr.Dataset:
        activity, presentations = args
        return self.fed([(activity, presentations)]).result()

    def fed(self, pieces: Iterable[Piece], statistic: Statistic | None = None) -> Statistic:
        """A statistic, new unless given, after these pieces."""
        statistic = self.build() if statistic is None else statistic
        for activity, presentations in pieces:
            self.feed(statistic, activity, presentations)
        return statistic

    def feed(self, statistic: Statistic, activity: Any, presentations: pd.DataFrame) -> None:
        # A statistic of two systems gets the second one's activity: here the first one's, a row of units later.
        more = {"other": np.roll(activity, -1, axis=1)} if self.method.properties.get("two_systems") else {}
        statistic.update(activity, presentations, **more)


def case(method: Method, rng: np.random.Generator) -> StatisticCase:
    """The class built from its defaults (or its example), and a planted world of 64 sequences in four batches."""
    example = declared_example(method, rng)
    args, kwargs = example if example is not None else ((), fill(method, _offered()))
    world = planted_world(rng, n_sequences=64, n_units=N_UNITS)

    def build() -> Statistic:
        return method.function(*copy.deepcopy(args), **copy.deepcopy(kwargs))

    pieces = list(world.batches(16))
    return StatisticCase(method, (world.activity, world.presentations), {}, build=build, pieces=pieces)


def _offered() -> Mapping[str, Any]:
    from multiunit.statistics import Moments

    return {
        "by": "group",
        "n_positions": LENGTH,
        "vocabulary": np.arange(N_TOKENS)[:, np.newaxis],
        "inner": Moments(),
    }


@promise()
def merge_of_splits_equals_whole(case: StatisticCase) -> str | None:
    """Statistics of the parts, merged in any order, equal the statistic of the whole; the merged part is untouched."""
    whole = case.fed(case.pieces).result()
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        total = case.build()
        for i in order:
            part = case.fed([case.pieces[i]])
            before = copy.deepcopy(part.state_dict())
            total.merge(part)
            finding = difference(part.state_dict(), before, name=f"the part {i}, which was merged into another,")
            if finding:
                return finding
        total.merge(case.build())
        finding = difference(total.result(), whole, tolerance=1e-9, name=f"parts {order} merged")
        if finding:
            return finding
    return None


@promise()
def order_does_not_matter(case: StatisticCase) -> str | None:
    """The batches in another order, or in one piece, give the same statistic."""
    whole = case.fed(case.pieces).result()
    one = (np.concatenate([a for a, _ in case.pieces]), pd.concat([p for _, p in case.pieces]))
    return difference(
        case.fed(case.pieces[::-1]).result(), whole, tolerance=1e-9, name="reversed batches"
    ) or difference(case.fed([one]).result(), whole, tolerance=1e-9, name="one batch")


@promise()
def state_dict_round_trips(case: StatisticCase) -> str | None:
    """The state is a dictionary of plain arrays; loaded into another statistic it gives the identical result."""
    statistic = case.fed(case.pieces)
    state = statistic.state_dict()
    plain = [k for k, v in state.items() if not isinstance(v, np.ndarray) or v.dtype.hasobject]
    if plain:
        return f"state_dict[{plain[0]!r}] is no plain array but {type(state[plain[0]]).__name__}"
    loaded = case.build()
    loaded.load_state_dict(copy.deepcopy(state))
    finding = difference(loaded.result(), statistic.result(), name="the loaded statistic")
    if finding:
        return finding
    before = statistic.result().copy(deep=True)
    shared = case.build()
    shared.load_state_dict(statistic.state_dict())
    case.fed(case.pieces[:1], shared)
    return difference(statistic.result(), before, name="a statistic whose state another one loaded and went on with")


@promise()
def resume_equals_uninterrupted(case: StatisticCase) -> str | None:
    """Stopped at half, written without pickle, read and continued: the identical result."""
    half = case.fed(case.pieces[:2])
    with io.BytesIO() as file:
        np.savez(file, **half.state_dict())  # type: ignore[arg-type]
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            state = {name: stored[name] for name in stored.files}
    resumed = case.build()
    resumed.load_state_dict(state)
    case.fed(case.pieces[2:], resumed)
    return difference(resumed.result(), case.fed(case.pieces).result(), name="the resumed statistic")


@promise()
def fresh_is_independent(case: StatisticCase) -> str | None:
    """`fresh()` has seen nothing, keeps the parameters, and shares nothing with the original."""
    statistic = case.fed(case.pieces[:2])
    before = statistic.result().copy(deep=True)
    fresh = statistic.fresh()
    if fresh.state_dict():
        return f"fresh() starts with a state: {sorted(fresh.state_dict())}"
    case.fed(case.pieces[2:], fresh)
    return difference(statistic.result(), before, name="the original") or difference(
        fresh.result(), case.fed(case.pieces[2:]).result(), name="fresh() after the same batches as a new one"
    )


@promise()
def empty_batch_changes_nothing(case: StatisticCase) -> str | None:
    """A batch without presentations, which a stream may hold, is taken and leaves the statistic as it is."""
    activity, table = case.pieces[0]
    statistic = case.fed([*case.pieces[:2], (activity[:0], table.iloc[:0]), *case.pieces[2:]])
    return difference(statistic.result(), case.fed(case.pieces).result(), name="with an empty batch between")


@promise()
def memory_does_not_grow(case: StatisticCase) -> str | None:
    """Five times the data leave the statistic as large as before."""
    statistic = case.fed(case.pieces)
    before = _n_bytes(statistic)
    for i in range(1, 5):
        world = planted_world(np.random.default_rng(i), n_sequences=64, n_units=N_UNITS, first_sequence=64 * i)
        case.fed(world.batches(16), statistic)
    after = _n_bytes(statistic)
    return f"{before} bytes after 4 batches, {after} after 20" if after > 1.2 * before + 256 else None


@promise()
def tensors_equal_arrays(case: StatisticCase) -> str | None:
    """A torch tensor and a NumPy array of the same activity give the same statistic."""
    import torch

    tensors: list[Any] = [(torch.from_numpy(activity.copy()), table) for activity, table in case.pieces]
    return difference(case.fed(tensors).result(), case.fed(case.pieces).result(), tolerance=1e-12, name="from tensors")


def _n_bytes(statistic: Statistic) -> int:
    """All that the object holds, so that a list kept beside the sums is counted too."""
    return max(len(pickle.dumps(statistic)), sum(v.nbytes for v in statistic.state_dict().values()))
