"""Simulated circuits against a slow, event-by-event account of the same equations."""

import numpy as np
import pytest

from multiunit.circuits import (
    AllToAll,
    Circuit,
    Coupling,
    Drive,
    EdgeList,
    FixedOutDegree,
    FixedProbability,
    OneToOne,
    Plasticity,
    PoissonInput,
    Population,
    Projection,
    ShortTerm,
    SpikeInput,
    Trace,
    pair_stdp,
    three_factor,
    triplet_stdp,
)
from multiunit.circuits.checkpoint import load_checkpoint, read_run, run_to_folder, save_checkpoint
from multiunit.core import InputError, StoreError
from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import sin, where

DT = 1e-3


@element(kind="neuron", states={"v": 0.0}, spikes=True, source="here")
def leaky(v, kick, current, *, decay=0.9, threshold=1.0, dt=DT):
    """Decay, kicks and a current; a spike subtracts nothing and resets to 0."""
    v = v * decay + kick + current
    spike = v >= threshold
    return where(spike, 0.0, v), spike


@element(kind="oscillator", states={"phase": 0.0}, source="here")
def turning(phase, push, *, speed=1.0, dt=DT):
    """Turn at a speed, and as pushed."""
    return phase + dt * (speed + push)


def events(run):
    """(step, unit) of all spikes, in order."""
    found = [(round(t / DT) - 1, u) for u, train in enumerate(run.spikes.spike_trains) for t in train]
    return sorted(found)


def by_hand(n, n_steps, edges, kicks, *, current=0.0, rule=None):
    """Spikes and weights of `leaky` units, from edges (pre, post, weight, delay in steps) and kicks (step, unit, size).

    Spikes in step s arrive in the input of step s + 1 + delay.
    """
    v = np.zeros(n)
    weights = [w for _, _, w, _ in edges]
    arriving = [np.zeros(n) for _ in range(n_steps + 100)]
    arrivals = [[] for _ in range(n_steps + 100)]
    for step, unit, size in kicks:
        arriving[step][unit] += size
    spikes, times = [], [[] for _ in range(n)]
    for t in range(n_steps):
        v = v * 0.9 + arriving[t] + current
        now = [i for i in range(n) if v[i] >= 1.0]
        v[now] = 0.0
        spikes += [(t, i) for i in now]
        for e, (pre, _, _, delay) in enumerate(edges):
            if pre in now:
                arrivals[t + delay].append(e)
        for e in arrivals[t]:
            post = edges[e][1]
            arriving[t + 1][post] += weights[e]
            if rule is not None:
                weights[e] = rule.arrival(weights[e], times[post], t, [s for s in times[edges[e][0]]], edges[e][3])
        for e, (pre, post, _, delay) in enumerate(edges):
            if rule is not None and post in now:
                weights[e] = rule.spike(weights[e], times[pre], t, delay, times[post])
        for i in now:
            times[i].append(t)
    return spikes, weights


def random_edges(rng, n, n_edges, *, delays=True):
    edges = [
        (int(rng.integers(n)), int(rng.integers(n)), rng.uniform(0.1, 0.6), int(rng.integers(7)) if delays else 2)
        for _ in range(n_edges)
    ]
    return sorted(edges, key=lambda e: (e[0], e[3], e[1]))


def as_projection(edges, **options):
    pre, post, weight, delay = (np.array(column) for column in zip(*edges, strict=True))
    rule = EdgeList(pre, post, weight=weight, delay=delay * DT)
    return Projection("cells", "cells", connectivity=rule, into="kick", name="all", **options)


def random_kicks(rng, n, n_steps, n_kicks):
    return [(int(rng.integers(n_steps)), int(rng.integers(n)), rng.uniform(0.5, 1.5)) for _ in range(n_kicks)]


def as_input(kicks):
    steps, units, sizes = (np.array(column) for column in zip(*kicks, strict=True))
    return SpikeInput("cells", "kick", times=(steps + 0.5) * DT, units=units, weight=sizes)


