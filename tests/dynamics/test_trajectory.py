"""Trajectories and recordings: shapes, times, noise, and what is refused."""

import importlib

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.dynamics.event_statistics import event_statistics
from multiunit.dynamics.fitzhugh_nagumo import fitzhugh_nagumo
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.dynamics.leaky_rate import leaky_rate, ornstein_uhlenbeck
from multiunit.dynamics.simulate import simulate
from multiunit.dynamics.trajectory import trajectory


@pytest.mark.parametrize("backend", ["numba", "numpy", "torch"])
def test_steps_are_the_functions_own(backend):
    drive = np.random.default_rng(0).normal(size=(30, 2))
    found = trajectory(leaky_rate, n_steps=30, inputs={"drive": drive}, every=3, backend=backend)
    x, kept = np.zeros(2), []
    for t in range(30):
        x = leaky_rate(x, drive[t])
        if t % 3 == 2:
            kept.append(x)
    assert found.states["x"] == pytest.approx(np.array(kept), rel=1e-12)
    assert found.final["x"] == pytest.approx(x, rel=1e-12)


def test_a_column_is_a_drive_that_all_units_share():
    drive = np.linspace(0, 1, 20)[:, np.newaxis]
    shared = trajectory(leaky_rate, n_steps=20, n_units=3, inputs={"drive": drive})
    own = trajectory(leaky_rate, n_steps=20, inputs={"drive": np.tile(drive, 3)})
    assert np.array_equal(shared.states["x"], own.states["x"])


def test_spike_buffer_grows(monkeypatch):
    # Every unit fires at every 51st step: far more spikes than the first buffer holds.
    found = trajectory(leaky_integrate_and_fire, n_steps=20_000, n_units=17, inputs={"current": 10.0}, record=())
    again = trajectory(
        leaky_integrate_and_fire, n_steps=20_000, n_units=17, inputs={"current": 10.0}, record=(), backend="numpy"
    )
    assert len(found.spike_step) > 17 * 300
    assert np.array_equal(found.spike_step, again.spike_step)
    assert np.array_equal(found.spike_unit, again.spike_unit)


def test_noise_does_not_depend_on_the_pieces_it_is_drawn_in(monkeypatch):
    whole = trajectory(ornstein_uhlenbeck, n_steps=100, n_units=3)
    module = importlib.import_module("multiunit.dynamics.trajectory")  # the room shows the function of this name
    monkeypatch.setattr(module, "NOISE_BYTES", 8 * 3 * 7)
    for backend in ("numba", "numpy"):
        pieces = trajectory(ornstein_uhlenbeck, n_steps=100, n_units=3, backend=backend)
        assert pieces.states["x"] == pytest.approx(whole.states["x"], rel=1e-12)


def test_recording_has_states_spikes_and_times():
    found = simulate(leaky_integrate_and_fire, duration=0.1, inputs={"current": [0.0, 0.02]}, every=10)
    assert isinstance(found, Recording)
    assert found.n_units == 2
    assert found.n_presentations == 100
    assert np.array_equal(found.activity, found.dataset["v"].values)
    plain = trajectory(leaky_integrate_and_fire, n_steps=1000, inputs={"current": [0.0, 0.02]})
    assert found.spike_trains[1] == pytest.approx((plain.spike_step + 1) * 1e-4)
    # Time to threshold: tau ln 2, rounded up to a step.
    assert found.spike_trains[1][0] == pytest.approx(np.ceil(0.02 * np.log(2) / 1e-4) * 1e-4)
    assert found.dataset.attrs["time_unit"] == "s"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": {"drive": np.zeros((7, 2))}}, "step, unit"),
        ({"inputs": {"force": 1.0}}, "force"),
        ({"inputs": {"drive": np.nan}}, "not finite"),
        ({"parameters": {"tua": 1.0}}, "tua"),
        ({"initial": {"y": 1.0}}, "y"),
        ({"parameters": {"tau": np.ones(2)}, "initial": {"x": np.ones(3)}}, "different numbers"),
        ({"n_units": 0}, "one unit"),
        ({"dt": -1.0}, "positive"),
        ({"n_steps": 2.5}, "whole number"),
        ({"every": 0}, "whole number"),
        ({"backend": "cuda"}, "numba, numpy, torch"),
        ({"precision": "float16"}, "float64"),
        ({"record": ("v",)}, "there are: x"),
    ],
)
def test_what_does_not_fit_is_named(options, words):
    with pytest.raises(InputError, match=words):
        trajectory(leaky_rate, **{"n_steps": 5} | options)


def test_states_that_are_not_finite_are_named():
    with np.errstate(all="ignore"), pytest.raises(InputError, match="v of unit 1"):
        trajectory(fitzhugh_nagumo, n_steps=50, initial={"v": [-1.2, 90.0]})


def test_event_statistics_of_planted_trains():
    rng = np.random.default_rng(0)
    poisson = np.cumsum(rng.exponential(0.05, 4000))
    burst = (np.arange(20)[:, np.newaxis] + np.array([0.1, 0.105, 0.11])).ravel()
    found = event_statistics(Recording.from_spikes([poisson, burst, []]), stop=100.0)
    assert found["cv"].values[0] == pytest.approx(1.0, abs=0.06)
    assert found["local_variation"].values[0] == pytest.approx(1.0, abs=0.08)
    assert found["rate"].values[0] == pytest.approx(20.0, rel=0.08)
    assert found["n_bursts"].values[1:].tolist() == [20, 0]
    assert found["burst_fraction"].values[1] == 1.0
    assert found["rate"].values[2] == 0.0
