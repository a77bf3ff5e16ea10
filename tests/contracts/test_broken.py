"""Every check fails on the toy that was made to break it, and says why."""

import types

import numpy as np
import pytest

from multiunit.checks import ContractError, check, promises
from multiunit.core.method import method
from multiunit.core.paper import Paper
from tests.contracts import broken

MEASURES = [
    (broken.mutates, "inputs_unmutated", "activity"),
    (broken.seeds_the_world, "global_rng_untouched", "numpy"),
    (broken.draws_from_torch, "global_rng_untouched", "torch"),
    (broken.draws_afresh, "same_seed_same_answer", "differs by up to"),
    (broken.depends_on_order, "permuting_units_permutes", "differs by up to"),
    (broken.forgets_labels, "labels_survive", "unit_id"),
    (broken.needs_double, "float32_close_to_float64", "differs by up to"),
    (broken.lets_nan_through, "nan_is_named", "1 numbers that are not finite"),
    (broken.fails_on_empty, "empty_is_named", "ValueError"),
    (broken.compares_units, "single_unit_is_defined", "not finite"),
    (broken.blind, "planted_unit_is_found", "unit 0 has 8, the planted 2"),
    (broken.sees_no_variable, "shuffling_kills", "keeps"),
]
DETECTORS = [
    (broken.picks_the_first, "planted_units_are_found", "misses"),
    (broken.picks_everything, "shuffling_kills", "still selects"),
    (broken.is_its_own_control, "control_is_matched", "at once"),
    (broken.controls_elsewhere, "control_is_matched", "selected units and"),
    (broken.scores_nothing, "score_is_a_number", "400 scores are NaN"),
]
STATISTICS = [
    (broken.MergesOnlyOnce, "merge_of_splits_equals_whole", "merged"),
    (broken.RemembersTheLast, "order_does_not_matter", "reversed"),
    (broken.ForgetsItsState, "state_dict_round_trips", "loaded"),
    (broken.RoundsItsState, "resume_equals_uninterrupted", "resumed"),
    (broken.SharesItself, "fresh_is_independent", "starts with a state"),
    (broken.CountsEmptyBatches, "empty_batch_changes_nothing", "empty batch"),
    (broken.KeepsAll, "memory_does_not_grow", "after 20"),
    (broken.KnowsNoTensors, "tensors_equal_arrays", "from tensors"),
]
SYSTEMS = [
    (broken.RoundsWhenEdited, "empty_edit_is_the_identity", "scaled by one"),
    (broken.EditsTooLate, "edits_reach_what_comes_after", "b is the same"),
    (broken.ActsBackwards, "nothing_acts_backwards", "a with b ablated"),
    (broken.LeavesItsEdits, "no_trace_is_left", "after an error"),
]
CARDS = [
    (broken.control_is_a_copy, "control_differs", "every number"),
    (broken.measures_nothing, "control_differs", "nothing was measured"),
]


def test_every_promise_has_a_toy_that_breaks_it():
    for kind, toys in {"measure": MEASURES, "detector": DETECTORS, "statistic": STATISTICS, "card": CARDS}.items():
        generic = {promise for _, promise, _ in MEASURES}
        assert {p.name for p in promises(kind)} == {promise for _, promise, _ in toys} | (
            generic if kind != "measure" else set()
        ) - {
            "planted_unit_is_found",
            "shuffling_kills",
        } | ({"shuffling_kills"} if kind == "detector" else set())
    assert {p.name for p in promises("intervention")} >= {promise for _, promise, _ in SYSTEMS}


@pytest.mark.parametrize(("toy", "promise", "words"), MEASURES, ids=lambda v: getattr(v, "__name__", None))
def test_measures(toy, promise, words):
    decorated = method(kind="measure", source="toy", of="place", score="score")(toy)
    with pytest.raises(ContractError, match=words):
        check(decorated, only=promise)


@pytest.mark.parametrize(("toy", "promise", "words"), DETECTORS, ids=lambda v: getattr(v, "__name__", None))
def test_detectors(toy, promise, words):
    decorated = method(kind="detector", source="toy", needs=broken.needs, finds="label")(toy)
    with pytest.raises(ContractError, match=words):
        check(decorated, only=promise)


@pytest.mark.parametrize(("toy", "promise", "words"), STATISTICS, ids=lambda v: getattr(v, "__name__", None))
def test_statistics(toy, promise, words):
    with pytest.raises(ContractError, match=words):
        check(toy, kind="statistic", only=promise)
    assert promise in check(broken.Sum, kind="statistic", only=promise)


@pytest.mark.parametrize(("toy", "promise", "words"), SYSTEMS, ids=lambda v: getattr(v, "__name__", None))
def test_systems(toy, promise, words):
    stimuli = np.random.default_rng(0).normal(size=(5, 3))
    with pytest.raises(ContractError, match=words):
        check(toy(), stimuli=stimuli, only=promise)
    assert promise in check(broken.TwoSites(), stimuli=stimuli, only=promise)


@pytest.mark.parametrize(("toy", "promise", "words"), CARDS, ids=lambda v: getattr(v, "__name__", None))
def test_cards(toy, promise, words):
    card = types.ModuleType("card")
    card.PAPER, card.claim = Paper("toy", "Toy", 2026, "here", "synthetic"), toy
    with pytest.raises(ContractError, match=words):
        check(card, only=promise)


def test_an_exception_that_is_not_needed_fails():
    fine = method(
        kind="measure", source="toy", of="place", exceptions={"labels_survive": "an excuse that nobody needs"}
    )(lambda recording, variable: broken._mean(recording))
    with pytest.raises(ContractError, match="delete the exception"):
        check(fine, only="labels_survive")