@pytest.mark.parametrize("delays", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_spikes_are_those_of_the_slow_account(seed, delays):
    rng = np.random.default_rng(seed)
    edges, kicks = random_edges(rng, 30, 200, delays=delays), random_kicks(rng, 30, 400, 400)
    circuit = Circuit([Population(30, leaky, name="cells")], [as_projection(edges)], [as_input(kicks)], dt=DT)
    expected, _ = by_hand(30, 400, edges, kicks)
    assert len(expected) > 200
    assert events(circuit.run(0.4)) == expected


class Pair:
    """All pairs of spikes, from the times themselves."""

    plus, minus, tau_plus, tau_minus, top = 0.05, 0.06, 0.010, 0.020, 0.9

    def arrival(self, w, post_times, t, pre_times, delay):
        return max(0.0, w - self.minus * sum(np.exp(-(t - s) * DT / self.tau_minus) for s in post_times if s < t))

    def spike(self, w, pre_times, t, delay, post_times):
        # A presynaptic spike counts when it has arrived, before this step.
        arrived = [s + delay for s in pre_times if s + delay < t]
        return min(self.top, w + self.plus * sum(np.exp(-(t - s) * DT / self.tau_plus) for s in arrived))


class Triplet:
    a2p, a3p, a2m, a3m = 0.02, 0.03, 0.02, 0.04
    taus = (0.0168, 0.101, 0.0337, 0.125)

    @staticmethod
    def trace(times, t, tau):
        return sum(np.exp(-(t - s) * DT / tau) for s in times if s < t)

    def arrival(self, w, post_times, t, pre_times, delay):
        r2 = self.trace(pre_times, t - delay, self.taus[1])
        return max(0.0, w - self.trace(post_times, t, self.taus[2]) * (self.a2m + self.a3m * r2))

    def spike(self, w, pre_times, t, delay, post_times):
        o2 = self.trace(post_times, t, self.taus[3])
        return w + self.trace([s + delay for s in pre_times], t, self.taus[0]) * (self.a2p + self.a3p * o2)


@pytest.mark.parametrize("delays", [True, False])
@pytest.mark.parametrize(
    ("slow", "rule"),
    [
        (Pair(), pair_stdp(a_plus=0.05, a_minus=0.06, tau_plus=0.010, tau_minus=0.020, w_max=0.9)),
        (Triplet(), triplet_stdp(a2_plus=0.02, a3_plus=0.03, a2_minus=0.02, a3_minus=0.04)),
    ],
    ids=["pair", "triplet"],
)
def test_weights_are_those_of_the_slow_account(slow, rule, delays):
    rng = np.random.default_rng(4)
    edges, kicks = random_edges(rng, 20, 120, delays=delays), random_kicks(rng, 20, 300, 250)
    projection = as_projection(edges, plasticity=rule)
    circuit = Circuit([Population(20, leaky, name="cells")], [projection], [as_input(kicks)], dt=DT)
    expected, weights = by_hand(20, 300, edges, kicks, rule=slow)
    assert events(circuit.run(0.3)) == expected
    np.testing.assert_allclose(circuit.weights("all"), weights, rtol=1e-9, atol=1e-12)
    assert np.abs(circuit.weights("all") - np.array(edges)[:, 2]).max() > 0.05


def test_a_rule_of_ones_own_and_nearest_spikes():
    def count(weight, y, *, step):
        return weight + step * y

    rule = Plasticity(on_pre=count, post={"y": Trace(1e9, nearest=True)}, parameters={"step": 1.0})
    projection = Projection("a", "b", connectivity=OneToOne(), into="kick", weight=0.0, plasticity=rule, name="ab")
    inputs = [
        SpikeInput("b", "kick", times=[0.0005, 0.0025], units=[0, 0], weight=2.0),
        SpikeInput("a", "kick", times=[0.0055, 0.0095], units=[0, 0], weight=2.0),
    ]
    circuit = Circuit([Population(1, leaky, name="a"), Population(1, leaky, name="b")], [projection], inputs, dt=DT)
    circuit.run(0.02)
    # Two postsynaptic spikes count as one, and two arrivals read it.
    assert circuit.weights("ab").tolist() == pytest.approx([2.0])


def test_a_modulator_turns_eligibility_into_change():
    rule = three_factor(a_plus=1.0, a_minus=0.0, tau_eligibility=0.1, tau_plus=0.02)
    projection = Projection("a", "b", connectivity=OneToOne(), into="kick", weight=0.5, plasticity=rule, name="ab")
    inputs = [
        SpikeInput("a", "kick", times=[0.0005], units=[0], weight=2.0),
        SpikeInput("b", "kick", times=[0.0105], units=[0], weight=2.0),
    ]

    def run(when, *, until=0.5):
        cells = [Population(1, leaky, name="a"), Population(1, leaky, name="b")]
        circuit = Circuit(cells, [projection], inputs, dt=DT)
        circuit.run(when)
        circuit.modulate("ab", 2.0)
        circuit.run(until - when)
        circuit.modulate("ab", 0.0)
        return float(circuit.weights("ab")[0])

    # e = exp(-10 ms / tau_plus) at 10 ms; what is left of it when the modulator comes moves the weight.
    eligible = np.exp(-0.010 / 0.02)
    for when in (0.05, 0.2):
        left = eligible * np.exp(-(when - 0.010) / 0.1)
        gained = 2.0 * left * 0.1 * (1 - np.exp(-(0.5 - when) / 0.1))
        assert run(when) == pytest.approx(0.5 + gained, rel=1e-6)


def test_depression_and_facilitation():
    use, depression, facilitation = 0.3, 0.2, 0.5
    projection = Projection(
        "a", "b", connectivity=OneToOne(), into="kick", weight=0.1, delay=0.003,
        short_term=ShortTerm(use, tau_depression=depression, tau_facilitation=facilitation),
    )  # fmt: skip
    steps = np.array([2, 12, 40, 41])
    circuit = Circuit(
        [Population(1, leaky, name="a"), Population(1, leaky, name="b", decay=0.0)],
        [projection],
        [SpikeInput("a", "kick", times=(steps + 0.5) * DT, units=np.zeros(4, int), weight=2.0)],
        dt=DT,
    )
    seen = circuit.run(0.06, states=["b.v"]).states["b.v"].activity[0, 0]
    u, x, before, expected = 0.0, 1.0, 0, []
    for step in steps:
        u = u * np.exp(-(step - before) * DT / facilitation)
        u += use * (1 - u)
        x = 1 + (x - 1) * np.exp(-(step - before) * DT / depression)
        expected.append(0.1 * u * x)
        x *= 1 - u
        before = step
    np.testing.assert_allclose(seen[steps + 4], expected, rtol=1e-12)
    assert np.count_nonzero(seen) == 4


def test_couplings_flow_at_every_step():
    def pull(theirs, own):
        return sin(theirs - own)

    rng = np.random.default_rng(0)
    start, speed = rng.uniform(0, 6, 8), rng.normal(size=8)
    matrix = rng.random((8, 8)) * (rng.random((8, 8)) < 0.5)
    coupling = Coupling(pull, pre=("phase",), post=("phase",))
    circuit = Circuit(
        [Population(8, turning, name="ring", phase=start, speed=speed)],
        [Projection("ring", "ring", connectivity=EdgeList.from_matrix(matrix), into="push", coupling=coupling)],
        dt=DT,
    )
    circuit.run(0.05)
    phase = start.copy()
    for _ in range(50):
        phase = phase + DT * (speed + (matrix * np.sin(phase[:, None] - phase[None])).sum(axis=0))
    np.testing.assert_allclose(circuit.state("ring", "phase"), phase, rtol=1e-12)


def test_inputs_from_outside():
    values = np.array([[0.1, 0.2], [0.3, 0.4]])
    circuit = Circuit(
        [Population(2, leaky, name="cells", decay=0.0, threshold=9.0)],
        inputs=[
            Drive("cells", "current", values=[0.01, 0.02]),
            Drive("cells", "current", values=values, width=0.002, start=0.001),
        ],
        dt=DT,
    )
    seen = circuit.run(0.007, states=["cells.v"]).states["cells.v"].activity[0]
    expected = np.array([[0.01, 0.11, 0.11, 0.31, 0.31, 0.01, 0.01], [0.02, 0.22, 0.22, 0.42, 0.42, 0.02, 0.02]])
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


@pytest.mark.parametrize("rate", [200.0, np.linspace(0, 2000, 50)], ids=["one", "each"])
def test_poisson_spikes_have_the_mean_and_the_variance_of_their_rate(rate):
    circuit = Circuit(
        [Population(50, leaky, name="cells", decay=0.0, threshold=1e9)],
        inputs=[PoissonInput("cells", "kick", rate=rate)],
        dt=DT,
    )
    counts = circuit.run(20.0, states=["cells.v"]).states["cells.v"].activity[0]
    mean = np.broadcast_to(rate, 50) * DT
    assert np.abs(counts.mean(axis=1) - mean).max() < 5 * np.sqrt(2.0 / 20_000)
    assert counts.var(axis=1).mean() == pytest.approx(mean.mean(), rel=0.03)
    assert np.abs(np.corrcoef(counts[1:6]) - np.eye(5)).max() < 0.05


def network(seed=0, precision="float64"):
    return Circuit(
        [Population(200, leaky, name="cells")],
        [
            Projection(
                "cells", "cells", connectivity=FixedOutDegree(10), into="kick", name="all",
                weight=lambda rng, n: rng.uniform(0.0, 0.2, n), delay=lambda rng, n: rng.integers(0, 5, n) * DT,
                plasticity=pair_stdp(a_plus=0.01, a_minus=0.01, w_max=0.3),
            )
        ],
        [PoissonInput("cells", "kick", rate=100.0, weight=0.4)],
        dt=DT, precision=precision, random_state=seed,
    )  # fmt: skip


def test_a_seed_gives_the_same_spikes_in_one_piece_or_several():
    whole = network()
    expected = events(whole.run(0.5))
    assert len(expected) > 1000
    pieces = network()
    assert sorted(event for d in (0.1, 0.25, 0.15) for event in events(pieces.run(d))) == expected
    assert (pieces.weights("all") == whole.weights("all")).all()
    assert events(network(seed=1).run(0.5)) != expected


def test_a_checkpoint_goes_on_with_the_same_spikes(tmp_path):
    whole = network()
    expected = events(whole.run(0.5))
    first = network()
    start = events(first.run(0.2))
    save_checkpoint(first, tmp_path / "there")
    second = network()
    load_checkpoint(second, tmp_path / "there")
    assert sorted(start + events(second.run(0.3))) == expected
    assert (second.weights("all") == whole.weights("all")).all()
    with pytest.raises(InputError, match="another circuit"):
        load_checkpoint(network(seed=1), tmp_path / "there")
    whole_file = (tmp_path / "there").read_bytes()
    (tmp_path / "there").write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(StoreError, match="cannot read the checkpoint"):
        load_checkpoint(network(), tmp_path / "there")


def test_a_killed_run_goes_on_from_its_folder(tmp_path, monkeypatch):
    expected = run_to_folder(network(), 0.5, folder=tmp_path / "whole", piece=0.1, states=["cells.v"], every=0.01)
    killed = network()
    run, calls = killed.run, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*args, **kwargs)

    monkeypatch.setattr(killed, "run", dies)
    with pytest.raises(KeyboardInterrupt):
        run_to_folder(killed, 0.5, folder=tmp_path / "killed", piece=0.1, states=["cells.v"], every=0.01)
    options = {"folder": tmp_path / "killed", "piece": 0.1, "states": ["cells.v"], "every": 0.01}
    with pytest.raises(InputError, match="not empty"):
        run_to_folder(network(), 0.5, **options)
    resumed = run_to_folder(network(), 0.5, resume=True, **options)
    assert events(resumed) == events(expected)
    assert events(expected) == events(network().run(0.5))
    np.testing.assert_array_equal(resumed.states["cells.v"].activity, expected.states["cells.v"].activity)
    assert resumed.states["cells.v"].dataset["time"].values[:2].tolist() == pytest.approx([0.01, 0.02])


