import numpy as np
import pytest
from sklearn.base import clone

from multiunit.circuits.echo_state import EchoState
from multiunit.core.errors import InputError
from multiunit.tasks.mackey_glass import mackey_glass


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    u = rng.uniform(-1, 1, (400, 2))
    return u, np.stack([np.roll(u[:, 0], 1), u[:, 0] * u[:, 1]], axis=1)


def test_states_are_those_of_the_equation_written_out(series):
    u, y = series
    net = EchoState(20, leak=0.4, density=0.5, spectral_radius=0.8, random_state=1).fit(u, y)
    x, wanted = np.zeros(20), []
    for row in u:
        total = net.input_weights_ @ np.r_[1.0, row] + net.weights_ @ x
        x = 0.6 * x + 0.4 * np.tanh(total)
        wanted.append(x)
    np.testing.assert_allclose(net.transform(u), wanted, rtol=1e-10, atol=1e-12)
    assert np.abs(np.linalg.eigvals(net.weights_)).max() == pytest.approx(0.8)


def test_the_readout_is_the_ridge_solution(series):
    u, y = series
    net = EchoState(20, ridge=0.3, n_washout=30, random_state=1).fit(u, y)
    seen = np.hstack([u, net.transform(u)])[30:]
    centred, goal = seen - seen.mean(axis=0), y[30:] - y[30:].mean(axis=0)
    by_hand = np.linalg.solve(centred.T @ centred + 0.3 * np.eye(22), centred.T @ goal).T
    np.testing.assert_allclose(net.readout_.coef_, by_hand, rtol=1e-6, atol=1e-9)
    assert net.predict(u).shape == y.shape
    assert EchoState(20).fit(u, y[:, 0]).predict(u).shape == (400,)


def test_a_generator_goes_on_with_its_own_output():
    t = np.arange(1200)
    wave = np.sin(2 * np.pi * t / 20)
    cue = np.zeros((1200, 1))
    cue[:100, 0] = wave[:100]
    net = EchoState(80, feedback=0.5, input_scaling=0.3, spectral_radius=0.7, ridge=1e-6, random_state=0)
    made = net.fit(cue, wave).predict(cue)
    # Its phase is its own; period, form and amplitude are those it was taught.
    basis = np.stack([np.sin(2 * np.pi * t / 20), np.cos(2 * np.pi * t / 20)], axis=1)[600:]
    weights, left, *_ = np.linalg.lstsq(basis, made[600:], rcond=None)
    assert np.hypot(*weights) == pytest.approx(1.0, abs=0.05)
    assert left[0] / 600 < 1e-3
    silent = EchoState(80, feedback=0.0, input_scaling=0.3, spectral_radius=0.7, ridge=1e-6, random_state=0)
    assert np.abs(silent.fit(cue, wave).predict(cue)[300:]).max() < 0.5


def test_the_state_is_that_of_its_own_feedback(series):
    u, y = series
    net = EchoState(15, feedback=0.4, ridge=1e-2, random_state=2).fit(u, y)
    x, out = np.zeros(15), np.zeros(2)
    for row in u[:50]:
        x = np.tanh(net.input_weights_ @ np.r_[1.0, row] + net.weights_ @ x + net.feedback_weights_ @ out)
        out = net.readout_.predict(np.r_[row, x][None])[0]
    np.testing.assert_allclose(net.transform(u[:50])[-1], x, rtol=1e-8)
    np.testing.assert_allclose(net.predict(u[:50])[-1], out, rtol=1e-8)


def test_it_predicts_mackey_glass_better_than_a_linear_readout_of_the_input():
    x = mackey_glass(2000)[:, None] - 0.9
    u, y = x[:-10], x[10:, 0]
    net = EchoState(100, input_scaling=1.0, random_state=0).fit(u[:1200], y[:1200])
    error = np.std(net.predict(u)[1200:] - y[1200:]) / y[1200:].std()
    slope, offset = np.polyfit(u[:1200, 0], y[:1200], 1)
    linear = np.std(slope * u[1200:, 0] + offset - y[1200:]) / y[1200:].std()
    assert error < 0.1 < linear


def test_it_is_an_estimator(series):
    u, y = series
    net = EchoState(10, leak=0.5)
    assert clone(net).get_params() == net.get_params()
    assert (net.fit(u, y).predict(u) == clone(net).fit(u, y).predict(u)).all()


def test_what_is_refused(series):
    u, y = series
    with pytest.raises(InputError, match="as long as x"):
        EchoState().fit(u, y[:10])
    with pytest.raises(InputError, match="leak"):
        EchoState(leak=0.0).fit(u, y)
    with pytest.raises(InputError, match="loops"):
        EchoState(2, density=1e-9).fit(u, y)
    with pytest.raises(InputError, match="not fitted"):
        EchoState().predict(u)
    with pytest.raises(InputError, match=r"finite \(time, 2\)"):
        EchoState().fit(u, y).predict(u[:, :1])
    with pytest.raises(InputError, match="not finite"):
        EchoState().fit(u, np.full_like(y, np.nan))
    with pytest.raises(InputError, match="n_washout"):
        EchoState(n_washout=400).fit(u, y)
