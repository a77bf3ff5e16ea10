"""Rewiring, scaling and homeostasis between runs."""

import numpy as np
import pytest

from multiunit.circuits import (
    Circuit,
    EdgeList,
    FixedOutDegree,
    PoissonInput,
    Population,
    Projection,
    load_checkpoint,
    pair_stdp,
    save_checkpoint,
    three_factor,
)
from multiunit.circuits.homeostasis import adapt
from multiunit.circuits.rewiring import rewire
from multiunit.circuits.synaptic_scaling import scale_incoming
from multiunit.core.errors import InputError
from multiunit.dynamics.leaky_integrate_and_fire import exponential_current_neuron, leaky_integrate_and_fire


def network(connectivity=None, weight=None, **more):
    given = {"plasticity": pair_stdp(a_plus=1e-4, a_minus=1e-4, w_max=2e-2), "structural": True, **more}
    edges = connectivity or FixedOutDegree(5)
    return Circuit(
        [Population(40, exponential_current_neuron, name="cells")],
        [
            Projection(
                "cells", "cells", connectivity=edges, into="excitatory_spikes", name="all",
                weight=(lambda rng, n: rng.uniform(0, 2e-2, n)) if weight is None else weight, **given,
            )
        ],
        [PoissonInput("cells", "excitatory_spikes", rate=200.0, weight=2e-2)],
    )  # fmt: skip


def spikes(run):
    return run.spikes.dataset["spike_time"].values.tolist()


def test_a_rewired_circuit_is_one_made_with_those_edges():
    circuit = network()
    before, weak = circuit.edges["all"].post.copy(), circuit.weights("all") < 5e-3
    moved = rewire(circuit, "all", below=5e-3, weight=1e-2, random_state=1)
    edges = circuit.edges["all"]
    assert moved == weak.sum() > 20
    assert (edges.post[~weak] == before[~weak]).all()
    assert (edges.weight[weak] == np.float64(1e-2)).all()
    pairs = np.stack([edges.pre, edges.post])
    assert (pairs[0] != pairs[1]).all()
    assert len(np.unique(pairs, axis=1).T) == edges.n
    afresh = network(EdgeList(edges.pre, edges.post), weight=None)
    made = afresh.edges["all"]
    weights = {(i, j): w for i, j, w in zip(edges.pre, edges.post, edges.weight, strict=True)}
    made.weight[:] = [weights[pair] for pair in zip(made.pre, made.post, strict=True)]
    one, other = circuit.run(0.3), afresh.run(0.3)
    assert len(spikes(one)) > 100
    assert spikes(one) == spikes(other)
    learned = {(i, j): w for i, j, w in zip(edges.pre, edges.post, edges.weight, strict=True)}
    np.testing.assert_allclose([learned[p] for p in zip(made.pre, made.post, strict=True)], made.weight, rtol=1e-12)


def test_a_checkpoint_holds_what_was_rewired_and_scaled(tmp_path):
    circuit = network(plasticity=None)
    circuit.run(0.05)
    rewire(circuit, "all", below=5e-3, weight=1e-2)
    scale_incoming(circuit, "all", total=5e-2)
    save_checkpoint(circuit, tmp_path / "there")
    expected = spikes(circuit.run(0.2))
    resumed = network(plasticity=None)
    load_checkpoint(resumed, tmp_path / "there")
    assert spikes(resumed.run(0.2)) == expected
    assert len(expected) > 100


def test_a_new_edge_is_not_eligible_for_what_the_old_one_did():
    circuit = network(plasticity=three_factor(a_plus=1.0, a_minus=0.5))
    circuit.run(0.1)
    weak = np.flatnonzero(circuit.weights("all") < 5e-3)
    eligible = circuit.values["e0_eligible"]
    assert (eligible[weak] != 0).any()
    rewire(circuit, "all", below=5e-3, weight=1e-2)
    assert (eligible[weak] == 0).all()


def test_scaling_keeps_ratios_and_reaches_the_sum():
    circuit = network()
    edges, before = circuit.edges["all"], circuit.weights("all").copy()
    scale_incoming(circuit, "all", total=0.1, rate=0.5)
    factor = edges.weight / before
    for unit in range(40):
        mine = edges.post == unit
        if mine.any():
            assert np.ptp(factor[mine]) < 1e-12
            assert edges.weight[mine].sum() == pytest.approx(0.5 * before[mine].sum() + 0.05)


def test_thresholds_bring_units_to_their_rate():
    rng = np.random.default_rng(0)
    cells = Population(30, leaky_integrate_and_fire, name="cells", v_threshold=rng.uniform(-0.056, -0.05, 30))
    circuit = Circuit([cells], inputs=[PoissonInput("cells", "current", rate=1000.0, weight=0.1)])
    for _ in range(60):
        rates = circuit.run(0.5).spikes.dataset["spike_count"].values / 0.5
        adapt(circuit, "cells", parameter="v_threshold", rates=rates, target=20.0, step=2e-5)
    rates = circuit.run(5.0).spikes.dataset["spike_count"].values / 5.0
    assert np.abs(rates - 20).mean() < 3


def test_what_cannot_be_changed_is_refused():
    plain = Circuit(
        [Population(3, leaky_integrate_and_fire, name="cells")],
        [Projection("cells", "cells", connectivity=EdgeList([0], [1]), into="current", name="all")],
    )
    with pytest.raises(InputError, match="structural=True"):
        scale_incoming(plain, "all", total=1.0)
    with pytest.raises(InputError, match="structural=True"):
        rewire(network(structural=False), "all", below=1.0, weight=1.0)
    with pytest.raises(InputError, match="one value for each unit"):
        adapt(plain, "cells", parameter="v_threshold", rates=[1.0] * 3, target=1.0, step=1.0)
    with pytest.raises(InputError, match="rate"):
        scale_incoming(network(), "all", total=1.0, rate=0.0)
    with pytest.raises(InputError, match="total"):
        scale_incoming(network(), "all", total=[1.0, 2.0])
    with pytest.raises(InputError, match="below"):
        rewire(network(), "all", below=-1.0, weight=1.0)
