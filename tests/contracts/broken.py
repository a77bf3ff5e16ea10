"""Methods that break one promise each. Every check must fail on its toy."""

import random
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core import Recording, Statistic
from multiunit.core.paper import Claim
from multiunit.core.statistic import Batch
from multiunit.similarity.paired import paired
from multiunit.statistics import FiringFraction, Moments
from multiunit.units import detection, strongest
from multiunit.units.observed import over_observed


def _mean(recording):
    return over_observed(recording, lambda x, rows: {"mean": (("unit",), x.mean(axis=0))})


# ---- generic, as measures `f(recording, variable)` --------------------------------------------------------------


def mutates(recording, variable):
    answer = _mean(recording)
    recording.dataset["activity"].values[0, 0] += 1
    return answer


def seeds_the_world(recording, variable):
    np.random.seed(0)  # noqa: NPY002
    return _mean(recording)


def draws_from_torch(recording, variable):
    torch.rand(1)
    return _mean(recording)


def draws_afresh(recording, variable):
    return _mean(recording) + random.random()


def depends_on_order(recording, variable):
    answer = _mean(recording)
    return answer.assign(mean=("unit", answer["mean"].values * np.arange(1, 1 + recording.n_units)))


def forgets_labels(recording, variable):
    return _mean(recording).drop_vars("unit_id")


def needs_double(recording, variable):
    x = recording.activity
    big = np.asarray(1e8, dtype=x.dtype)
    return _mean(recording).assign(mean=("unit", ((x + big) - big).mean(axis=0).astype(float)))


def lets_nan_through(recording, variable):
    found = {"mean": ("unit", recording.activity.mean(axis=0))}
    return xr.Dataset(found, {n: recording.dataset.coords[n] for n in ("unit_id", "site")})


def fails_on_empty(recording, variable):
    recording.activity.max()
    return _mean(recording)


def compares_units(recording, variable):
    answer = _mean(recording)
    values = answer["mean"].values
    with np.errstate(invalid="ignore", divide="ignore"):
        return answer.assign(mean=("unit", (values - values.mean()) / values.std()))


# ---- measures -----------------------------------------------------------------------------------------------------


def blind(recording, variable):
    return _mean(recording).rename(mean="score").assign(score=("unit", np.arange(recording.n_units, 0.0, -1)))


def sees_no_variable(recording, variable):
    return over_observed(recording, lambda x, rows: {"score": (("unit",), x.var(axis=0))})


# ---- detectors ----------------------------------------------------------------------------------------------------


def needs(question):
    return {"firing": FiringFraction(question.by), "moments": Moments()}


def _found(moments, selected, **changes):
    mean = moments["mean"].values
    found = detection(np.asarray(mean, float), selected, units=moments, mean_activity=mean)
    return found.assign(changes)


def picks_the_first(*, firing, moments, random_state=0):
    return _found(moments, np.arange(moments.sizes["unit"]) < 4)


def picks_everything(*, firing, moments, random_state=0):
    return _found(moments, np.ones(moments.sizes["unit"], dtype=bool))


def is_its_own_control(*, firing, moments, random_state=0):
    selected = strongest(moments["mean"].values, 0.02)
    return _found(moments, selected, control=("unit", selected))


