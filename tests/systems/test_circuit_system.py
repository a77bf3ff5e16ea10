import numpy as np
import pandas as pd
import pytest

from multiunit.circuits import (
    AllToAll,
    Circuit,
    Drive,
    EdgeList,
    PoissonInput,
    Population,
    Projection,
    pair_stdp,
    snapshot,
)
from multiunit.core import Ablate, Add, Clamp, InputError, Scale, SiteError
from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import where
from multiunit.systems import CircuitSystem
from multiunit.units import build_atlas

DT = 1e-3


@element(kind="neuron", states={"v": 0.0}, spikes=True, source="here")
def leaky(v, kick, current, *, decay=0.5, dt=DT):
    """Decay, kicks, a current, and a reset at 1."""
    v = v * decay + kick + current
    spike = v >= 1.0
    return where(spike, 0.0, v), spike


def chain(*, noise=False, plasticity=None):
    """Three units that follow a first one, each in the step after the one before."""
    return Circuit(
        [Population(2, leaky, name="first"), Population(3, leaky, name="rest")],
        [
            Projection(
                "first", "rest", connectivity=EdgeList([0], [0]), into="kick", weight=2.0, plasticity=plasticity
            ),
            Projection("rest", "rest", connectivity=EdgeList([0, 1], [1, 2]), into="kick", weight=2.0),
        ],
        [Drive("first", "current", values=[0.0, 0.1])]
        + ([PoissonInput("first", "kick", rate=300.0, weight=2.0)] if noise else []),
        dt=DT,
    )


def same(a, b):
    return (
        a["t"] == b["t"] and a["rng"] == b["rng"] and all((a["arrays"][n] == b["arrays"][n]).all() for n in a["arrays"])
    )


@pytest.fixture
def system():
    return CircuitSystem(chain(), duration=0.1, into=("first", "current"))


STRONG, WEAK = [2.0, 0.0], [0.1, 0.0]


def test_stimuli_are_runs_from_the_same_start(system):
    before = snapshot(system.circuit)
    recording = system.record([STRONG, WEAK, STRONG], ["first", "rest"])
    assert recording.activity.shape == (3, 5)
    # The last unit is three steps behind: it spikes in 97 of 100 steps, 970 times a second.
    assert recording.activity[0].tolist() == [1000.0, 0.0, 990.0, 980.0, 970.0]
    assert (recording.activity[2] == recording.activity[0]).all()
    assert (recording.activity[1] == 0).all()
    assert same(snapshot(system.circuit), before)
    assert system.sites().loc["first->rest", "kind"] == "projection"
    assert system.sites()["n_units"].to_dict()["rest.kick"] == 3


def test_bins_and_samples():
    system = CircuitSystem(chain(), duration=0.1, into=("first", "current"), width=0.025)
    recording = system.record([np.array([STRONG, WEAK])], ["first", "rest.v"])
    table = recording.presentations
    assert table["position"].tolist() == [0, 1, 2, 3]
    assert table["onset"].tolist() == pytest.approx([0, 0.025, 0.05, 0.075])
    assert recording.activity[:, 0].tolist() == [1000.0, 1000.0, 0.0, 0.0]


def test_the_edits_of_a_language_model_act_on_a_circuit(system):
    def rest(*edits):
        return system.record([STRONG], "rest", edits=edits).activity[0].tolist()

    before = snapshot(system.circuit)
    assert rest(Ablate(["rest/1"])) == [990.0, 0.0, 0.0]
    assert rest(Ablate(["rest->rest/0"])) == [990.0, 0.0, 0.0]
    assert rest(Scale(["first->rest/0"], gain=0.2)) == [0.0, 0.0, 0.0]
    assert rest(Clamp(["rest.v/2"], to=0.5)) == [990.0, 980.0, 970.0]
    assert rest(Add("rest.current", np.array([0.0, 0.0, 2.0]))) == [990.0, 980.0, 1000.0]
    # A state that is changed, not held, after every step: half of v is taken away, which nobody here notices.
    assert rest(Scale(["rest.v/0"], gain=0.5)) == [990.0, 980.0, 970.0]
    held = system.record([WEAK], ["first.v"], edits=[Clamp(["first.v/0"], to=0.25)]).activity[0]
    assert held.tolist() == pytest.approx([0.25, 0.2])
    added = system.record([WEAK], ["first.v"], edits=[Add("first.v", np.array([0.1, 0.0]))]).activity[0]
    assert added[0] == pytest.approx(0.3 + 0.1, rel=1e-6)  # v = 0.5 (v + 0.1) + 0.1, read after the edit
    assert same(snapshot(system.circuit), before)


