import numpy as np
import pytest

from multiunit.circuits.balanced_reservoir import BalancedReservoir, balanced_weights, designed_inhibition
from multiunit.core.errors import InputError


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-1, 1, (3000, 1))


@pytest.mark.parametrize("balance", [-0.5, 0.0, 0.3])
def test_every_unit_sends_one_sign_and_the_totals_stand_in_balance(balance):
    weights = balanced_weights(120, density=0.2, excitatory=0.75, balance=balance, random_state=1).toarray()
    assert (weights[:, :90] >= 0).all()
    assert (weights[:, 90:] <= 0).all()
    assert not np.diag(weights).any()
    e, i = weights[:, :90].sum(), -weights[:, 90:].sum()
    assert (e - i) / (e + i) == pytest.approx(balance, abs=1e-12)
    assert weights[:, :90].sum(axis=1).mean() == pytest.approx(1.0, abs=0.05)
    assert np.count_nonzero(weights) / (120 * 119) == pytest.approx(0.2, abs=0.02)


def test_a_run_is_that_of_the_equation_written_out(noise):
    net = BalancedReservoir(30, density=0.3, gain=1.5, slope=4.0, threshold=0.1, random_state=2).fit(noise)
    found = net.transform(noise[:40])
    r = np.full(30, 0.5)
    for t in range(40):
        v = net.weights_.toarray() @ r + net.input_weights_ @ noise[t]
        r = 1 / (1 + np.exp(-4.0 * (v - 0.1)))
        np.testing.assert_allclose(found[t], r, rtol=1e-12)


def test_adaptation_is_that_of_the_rule_written_out(noise):
    choice = {"density": 0.3, "gain": 1.5, "slope": 4.0, "random_state": 2}
    heard = np.random.default_rng(0).permutation(30)
    target = np.linspace(0.2, 0.8, 30)
    net = BalancedReservoir(30, target_rate=target, learning_rate=0.02, heard=heard, **choice).fit(noise[:25])
    plain = BalancedReservoir(30, **choice).fit(noise[:25])
    w = plain.weights_.toarray()
    inhibitory, r = w < 0, np.full(30, 0.5)
    for t in range(25):
        r = 1 / (1 + np.exp(-4.0 * (w @ r + plain.input_weights_ @ noise[t])))
        moved = np.minimum(w - 1.5 * 0.02 * (r[heard] - target[heard])[:, None], -1e-12)
        w = np.where(inhibitory, moved, w)
    np.testing.assert_allclose(net.weights_.toarray(), w, rtol=1e-10, atol=1e-14)


def test_units_come_to_have_rates_of_their_own_and_not_if_each_hears_another(noise):
    target = np.random.default_rng(1).uniform(0.3, 0.7, 200)

    def off(**changes):
        net = BalancedReservoir(gain=0.5, target_rate=target, random_state=0, **changes).fit(noise)
        return np.abs(net.transform(noise)[500:].mean(axis=0) - target).mean()

    assert off() < 0.02
    assert off(designed=True, learning_rate=0.0) < 0.05
    assert off(learning_rate=0.0) > 0.15
    assert off(heard=np.random.default_rng(2).permutation(200)) > 0.15


def test_the_design_is_a_fixed_point_and_keeps_signs_and_excitation():
    weights = balanced_weights(100, density=0.5, random_state=0)
    rng = np.random.default_rng(0)
    rates, drive = rng.uniform(0.3, 0.6, 100), rng.normal(size=100) * 0.05
    fitted = designed_inhibition(weights, rates=rates, drive=drive, slope=10.0, threshold=0.05)
    back = 1 / (1 + np.exp(-10.0 * (fitted @ rates + drive - 0.05)))
    np.testing.assert_allclose(back, rates, rtol=1e-10)
    assert (fitted.maximum(0) != weights.maximum(0)).nnz == 0
    # Where excitation cannot make the rate, next to no inhibition is left, and no sign turns.
    none = designed_inhibition(weights, rates=np.full(100, 0.5), drive=np.full(100, -5.0), slope=10.0)
    assert none.min() > -1e-8
    assert ((none < 0) != (weights < 0)).nnz == 0


def test_what_is_refused(noise):
    wrong = {"excitatory": [1.0], "density": [0.0], "balance": [-1.0, 1.0], "target_rate": [0.0, 1.2], "heard": [[0]]}
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(InputError, match=name):
                BalancedReservoir(20, **{"target_rate": 0.5, name: value}).fit(noise)
    with pytest.raises(InputError, match="of one kind"):
        balanced_weights(4, density=1e-9)
    with pytest.raises(InputError, match="finite"):
        BalancedReservoir(20).fit(noise[:, 0])
    with pytest.raises(InputError, match=r"\(time, 1\)"):
        BalancedReservoir(20).fit(noise).transform(np.zeros((5, 2)))
    with pytest.raises(InputError, match="not fitted"):
        BalancedReservoir(20).transform(noise)