def controls_elsewhere(*, firing, moments, random_state=0):
    selected = strongest(moments["mean"].values, 0.02)
    return _found(moments, selected, control=("unit", np.roll(selected, len(selected) // 2)))


def scores_nothing(*, firing, moments, random_state=0):
    selected = strongest(moments["mean"].values, 0.02)
    return _found(moments, selected, score=("unit", np.full(len(selected), np.nan)))


# ---- statistics -----------------------------------------------------------------------------------------------------


class Sum(Statistic):
    """A sum that does everything right; the toys below spoil one thing each."""

    def __init__(self):
        self.load_state_dict({})

    def update(self, activity, presentations):
        self.total = self.total + np.asarray(activity, dtype=float).sum(axis=0)

    def merge(self, other):
        self.total = self.total + other.total

    def result(self):
        return xr.Dataset({"total": ("unit", np.array(np.atleast_1d(self.total)))})

    def state_dict(self):
        return {"total": np.array(self.total)} if np.ndim(self.total) else {}

    def load_state_dict(self, state):
        self.total = np.array(state["total"]) if state else 0.0


class MergesOnlyOnce(Sum):
    def merge(self, other):
        self.total = other.total


class RemembersTheLast(Sum):
    def update(self, activity, presentations):
        self.total = np.asarray(activity, dtype=float)[-1]

    def merge(self, other):
        self.total = other.total if np.ndim(other.total) else self.total


class ForgetsItsState(Sum):
    def state_dict(self):
        return {"total": np.array(self.total) * 0} if np.ndim(self.total) else {}


class RoundsItsState(Sum):
    def state_dict(self):
        return {"total": np.array(self.total, dtype=np.float16)} if np.ndim(self.total) else {}


class SharesItself(Sum):
    def fresh(self):
        return self


class CountsEmptyBatches(Sum):
    def update(self, activity, presentations):
        super().update(activity, presentations)
        self.total = self.total + (len(presentations) == 0)


class KeepsAll(Sum):
    def __init__(self):
        super().__init__()
        self.kept = []

    def update(self, activity, presentations):
        super().update(activity, presentations)
        self.kept.append(np.array(activity))


class KnowsNoTensors(Sum):
    def update(self, activity, presentations):
        super().update(activity, presentations)
        self.total = self.total + isinstance(activity, torch.Tensor)


# ---- similarities, as `f(x, y)`; `overlap` does everything right, the toys below spoil one thing each -------------


def overlap(x, y):
    """Plain linear CKA."""
    x, y = paired(x, y)
    return float(np.sum((x.T @ y) ** 2) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def never_quite_itself(x, y):
    return 0.999 * overlap(x, y)


def weighs_the_first(x, y):
    return overlap(x, y) ** (1 + np.var(np.asarray(x)) / 10)


def sees_both_alike(x, y):
    return overlap(x, y)


def sees_the_scale(x, y):
    scale = np.linalg.norm(paired(x, y).x) / np.linalg.norm(paired(x, y).y)
    return overlap(x, y) * min(scale, 1 / scale)


def sees_no_stretch(x, y):
    left, right = (np.linalg.svd(side, full_matrices=False)[0] for side in paired(x, y))
    return float(np.linalg.norm(left.T @ right) ** 2 / min(left.shape[1], right.shape[1]))


def likes_everybody(x, y):
    return 0.5 + 0.5 * overlap(x, y)


def prefers_noise(x, y):
    value = overlap(x, y)
    return value if value > 0.999 or value < 0.5 else 1.5 - value


def divides_by_nothing(x, y):
    with np.errstate(invalid="ignore"):
        left, right = ((side - side.min(axis=0)) / np.ptp(side, axis=0) for side in (x, y))
    return float((left.T @ right).mean() / len(left))


def cannot_do_few(x, y):
    if len(x) < 6:
        raise ZeroDivisionError("too few")
    return overlap(x, y)


# ---- systems ------------------------------------------------------------------------------------------------------


class TwoSites:
    """A system of two sites, the second twice the first; the toys below spoil its edits."""

    def sites(self):
        return pd.DataFrame({"kind": "population", "n_units": 3}, index=pd.Index(["a", "b"], name="name"))

    def __init__(self):
        self.edits = []

    def stream(self, stimuli, sites="*", *, edits=(), stop_early=True, first_batch=0):
        a = self.apply("a", np.asarray(stimuli, dtype=float), edits)
        b = self.apply("b", 2 * a, edits)
        yield Batch({"a": a, "b": b}, pd.DataFrame({"sequence_id": range(len(a)), "position": 0}))

    def apply(self, site, x, edits):
        for edit in [*self.edits, *edits]:
            x = edit.change(site, x) if site in edit.sites() else x
        return x

    def record(self, stimuli, sites="*", *, store=None, edits=()):
        (batch,) = self.stream(stimuli, sites, edits=edits)
        return Recording.from_activity(np.hstack(list(batch.activity.values())))

    @contextmanager
    def edited(self, edits):
        self.edits = list(edits)
        try:
            yield self
        finally:
            self.edits = []


class RoundsWhenEdited(TwoSites):
    def apply(self, site, x, edits):
        x = super().apply(site, x, edits)
        return x.astype(np.float16).astype(float) if edits else x


class EditsTooLate(TwoSites):
    def stream(self, stimuli, sites="*", *, edits=(), stop_early=True, first_batch=0):
        (batch,) = super().stream(stimuli)
        activity = {site: self.apply(site, x, edits) for site, x in batch.activity.items()}
        yield Batch(activity, batch.presentations)


class ActsBackwards(TwoSites):
    def stream(self, stimuli, sites="*", *, edits=(), stop_early=True, first_batch=0):
        for batch in super().stream(stimuli, edits=edits):
            yield Batch({"a": batch.activity["b"] / 2 + 0, "b": batch.activity["b"]}, batch.presentations)


class LeavesItsEdits(TwoSites):
    @contextmanager
    def edited(self, edits):
        self.edits = list(edits)
        yield self
        self.edits = []


# ---- cards ---------------------------------------------------------------------------------------------------------


def control_is_a_copy(scale, rng):
    return Claim({"x": 1.0}, {"x": 1.0}, "measured.x >= control.x")


def measures_nothing(scale, rng):
    return Claim({}, {}, "1 < 2")