def test_single_precision_is_close_where_nothing_is_borderline():
    run = network(precision="float32").run(0.5)
    double = network().run(0.5)
    count = [r.spikes.dataset["spike_count"].values.sum() for r in (run, double)]
    assert count[0] == pytest.approx(count[1], rel=0.05)
    assert network(precision="float32").state("cells", "v").dtype == np.float32


def test_few_units_and_spikes_may_be_kept():
    circuit = network()
    run = circuit.run(0.1, spikes=(), states=["cells.v"], units={"cells.v": [3, 7]}, every=0.02)
    assert run.spikes.n_units == 0
    assert run.states["cells.v"].activity.shape == (1, 2, 5)
    whole = network().run(0.1, states=["cells.v"]).states["cells.v"].activity
    np.testing.assert_array_equal(run.states["cells.v"].activity[0], whole[0, [3, 7]][:, 19::20])


def test_what_is_refused():
    cells = Population(5, leaky, name="cells")
    rule = AllToAll()
    with pytest.raises(InputError, match="different names"):
        Circuit([cells, Population(2, leaky, name="cells")])
    with pytest.raises(InputError, match="no population dogs"):
        Circuit([cells], [Projection("cells", "dogs", connectivity=rule, into="kick")])
    with pytest.raises(InputError, match=r"into='bite'.*takes kick, current"):
        Circuit([cells], [Projection("cells", "cells", connectivity=rule, into="bite")])
    with pytest.raises(InputError, match="does not spike"):
        Circuit(
            [cells, Population(5, turning, name="ring")],
            [Projection("ring", "cells", connectivity=rule, into="kick")],
        )
    big = Population(100_000, leaky, name="big")
    with pytest.raises(InputError, match=r"1e\+10 edges need about .* GB"):
        Circuit([big], [Projection("big", "big", connectivity=rule, into="kick")])
    with pytest.raises(InputError, match="delays are not negative"):
        Circuit([cells], [Projection("cells", "cells", connectivity=rule, into="kick", delay=-0.1)])
    with pytest.raises(InputError, match="one for each of 20 edges"):
        Circuit([cells], [Projection("cells", "cells", connectivity=rule, into="kick", weight=[1.0, 2.0])])
    with pytest.raises(InputError, match="n=0"):
        Population(0, leaky)
    with pytest.raises(InputError, match="leaky has decay, threshold, v"):
        Population(2, leaky, speed=1.0)
    with pytest.raises(InputError, match="one step"):
        Circuit([cells], dt=DT).run(0)
    with pytest.raises(InputError, match="there are: cells"):
        Circuit([cells], dt=DT).run(0.1, spikes=["dogs"])
    with pytest.raises(InputError, match="cells has v"):
        Circuit([cells], dt=DT).run(0.1, states=["cells.w"])
    with pytest.raises(InputError, match="no eligibility"):
        network().modulate("all", 1.0)
    unstable = Circuit([Population(1, turning, name="ring", speed=1e307)], dt=0.1)
    with pytest.raises(InputError, match="not finite"):
        unstable.run(20.0)
    with pytest.raises(InputError, match="neither plasticity nor delay"):
        Projection("a", "b", connectivity=rule, into="kick", delay=1.0, coupling=Coupling(abs))
    with pytest.raises(StoreError, match="no pieces"):
        read_run("nowhere")
    assert FixedProbability(0.5).expected(2, 2) == 2
