"""Every check fails on the toy that was made to break it, and says why."""

import types
from contextlib import nullcontext

import numpy as np
import pytest

from multiunit.checks import ContractError, check, promises
from multiunit.core.errors import InputError
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
SIMILARITIES = [
    (broken.never_quite_itself, "itself_is_exact", "0.999, not 1", {}),
    (broken.weighs_the_first, "symmetry_is_as_declared", "the other", {"symmetric": True}),
    (broken.sees_both_alike, "symmetry_is_as_declared", "not symmetric", {"symmetric": False}),
    (
        broken.sees_the_scale,
        "declared_invariances_hold",
        "isotropic_scaling of x",
        {"invariant": ("isotropic_scaling",)},
    ),
    (broken.overlap, "declared_invariances_hold", "linear of x", {"invariant": ("rotation", "linear")}),
    (broken.overlap, "declared_invariances_hold", "'turns', which is none", {"invariant": ("turns",)}),
    (broken.sees_no_stretch, "declared_non_invariances_break", "linear is declared", {"not_invariant": ("linear",)}),
    (broken.overlap, "declared_non_invariances_break", "rotation is declared", {"not_invariant": ("rotation",)}),
    (broken.likes_everybody, "unrelated_systems_are_near_the_floor", "the floor is 0", {}),
    (broken.prefers_noise, "noise_takes_it_away", "with much", {}),
    (broken.divides_by_nothing, "degenerate_systems_are_defined", "a constant unit: gives nan", {}),
    (
        broken.cannot_do_few,
        "degenerate_systems_are_defined",
        "fewer presentations than units: raises ZeroDivisionError",
        {},
    ),
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
    similar = {promise for _, promise, *_ in SIMILARITIES}
    assert {p.name for p in promises("similarity") if p.kind == "similarity"} == similar
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


@pytest.mark.parametrize(
    ("toy", "promise", "words", "properties"), SIMILARITIES, ids=lambda v: getattr(v, "__name__", None)
)
def test_similarities(toy, promise, words, properties):
    decorated = method(kind="similarity", source="toy", **properties)(lambda x, y: toy(x, y))
    with pytest.raises(ContractError, match=words):
        check(decorated, only=promise)


def test_invariances_that_cannot_be_tried_are_not_passed_over():
    alone = method(kind="similarity", source="toy", invariant=("rotation",), example=lambda rng: ((np.eye(3),), {}))
    with pytest.raises(InputError, match="must be systems"):
        check(alone(lambda x: 1.0))


def test_repeats_are_taken_as_one_system():
    def of_means(x, y):
        return broken.overlap(*(np.mean(side, axis=1) for side in (x, y)))

    example = {"x": np.ones((6, 4, 3)), "y": np.ones((6, 5, 3))}
    for words, kept in ((("rotation", "permutation"), True), (("linear",), False)):
        toy = method(kind="similarity", source="toy", invariant=words, example=lambda rng: ((), example))(of_means)
        with nullcontext() if kept else pytest.raises(ContractError, match="linear of x"):
            assert check(toy, only="declared_invariances_hold") == ("declared_invariances_hold",)


def test_a_sound_similarity_keeps_every_promise():
    sound = method(
        kind="similarity",
        source="toy",
        symmetric=True,
        invariant=("rotation", "isotropic_scaling", "translation", "permutation", "reflection"),
        not_invariant=("linear", "scaling", "affine", "monotonic"),
    )(broken.overlap)
    asked = {promise.name for promise in promises("similarity")} - {"labels_survive"}
    assert set(check(sound)) == asked


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