def test_nothing_is_left_after_an_error(system):
    before = snapshot(system.circuit)
    values = {name: np.copy(v) for name, v in system.circuit.values.items()}
    edits = [Ablate(["rest/1"]), Clamp(["rest.v/2"], to=0.5), Add("rest.current", np.ones(3)), Ablate(["rest->rest/0"])]
    with pytest.raises(InputError, match="2 units"), system.edited(edits):
        system.record([STRONG, [1.0, 2.0, 3.0]], "rest")
    with pytest.raises(SiteError, match="nowhere"), system.edited([*edits, Ablate(["nowhere/0"])]):
        pass
    assert same(snapshot(system.circuit), before)
    changed = [n for n, v in values.items() if "kept" not in n and not np.array_equal(v, system.circuit.values[n])]
    assert not [n for n in changed if not n.endswith(("_spiked", "_words"))]


def test_noise_depends_on_the_stimulus_and_weights_come_back():
    rule = pair_stdp(a_plus=0.1, a_minus=0.05)
    system = CircuitSystem(chain(noise=True, plasticity=rule), duration=0.2, into=("first", "current"))
    whole = [batch.activity["rest"] for batch in system.stream([WEAK, WEAK, WEAK], "rest")]
    later = [batch.activity["rest"] for batch in system.stream([WEAK, WEAK, WEAK], "rest", first_batch=2)]
    assert (later[0] == whole[2]).all()
    assert (whole[0] != whole[1]).any()
    weight = system.circuit.weights("first->rest").copy()
    silent = system.record([WEAK, WEAK], "rest", edits=[Scale(["first->rest/0"], gain=0.0), Ablate(["first/0"])])
    assert not silent.activity[:, 0].any()
    assert (system.circuit.weights("first->rest") == weight).all()


def test_an_atlas_of_a_running_circuit():
    circuit = Circuit(
        [Population(20, leaky, name="cells")],
        [Projection("cells", "cells", connectivity=AllToAll(), into="kick", weight=0.0)],
        dt=DT,
    )
    system = CircuitSystem(circuit, duration=0.05, into=("cells", "current"))
    left = np.r_[np.full(10, 0.9), np.zeros(10)]
    stimuli = pd.DataFrame({"stimulus": [left, left[::-1]] * 6, "side": ["left", "right"] * 6})
    atlas = build_atlas(system, stimuli=stimuli, by="side", sites="cells", detectors=["expert_units", "dead_neurons"])
    assert len(atlas.table) == 20
    assert atlas.table["expert_units.score.left"].iloc[:10].eq(1).all()
    assert not atlas.table["dead_neurons.selected"].any()


def test_what_is_refused(system):
    with pytest.raises(InputError, match="silenced"):
        system.record([STRONG], "rest", edits=[Clamp(["rest/0"], to=1.0)])
    with pytest.raises(InputError, match="first takes kick, current"):
        CircuitSystem(chain(), duration=0.1, into=("first", "light"))
    with pytest.raises(InputError, match="population='second'"):
        CircuitSystem(chain(), duration=0.1, into=("second", "current"))
    with pytest.raises(InputError, match="width"):
        CircuitSystem(chain(), duration=0.1, into=("first", "current"), width=1e-5)
    with pytest.raises(InputError, match="2 units"):
        system.record([[1.0, 2.0, 3.0]], "rest")
    with pytest.raises(SiteError, match="matches none"):
        system.record([STRONG], "first->rest")
