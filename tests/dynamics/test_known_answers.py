"""What is known of each model, from its theory or its source, comes out of the simulation."""

import numpy as np
import pytest

from multiunit.dynamics.adaptive_exponential import adaptive_exponential
from multiunit.dynamics.as_map import as_map
from multiunit.dynamics.astrocyte import astrocyte
from multiunit.dynamics.basins import basins
from multiunit.dynamics.bifurcation import bifurcation_sweep
from multiunit.dynamics.chialvo import chialvo
from multiunit.dynamics.event_statistics import event_statistics
from multiunit.dynamics.fitzhugh_nagumo import excitable_fitzhugh_nagumo, fitzhugh_nagumo
from multiunit.dynamics.fixed_points import fixed_points, jacobian
from multiunit.dynamics.hodgkin_huxley import hodgkin_huxley
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.dynamics.kuramoto import kuramoto
from multiunit.dynamics.leaky_integrate_and_fire import (
    alpha_current_neuron,
    exponential_conductance_neuron,
    exponential_current_neuron,
    leaky_integrate_and_fire,
)
from multiunit.dynamics.leaky_rate import ornstein_uhlenbeck
from multiunit.dynamics.lyapunov import lyapunov_exponents
from multiunit.dynamics.memristor import pulse_memristor
from multiunit.dynamics.reference import reference_solution
from multiunit.dynamics.rulkov import rulkov, rulkov_regular
from multiunit.dynamics.simulate import simulate
from multiunit.dynamics.synapses import short_term_plasticity
from multiunit.dynamics.trajectory import trajectory


def test_lif_rate_is_the_closed_form():
    current = np.array([0.009, 0.0101, 0.012, 0.02, 0.05])
    found = simulate(leaky_integrate_and_fire, duration=20.0, inputs={"current": current}, dt=1e-5, record=())
    rate = event_statistics(found, stop=20.0)["rate"].values
    # rest = reset, so the time to threshold is tau ln(I / (I - 10 mV)), after the refractory period.
    expected = np.where(current > 0.01, 1 / (0.005 + 0.02 * np.log(current / np.maximum(current - 0.01, 1e-12))), 0.0)
    assert rate == pytest.approx(expected, rel=0.01, abs=0.06)
    assert rate[0] == 0


@pytest.mark.parametrize("ratio", [1.0, 1.0001, 0.3, 4.0])
def test_exponential_current_is_exact_for_any_time_constants(ratio):
    tau_m, tau_s, w, dt = 0.02, 0.02 * ratio, 0.004, 1e-3
    impulse = np.zeros((50, 1))
    impulse[0] = w
    options = {"tau_excitatory": tau_s, "v_threshold": 1.0}
    found = trajectory(
        exponential_current_neuron, n_steps=50, dt=dt, inputs={"excitatory_spikes": impulse}, parameters=options
    )
    # The same by a brute-force integration in steps 1000 times smaller.
    v, g = 0.0, w
    for _ in range(50_000):
        half = g * np.exp(-0.5 * dt / 1000 / tau_s)
        v += (dt / 1000) * (half - v - 0.5 * dt / 1000 * (half - v) / tau_m) / tau_m
        g *= np.exp(-dt / 1000 / tau_s)
    assert found.final["v"][0] + 0.06 == pytest.approx(v, rel=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 1.001, 0.25])
def test_alpha_current_is_exact_for_any_time_constants(ratio):
    from scipy.integrate import solve_ivp

    tau_m, tau_s, w = 0.02, 0.02 * ratio, 0.004
    impulse = np.zeros((40, 1))
    impulse[0] = w
    options = {"tau_synaptic": tau_s, "v_threshold": 1.0}
    found = trajectory(alpha_current_neuron, n_steps=40, dt=1e-3, inputs={"spikes": impulse}, parameters=options)
    solved = solve_ivp(
        lambda t, y: [(w * np.e * t / tau_s * np.exp(-t / tau_s) - y[0]) / tau_m],
        (0, 0.04),
        [0.0],
        rtol=1e-11,
        atol=1e-14,
    )
    assert found.final["v"][0] + 0.06 == pytest.approx(solved.y[0, -1], rel=1e-8)


