"""Every element keeps the promises of its kind; each promise fails on a toy that breaks it."""

import pytest

from multiunit.checks.contract import ContractError, check, promises
from multiunit.core.walk import methods
from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp
from multiunit.dynamics.integrate import EULER, integrated

ELEMENTS = [record for record in methods() if record.kind == "dynamics"]


def test_the_walk_finds_the_elements():
    assert len(ELEMENTS) >= 25
    assert all(record.function.element.source for record in ELEMENTS)


@pytest.mark.parametrize("record", ELEMENTS, ids=[record.name for record in ELEMENTS])
def test_element_keeps_its_promises(record):
    assert {"backends_agree", "nothing_acts_before_its_time"} <= set(check(record))


@element(kind="unit", states={"x": 1.0}, source="toy", order=float("inf"))
def claims_to_be_exact(x, *, tau=0.02, dt=1e-3):
    return x - dt * x / tau


@element(kind="unit", states={"x": 1.0}, source="toy", order=2)
@integrated(EULER)
def claims_order_two(x, *, tau=0.02, dt=1e-3):
    return -x / tau


@element(kind="synapse", states={"g": 0.0}, impulses={"spikes": "g"}, source="toy", order=None)
def doubles_its_impulses(g, spikes, *, dt=1.0):
    return 0.9 * g + 2.0 * spikes


@element(kind="unit", states={"x": 1.0}, source="toy", order=None)
def needs_double(x, *, dt=1.0):
    return (x + 1e9) - 1e9


@element(kind="unit", states={"x": 0.3}, source="toy", order=None)
def amplifies_rounding(x, *, scale=3.9, dt=1.0):
    return scale * exp(-3.0 * x) * x * 4.0


@element(kind="neuron", states={"x": 0.0}, spikes=True, source="toy", order=None, example={"drive": 1.0})
def never_spikes(x, drive, *, dt=1.0):
    return 0.9 * x + drive, x > 100.0


TOYS = [
    (never_spikes, "example_makes_it_spike", "nobody spikes"),
    (claims_to_be_exact, "error_falls_with_the_step", "declared exact"),
    (claims_order_two, "error_falls_with_the_step", "falls with order"),
    (doubles_its_impulses, "impulses_only_add", "spikes added to g"),
    (needs_double, "single_precision_is_close", "float32"),
    (amplifies_rounding, "backends_agree", "numba against numpy"),
]


@pytest.mark.parametrize(("toy", "promise", "words"), TOYS, ids=[toy.__name__ for toy, _, _ in TOYS])
def test_promise_fails_on_its_toy(toy, promise, words):
    with pytest.raises(ContractError, match=words):
        check(toy, only=promise)


def test_states_that_come_from_the_future_and_from_others_are_seen(monkeypatch):
    from multiunit.checks import dynamics
    from multiunit.dynamics.leaky_rate import leaky_rate

    plain = dynamics.trajectory

    def looks_ahead(element, *, inputs, **options):
        return plain(element, inputs={n: v[::-1].copy() for n, v in inputs.items()}, **options)

    def mixes(element, **options):
        found = plain(element, **options)
        for value in found.states.values():
            value += value.mean(axis=1, keepdims=True)
        return found

    monkeypatch.setattr(dynamics, "trajectory", looks_ahead)
    with pytest.raises(ContractError, match="before the input changed"):
        check(leaky_rate, only="nothing_acts_before_its_time")
    monkeypatch.setattr(dynamics, "trajectory", mixes)
    with pytest.raises(ContractError, match="three units alone"):
        check(leaky_rate, only="units_are_alone")


def test_every_promise_of_the_kind_has_a_toy():
    own = {p.name for p in promises("dynamics") if p.kind == "dynamics"}
    assert own == {promise for _, promise, _ in TOYS} | {"nothing_acts_before_its_time", "units_are_alone"}
