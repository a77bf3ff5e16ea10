"""Certificates against the Jacobians they are about, and against trajectories."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.dynamics.contraction import contraction_certificate, twin_distance


def rate_in(metric, w, slopes):
    """The rate that the Jacobian -1 + W diag(slopes) has in a metric."""
    root = np.sqrt(metric)
    scaled = root[:, None] * (w * slopes - np.eye(len(w))) / root
    return -np.linalg.eigvalsh((scaled + scaled.T) / 2)[-1]


@pytest.mark.parametrize("kind", ["absolute", "singular"])
@pytest.mark.parametrize("seed", range(5))
def test_no_slopes_within_the_range_beat_a_certificate(kind, seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(8, 8)) * (rng.random((8, 8)) < 0.4)
    np.fill_diagonal(w, rng.normal(size=8))
    slope = rng.uniform(0.5, 2.0)
    first = contraction_certificate(w, slope=slope, kind=kind)
    w *= 0.7 / (1 - first.rate)  # now it holds, with a rate of 0.3
    found = contraction_certificate(w, slope=slope, kind=kind, metric=first.metric)
    assert found.holds
    assert found.rate == pytest.approx(0.3)
    drawn = [rate_in(found.metric, w, rng.uniform(0, slope, 8)) for _ in range(500)]
    corners = [rate_in(found.metric, w, slope * rng.integers(0, 2, 8)) for _ in range(500)]
    assert min(drawn + corners) >= found.rate - 1e-9


def test_the_absolute_bound_is_reached_and_its_metric_is_the_best():
    rng = np.random.default_rng(0)
    w = rng.uniform(0, 0.2, (6, 6))
    np.fill_diagonal(w, 0)
    found = contraction_certificate(w)
    assert found.rate == pytest.approx(1 - np.abs(np.linalg.eigvals(w)).max(), abs=1e-5)
    assert rate_in(found.metric, w, np.ones(6)) == pytest.approx(found.rate)
    other = [contraction_certificate(w, metric=rng.uniform(0.5, 2, 6)).rate for _ in range(50)]
    assert max(other) <= found.rate + 1e-9


def test_what_cannot_be_proven_is_not():
    unstable = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert not contraction_certificate(unstable).holds
    assert not contraction_certificate(unstable, kind="singular").holds
    # A strong turn contracts by no rate without its sign; with it, in the plain metric, neither: its norm is 2.
    assert not contraction_certificate(np.array([[0.0, 2.0], [-2.0, 0.0]])).holds
    # A negative diagonal may enter as 0 here, but counts in full for the singular values.
    strong = np.diag([-3.0, -3.0])
    assert contraction_certificate(strong).rate == pytest.approx(1.0, abs=1e-6)
    assert not contraction_certificate(strong, kind="singular").holds


def test_triangular_weights_of_any_size_pass():
    w = np.tril(np.random.default_rng(1).normal(size=(6, 6)), -1) + 0.5 * np.eye(6)
    found = contraction_certificate(w)
    assert found.holds
    assert rate_in(found.metric, w, np.ones(6)) >= found.rate - 1e-9


def test_twins_of_a_certified_network_meet_as_fast_as_promised():
    rng = np.random.default_rng(2)
    w = rng.normal(size=(10, 10))
    w *= 0.5 / (1 - contraction_certificate(w).rate)
    found = contraction_certificate(w)

    def step(x):
        return x + 0.01 * (-x + np.tanh(x) @ w.T)

    distance = twin_distance(
        step, first=rng.normal(size=(4, 10)), second=rng.normal(size=(4, 10)), n_steps=1000, metric=found.metric
    )
    time = 0.01 * np.arange(1001)
    assert (distance <= 1.05 * np.exp(-found.rate * time)[:, None] + 1e-12).all()


def test_twins_that_run_away_end_at_infinity():
    found = twin_distance(lambda x: x * x * 10, first=[[2.0]], second=[[3.0]], n_steps=20)
    assert found[0, 0] == 1
    assert np.isinf(found[-1, 0])


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="weights"):
        contraction_certificate(np.ones((2, 3)))
    with pytest.raises(InputError, match="kind"):
        contraction_certificate(np.eye(2), kind="symmetric")
    with pytest.raises(InputError, match="metric"):
        contraction_certificate(np.eye(2), metric=[1.0, -1.0])
    with pytest.raises(InputError, match="slope"):
        contraction_certificate(np.eye(2), slope=0.0)
    with pytest.raises(InputError, match="second"):
        twin_distance(np.tanh, first=[[1.0]], second=[[1.0]], n_steps=1)