def test_refractory_period_is_kept_to_the_step():
    found = trajectory(leaky_integrate_and_fire, n_steps=400, inputs={"current": 100.0})
    assert np.diff(found.spike_step).tolist() == [51] * (len(found.spike_step) - 1)  # 50 steps of rest, one to fire


def test_conductance_neuron_converges_to_the_adaptive_solution():
    from scipy.integrate import solve_ivp

    def slope(t, y):
        e, i = 2.0 * np.exp(-t / 0.005), 3.0 * np.exp(-t / 0.01)
        return [(-0.06 - y[0] + e * (0.0 - y[0]) + i * (-0.08 - y[0])) / 0.02]

    solved = solve_ivp(slope, (0, 0.02), [-0.06], rtol=1e-10, atol=1e-12).y[0, -1]
    errors = [
        abs(
            trajectory(
                exponential_conductance_neuron,
                n_steps=round(0.02 / dt),
                dt=dt,
                initial={"excitatory": 2.0, "inhibitory": 3.0},
                parameters={"v_threshold": 1.0},
            ).final["v"][0]
            - solved
        )
        for dt in (1e-4, 5e-5)
    ]
    assert errors[1] < 1e-5
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)


def test_hodgkin_huxley_fires_between_its_thresholds():
    # Repetitive firing begins at the Hopf bifurcation's fold near 6.2, and ends above 154 uA/cm^2; from rest a step of
    # 2.5 gives at most one spike.
    current = np.array([0.0, 2.0, 4.0, 10.0, 200.0])
    found = simulate(hodgkin_huxley, duration=0.5, inputs={"current": current}, record=())
    late = event_statistics(found, start=0.25, stop=0.5)["rate"].values
    assert late[[0, 1, 2, 4]].tolist() == [0, 0, 0, 0]
    assert 60 < late[3] < 75  # 10 uA/cm^2: 68 Hz


def test_hodgkin_huxley_hopf_point():
    def leading(current):
        step = as_map(hodgkin_huxley, inputs={"current": current})
        found = fixed_points(step, box=[(-75, -45), (0, 1), (0, 1), (0, 1)], n_per_state=2, tolerance=1e-8)
        assert found.sizes["point"] == 1
        return bool(found["stable"][0])

    # Rinzel & Miller (1980): the rest loses stability at 9.78 uA/cm^2.
    assert leading(9.6)
    assert not leading(9.95)


def test_izhikevich_classes():
    kinds = {"regular": (0.02, 0.2, -65, 8), "chattering": (0.02, 0.2, -50, 2), "fast": (0.1, 0.2, -65, 2)}
    a, b, c, d = np.array(list(kinds.values()), float).T
    found = simulate(
        izhikevich, duration=2.0, inputs={"current": 10.0}, parameters={"a": a, "b": b, "c": c, "d": d}, record=()
    )
    table = event_statistics(found, start=0.5, stop=2.0, burst_interval=0.01)
    regular, chattering, fast = (table.isel(unit=k) for k in range(3))
    assert float(regular["cv"]) < 0.05
    assert float(regular["n_bursts"]) == 0
    assert float(chattering["burst_fraction"]) > 0.9
    assert float(chattering["cv"]) > 0.5
    assert float(fast["rate"]) > 2 * float(regular["rate"])


def test_adaptive_exponential_slows_down_and_rests():
    found = trajectory(adaptive_exponential, n_steps=50_000, inputs={"current": [0.0, 1e-9]})
    assert found.spike_count[0] == 0
    times = found.spike_step[found.spike_unit == 1] * 1e-5
    intervals = np.diff(times)
    assert len(times) > 5
    assert intervals[-1] > 1.5 * intervals[0]
    # The rest solves its own equation.
    assert found.final["v"][0] == pytest.approx(-0.0706, abs=1e-4)


