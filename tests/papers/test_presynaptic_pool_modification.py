import numpy as np
import pytest

from multiunit.papers.presynaptic_pool_modification import DT, MEAN, NOISE, TAU, WEIGHT, external, simulate


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("presynaptic-pool-modification")
    assert result.measured["f1_gain"] >= 0
    assert result.measured["new_input_f1"] > 0
    assert 0 < result.measured["avalanche_distance"] < 1


def test_the_noise_makes_potentials_deviate_as_it_says():
    given = external(20.0, 3, np.random.default_rng(0))
    v = np.zeros(3)
    found = []
    for row in given:
        v = v + (row - v) * -np.expm1(-DT / TAU)
        found.append(v)
    assert np.std(found[200:], axis=0) == pytest.approx(np.full(3, np.sqrt(2) * NOISE), rel=0.1)
    assert np.mean(found[200:]) == pytest.approx(MEAN, rel=0.05)


def test_the_network_is_the_one_that_a_plain_loop_makes():
    rng = np.random.default_rng(0)
    weights, given = rng.normal(scale=WEIGHT, size=(6, 6)), external(0.5, 6, rng)
    found = simulate(weights, given)
    np.fill_diagonal(weights, 0)
    v, wait, last = np.zeros(6), np.zeros(6), np.zeros(6)
    for t, row in enumerate(given):
        free = wait < 0.5 * DT
        v = np.where(free, v * np.exp(-DT / TAU) + row * -np.expm1(-DT / TAU) + weights @ last, v)
        last = v > 0.01
        assert (last == found[t]).all()
        wait = np.where(last, 0.005, np.maximum(wait - DT, 0))
        v = np.where(last, 0, v)
    assert found.sum() > 20
