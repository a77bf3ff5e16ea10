import numpy as np
import pytest

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.interventions.double_dissociation import (
    _same_kinds,
    dissociation_score,
    double_dissociation,
    task_selectivity,
)


def world(rng, *, selective, n_components=12, n_items=60):
    """Components 0-2 serve task p, 3-5 task q - or both alike - beside a common need of all; the items are noisy."""
    need = np.full((n_components, 2), 0.05)
    if selective:
        need[:3, 0] = need[3:6, 1] = 0.3
    else:
        need[:6] = 0.3

    def task(number):
        noise = rng.normal(scale=0.1, size=(n_components, n_items))

        def scores(edits):
            gone = [int(unit.rpartition("/")[2]) for edit in edits for unit in edit.units]
            left = np.delete(need[:, [number]] + noise, gone, axis=0)
            return left.sum(axis=0)

        return scores

    parts = {f"part {i}": [f"a/{i}"] for i in range(n_components)}
    return parts, {name: (task(t), task(t)) for t, name in enumerate("pq")}


def test_planted_sets_are_found_and_dissociate():
    found = double_dissociation(*world(np.random.default_rng(0), selective=True), n_permutations=99)
    assert found["chosen"].values.tolist() == ["p"] * 3 + ["q"] * 3 + [""] * 6
    assert float(found["score"]) == pytest.approx(1.5, abs=0.3)
    assert found["p_permuted_items"] == 0.01
    assert found["p_permuted"] <= 0.02
    assert found["p_random"] <= 0.05
    assert found["effect"].values[0, 0] > 4 * found["effect"].values[0, 1]


@pytest.mark.parametrize("null", ["permuted", "permuted_items", "random"])
def test_components_that_serve_both_do_not(null):
    p = [
        float(double_dissociation(*world(np.random.default_rng(s), selective=False), n_permutations=39)[f"p_{null}"])
        for s in range(12)
    ]
    assert np.mean(np.array(p) <= 0.05) < 0.3
    assert np.mean(p) > 0.2


def test_sets_chosen_under_permuted_labels_can_reach_the_score_itself():
    """Two parts, each all of a task and nothing of the other: any choice is the right one or the reverse."""

    def task(number):
        def scores(edits):
            gone = {unit for edit in edits for unit in edit.units}
            return np.full(20, 1.0 - (f"a/{number}" in gone))

        return scores

    parts = {str(i): [f"a/{i}"] for i in range(6)}
    tasks = {name: (task(t), task(t)) for t, name in enumerate("pq")}
    found = double_dissociation(parts, tasks, top=1, n_permutations=200)
    assert found["score"] == 2
    assert found["p_permuted_items"] < 0.01
    assert 0.3 < (found["permuted"] == 2).mean() < 0.7


def test_random_sets_keep_the_kinds_and_do_not_overlap():
    kind = ["head"] * 6 + ["mlp"] * 3
    rng = np.random.default_rng(0)
    drawn = [_same_kinds([np.array([0, 1, 6]), np.array([7, 8, 2])], kind, rng) for _ in range(50)]
    for a, b in drawn:
        assert (sum(a >= 6), sum(b >= 6)) == (1, 2)
        assert len({*a, *b}) == 6
    assert {index for a, _ in drawn for index in a} == set(range(9))


def test_shared_units_are_edited_once():
    seen = []

    def task(edits):
        seen.extend(list(edit.units) for edit in edits)
        return np.zeros(2)

    parts = {"layer": ["a/0", "a/1"], "head": ["a/1"], "b": ["b/0"], "c": ["c/0"]}
    double_dissociation(parts, {"p": (task, task), "q": (task, task)}, top=2, n_permutations=3)
    assert all(len(units) == len(set(units)) for units in seen)


def test_score_and_selectivity_by_hand():
    assert dissociation_score(np.array([[0.4, 0.1], [0.2, 0.2]])) == pytest.approx(0.3)
    assert task_selectivity(np.array([[0.0, 0.0]]), shrink=0.0).tolist() == [0.0]
    assert task_selectivity(np.array([[0.3, 0.1]]), shrink=0.0)[0] == pytest.approx(0.5)


def good(edits):
    return np.zeros(3)


@pytest.mark.parametrize(
    ("tasks", "options", "named"),
    [
        ({"p": (good, good)}, {}, "tasks"),
        ({"p": (good, good), "q": (good, good)}, {"top": 4}, "top"),
        ({"p": (good, good), "q": (good, good)}, {"top": 1, "kinds": {"0": "head"}}, "kinds"),
        ({"p": (good, good), "q": (good, good)}, {"top": 1, "n_permutations": 0}, "n_permutations"),
        ({"p": (good, good), "q": (lambda e: np.full(3, np.nan), good)}, {"top": 1}, "tasks"),
        ({"p": (good, good), "q": (lambda e: np.zeros(3 + len(e)), good)}, {"top": 1}, "tasks"),
    ],
)
def test_bad_input_is_named(tasks, options, named):
    with pytest.raises(InputError) as caught:
        double_dissociation({str(i): [f"a/{i}"] for i in range(6)}, tasks, **options)
    assert caught.value.argument == named


def test_contract():
    assert {"inputs_unmutated", "same_seed_same_answer"} <= set(check(double_dissociation))