def test_fitzhugh_nagumo_hopf():
    def stable(current):
        step = as_map(fitzhugh_nagumo, inputs={"current": current}, dt=0.01)
        found = fixed_points(step, box=[(-3, 3), (-3, 3)])
        assert found.sizes["point"] == 1
        return bool(found["stable"][0])

    # v^2 = 1 - epsilon b at the bifurcation; the current follows from both lines.
    v = -np.sqrt(1 - 0.08 * 0.8)
    hopf = (v + 0.7) / 0.8 - v + v**3 / 3
    assert stable(hopf - 0.005)
    assert not stable(hopf + 0.005)
    found = trajectory(fitzhugh_nagumo, n_steps=20_000, inputs={"current": [hopf - 0.05, 0.5]})
    assert found.spike_count[1] > 10 > 2 > found.spike_count[0]


def test_runge_kutta_elements_follow_the_reference():
    for element, drive in (
        (fitzhugh_nagumo, {"current": 0.5}),
        (excitable_fitzhugh_nagumo, {}),
        (astrocyte, {"ip3": 0.5}),
    ):
        dt = element.element.dt
        times = np.arange(1, 201) * dt * 10
        expected = reference_solution(element, times=times, inputs=drive)
        found = trajectory(element, n_steps=2000, every=10, inputs=drive).states
        for name, value in expected.items():
            assert np.abs(found[name][:, 0] - value).max() < 1e-5 * np.ptp(value)


def test_astrocyte_oscillates_in_a_window_of_ip3():
    found = trajectory(astrocyte, n_steps=30_000, inputs={"ip3": [0.1, 0.5, 1.5]}, record=())
    late = found.spike_step > 10_000
    counts = np.bincount(found.spike_unit[late], minlength=3)
    assert counts[1] >= 5
    assert counts[[0, 2]].tolist() == [0, 0]


def test_chialvo_is_periodic_or_chaotic_as_in_its_source():
    start = [[0.1, 0.1]]
    chaos = lyapunov_exponents(as_map(chialvo, parameters={"b": 0.18}), start=start, n_steps=20_000)[0, 0]
    order = lyapunov_exponents(as_map(chialvo, parameters={"b": 0.6}), start=start, n_steps=20_000)[0, 0]
    # Periodic firing of a map runs round a closed curve, along which nothing grows or shrinks.
    assert chaos > 0.01
    assert abs(order) < 0.001
    # k = 0: the origin in x is a fixed point with multipliers 0 and a.
    rest = jacobian(as_map(chialvo, parameters={"k": 0.0}), [0.0, 0.28 / 0.11])
    assert np.sort(np.linalg.eigvals(rest).real) == pytest.approx([0.0, 0.89], abs=1e-6)


def test_rulkov_is_chaotic_in_bursts_and_the_regular_one_is_not():
    # The source's fast map is chaotic within bursts for alpha > 4.
    chaos = lyapunov_exponents(as_map(rulkov), start=[[-1.0, -3.0]], n_steps=50_000)[0, 0]
    assert chaos > 0.02
    assert lyapunov_exponents(as_map(rulkov, parameters={"alpha": 2.0}), start=[[-1.0, -3.0]], n_steps=5000)[0, 0] < 0
    # Rulkov (2002): silent below sigma = 2 - sqrt(alpha / (1 - mu)), spiking above.
    edge = 2 - np.sqrt(4.0 / (1 - 0.001))
    found = trajectory(
        rulkov_regular, n_steps=40_000, parameters={"alpha": 4.0, "sigma": [edge - 0.02, edge + 0.02]}, record=()
    )
    late = found.spike_step > 20_000
    counts = np.bincount(found.spike_unit[late], minlength=2)
    assert counts[0] == 0
    assert counts[1] > 10


