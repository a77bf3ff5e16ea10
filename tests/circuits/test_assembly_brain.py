"""Assembly calculus against loops over neurons and synapses."""

import numpy as np
import pytest

from multiunit.circuits.assembly_brain import AssemblyBrain
from multiunit.circuits.assembly_plasticity import Anywhere, Firing, Hebbian, Oja, SpikeOrder
from multiunit.core import InputError


def by_hand(rule, w, connected, f):
    """The rules synapse by synapse; weights of the equations in the docstrings."""
    new = w.copy()
    for j, i in zip(*np.nonzero(connected), strict=True):
        x, y = j in f.pre_before, i in f.post_after
        if isinstance(rule, Oja):
            new[j, i] += rule.beta * y * (x - rule.alpha * y * w[j, i])
            continue
        if x and y:
            new[j, i] *= 1 + rule.beta
        if isinstance(rule, SpikeOrder) and i in f.post_before and j in f.pre_after:
            new[j, i] *= 1 - rule.beta / 2
    return new


@pytest.mark.parametrize("rule", [Hebbian(0.2), Oja(0.2, alpha=0.5), Oja(0.3), SpikeOrder(0.2)], ids=repr)
def test_rules_are_their_equations(rule):
    rng = np.random.default_rng(0)
    connected = rng.random((12, 15)) < 0.4
    w = connected * rng.uniform(0.5, 2.0, connected.shape)
    firing = Firing(*(np.sort(rng.choice(n, 5, replace=False)) for n in (12, 12, 15, 15)))
    expected = by_hand(rule, w, connected, firing)
    rule.apply(w, connected, firing)
    np.testing.assert_allclose(w, expected)
    assert not w[~connected].any()


def test_learning_anywhere_changes_as_many_synapses():
    rng = np.random.default_rng(1)
    connected = rng.random((30, 30)) < 0.5
    w = connected.astype(float)
    at = np.arange(6)
    Anywhere(0.1, rng).apply(w, connected, Firing(at, at, at, at))
    assert (w > 1).sum() == connected[:6, :6].sum()
    assert not w[~connected].any()
    assert (w[:6, :6] > 1).sum() < connected[:6, :6].sum()


def test_winners_have_the_largest_input():
    brain = AssemblyBrain({"s": 20, "a": 60}, k=8, p=0.3, random_state=2)
    brain.fire("s", range(8))
    brain.fire("a", range(30, 38))
    total = brain.weights["s", "a"][:8].sum(0) + brain.weights["a", "a"][30:38].sum(0)
    brain.step({"a": ["s", "a"]})
    assert len(brain.winners["a"]) == 8
    lowest = total[brain.winners["a"]].min()
    assert (np.delete(total, brain.winners["a"]) <= lowest).all()


def test_a_planted_assembly_is_settled_at_once():
    wiring = np.zeros((50, 50), bool)
    wiring[10:20, 10:20] = True
    stimulus = np.zeros((10, 50), bool)
    stimulus[:, 10:20] = True
    brain = AssemblyBrain({"s": 10, "a": 50}, k=10, p=0.1, wiring={("a", "a"): wiring, ("s", "a"): stimulus})
    brain.fire("s", range(10))
    found = brain.project("s", "a", n_steps=4)
    assert found["overlap"].values.tolist() == [0, 1, 1, 1]
    assert found["new_winners"].values.tolist() == [10, 0, 0, 0]
    assert found["density"].values.tolist() == [1, 1, 1, 1]
    assert brain.winners["a"].tolist() == list(range(10, 20))
    assert brain.recall("a", fraction=0.3) == 1
    assert brain.winners["a"].tolist() == list(range(10, 20))


def test_two_sources_together_join_what_they_drive():
    brain = AssemblyBrain({"a": 30, "b": 30, "c": 400}, k=20, p=0.1, rule=Hebbian(0.1), random_state=3)
    brain.fire("a", range(20))
    brain.fire("b", range(20))

    def driven_by(source):
        brain.project(source, "c", n_steps=15)
        return brain.winners["c"]

    apart = len(np.intersect1d(driven_by("a"), driven_by("b")))
    brain.project(["a", "b"], "c", n_steps=15)
    together = len(np.intersect1d(driven_by("a"), driven_by("b")))
    assert together > apart + 4


def test_nothing_is_learned_without_a_rule_and_a_seed_repeats():
    runs = []
    for _ in range(2):
        brain = AssemblyBrain({"s": 20, "a": 200}, k=15, p=0.1, random_state=4)
        brain.fire("s", range(15))
        runs.append(brain.project("s", "a"))
        assert set(np.unique(brain.weights["a", "a"])) == {0.0, 1.0}
        assert not np.diag(brain.weights["a", "a"]).any()
    assert runs[0].identical(runs[1])


def test_errors_name_the_argument():
    brain = AssemblyBrain({"s": 20, "a": 40}, k=5, p=0.2)
    for call, match in (
        (lambda: AssemblyBrain({"a": 3}, k=5, p=0.2), "k=5"),
        (lambda: AssemblyBrain({"a": 9}, k=5, p=0.0), "p=0"),
        (lambda: AssemblyBrain({"a": 9}, k=5, p=0.1, wiring={("a", "a"): np.ones((2, 2))}), "wiring"),
        (lambda: brain.fire("s", [20]), "neurons"),
        (lambda: brain.project("s", "a"), "sources"),
        (lambda: brain.project("x", "a"), "sources"),
        (lambda: brain.recall("a"), "area"),
        (lambda: Hebbian(0.0), "beta"),
        (lambda: Oja(0.5, alpha=3.0), "alpha"),
    ):
        with pytest.raises(InputError, match=match):
            call()