def test_kuramoto_synchronises_above_its_critical_coupling():
    # Lorentzian frequencies of half width 1/s: the critical coupling is 2, and above it r = sqrt(1 - 2 / K).
    n = 400
    gamma = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    start = np.random.default_rng(0).uniform(0, 2 * np.pi, n)

    def order(coupling):
        phase, found = start.copy(), []
        for t in range(3000):
            r = np.exp(1j * phase).mean()
            phase, _ = kuramoto(
                phase, coupling * r.imag, coupling * r.real, 0.0, frequency=gamma / (2 * np.pi), dt=0.02
            )
            if t > 1500:
                found.append(abs(r))
        return np.mean(found)

    assert order(1.0) < 0.15
    assert order(4.0) == pytest.approx(np.sqrt(1 - 2 / 4), abs=0.06)


def test_ornstein_uhlenbeck_has_its_distribution_at_any_step():
    for dt in (1e-3, 0.05):
        found = trajectory(
            ornstein_uhlenbeck, n_steps=4000, n_units=50, dt=dt, parameters={"mean": 3.0, "deviation": 2.0}
        )
        x = found.states["x"][200:]
        assert x.mean() == pytest.approx(3.0, abs=0.1)
        assert x.std() == pytest.approx(2.0, rel=0.03)
        centred = x - 3.0
        assert (centred[1:] * centred[:-1]).mean() / x.var() == pytest.approx(np.exp(-dt / 0.02), abs=0.02)


def test_pulses_follow_the_closed_form_both_ways():
    up = trajectory(pulse_memristor, n_steps=64, inputs={"pulses": 1.0})
    n = np.arange(1, 65)
    expected = 1e-6 + 99e-6 * (1 - np.exp(-n / 20)) / (1 - np.exp(-64 / 20))
    assert up.states["g"][:, 0] == pytest.approx(expected, rel=1e-9)
    down = trajectory(pulse_memristor, n_steps=64, inputs={"pulses": -1.0}, initial={"g": 1e-4})
    assert down.states["g"][:, 0] == pytest.approx(1.01e-4 - expected, rel=1e-6)


def test_depressing_synapse_reaches_its_steady_state():
    rate, dt = 20.0, 1e-3
    spike = np.zeros((4000, 1))
    spike[:: round(1 / rate / dt)] = 1.0
    options = {"base_use": 0.5, "tau_facilitation": 1e-6, "tau_recovery": 0.8}
    found = trajectory(short_term_plasticity, n_steps=4000, dt=dt, inputs={"spike": spike}, parameters=options)
    released = found.states["released"][:, 0]
    q = np.exp(-1 / rate / 0.8)
    assert released[released > 0][-1] == pytest.approx(0.5 * (1 - q) / (1 - 0.5 * q), rel=1e-6)


def test_sweep_and_basins_see_coexisting_attractors():
    # x <- a x - x^3 has two fixed points +-sqrt(a - 1) beside each other for 1 < a < 2.
    found = bifurcation_sweep(
        lambda a: lambda x: a * x - x**3, values=[0.5, 1.5], start=[[0.3], [-0.3]], n_transient=300, n_samples=4
    )
    at = found["state"].sel(direction="up", value=1.5).isel(sample=-1).values.ravel()
    assert at == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)], abs=1e-6) or np.abs(at).max() < 1e-12
    starts = np.linspace(-1.2, 1.2, 41)[:, np.newaxis]
    sorted_ = basins(lambda x: 1.5 * x - x**3, starts=starts, n_transient=500, n_samples=10)
    labels = sorted_["attractor"].values
    assert set(labels[starts[:, 0] > 1e-9]) | set(labels[starts[:, 0] < -1e-9]) == {0, 1}
    assert labels[-1] != labels[0]
    runaway = basins(lambda x: 2.0 * x, starts=[[0.0], [1.0]], n_transient=2000, n_samples=10)
    assert runaway["attractor"].values.tolist() == [0, -1]
