import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.inference.bootstrap import bootstrap
from multiunit.inference.signal_power import explained_power, signal_power


def planted(rng, *, n_repeats=8, noise=2.0, n=300, n_units=40):
    signal = rng.normal(size=(n, n_units))
    return signal, signal + noise * rng.normal(size=(n_repeats, n, n_units))


def near(values, truth):
    error = values.std(ddof=1) / np.sqrt(len(values))
    return abs(values.mean() - truth) < 4 * error


def test_it_is_the_formula():
    _, y = planted(np.random.default_rng(0), n=50, n_units=5)
    y = y + np.random.default_rng(1).normal(size=(8, 1, 5)) + 1e4
    n = len(y)
    expected = (y.sum(axis=0).var(axis=0, ddof=1) - y.var(axis=1, ddof=1).sum(axis=0)) / (n * (n - 1))
    found = signal_power(y)
    np.testing.assert_allclose(found.signal, expected, rtol=1e-6)
    np.testing.assert_allclose(found.noise, y.var(axis=1, ddof=1).mean(axis=0) - expected, rtol=1e-6)


def test_missing_repeats_are_pooled_pairs():
    rng = np.random.default_rng(1)
    _, y = planted(rng, n_repeats=4, n=30, n_units=3)
    y[rng.random(y.shape) < 0.3] = np.nan
    found = signal_power(y)
    for unit in range(3):
        top = bottom = own = free = 0.0
        for r in range(4):
            seen = ~np.isnan(y[r, :, unit])
            own += (seen.sum() - 1) * y[r, seen, unit].var(ddof=1)
            free += seen.sum() - 1
            for s in range(r):
                both = seen & ~np.isnan(y[s, :, unit])
                top += (both.sum() - 1) * np.cov(y[r, both, unit], y[s, both, unit])[0, 1]
                bottom += both.sum() - 1
        assert found.signal[unit] == pytest.approx(top / bottom, rel=1e-10)
        assert found.noise[unit] == pytest.approx(own / free - top / bottom, rel=1e-10)


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_planted_powers_are_found_and_the_true_model_reaches_the_ceiling(missing, noise):
    rng = np.random.default_rng(2)
    signal, y = planted(rng, noise=noise, n_units=60)
    holes = rng.random(y.shape) < missing
    holes[:2] = False
    y[holes] = np.nan
    power = signal_power(y)
    assert near(power.signal, 1.0)
    assert near(power.noise, noise**2)
    best = explained_power(signal, y)
    for values in (best.cc_norm, best.power):
        assert values.std() < 0.15
        assert near(values, 1.0)
    assert best.cc_norm.max() > 1  # nothing is capped
    # Half of the signal's variance: sqrt(1/2) of the best correlation.
    half = explained_power((signal + rng.normal(size=signal.shape)) / 2, y)
    assert near(half.cc_norm, np.sqrt(0.5))
    assert near(half.power, 0.5)
    unrelated = explained_power(rng.normal(size=signal.shape), y)
    assert near(unrelated.cc_norm, 0.0)
    assert near(unrelated.power, -1.0)
    np.testing.assert_allclose(best.cc_abs / best.cc_max, best.cc_norm, rtol=1e-12)


def test_without_missing_values_it_is_what_numpy_says():
    rng = np.random.default_rng(3)
    signal, y = planted(rng, n=40, n_units=2)
    model = signal + rng.normal(size=signal.shape)
    found = explained_power(model, y)
    mean, sp = y.mean(axis=0), signal_power(y).signal
    for unit in range(2):
        r = np.corrcoef(mean[:, unit], model[:, unit])[0, 1]
        assert found.cc_abs[unit] == pytest.approx(r)
        assert found.cc_max[unit] == pytest.approx(np.sqrt(sp[unit] / mean[:, unit].var(ddof=1)))
        left = (mean - model)[:, unit].var(ddof=1)
        assert found.power[unit] == pytest.approx((mean[:, unit].var(ddof=1) - left) / sp[unit])


def test_scale_matters_for_power_only_and_one_prediction_serves_all():
    signal, y = planted(np.random.default_rng(4), noise=0.1, n_units=3)
    y = signal[:, :1] + (y - signal)
    one, tripled = explained_power(signal[:, :1], y), explained_power(3 * signal[:, :1] + 7, y)
    np.testing.assert_allclose(tripled.cc_norm, one.cc_norm, rtol=1e-10)
    np.testing.assert_allclose(tripled.power, -3.0, atol=0.1)  # 1 - (3 - 1)^2
    assert one.cc_norm.shape == (3,)


def test_the_interval_over_stimuli_covers_one():
    signal, y = planted(np.random.default_rng(5), n=200, n_units=60)
    found = bootstrap(
        lambda p, r: explained_power(p, r.swapaxes(0, 1)).cc_norm, signal, y.swapaxes(0, 1), n_bootstraps=200
    )
    covered = ((found.low <= 1) & (found.high >= 1)).mean()
    assert 0.85 < covered <= 1


def test_no_signal_is_refused_not_capped():
    rng = np.random.default_rng(6)
    power = signal_power(rng.normal(size=(5, 100, 200)))
    assert near(power.signal, 0.0)
    assert near(power.noise, 1.0)
    assert 0.3 < (power.signal < 0).mean() < 0.7
    with pytest.raises(InputError, match="signal power is not above 0"):
        explained_power(rng.normal(size=(100, 1)), rng.normal(size=(5, 100, 200)))


def test_what_is_refused():
    signal, y = planted(np.random.default_rng(7), n=10, n_units=2)
    for wrong in (y[0], y[:1], y[:, :1], np.where(y > 0, np.inf, y)):
        with pytest.raises(InputError, match="responses="):
            signal_power(wrong)
    apart = y[:2].copy()
    apart[0, :5, 1] = np.nan
    apart[1, 5:, 1] = np.nan
    with pytest.raises(InputError, match="unit 1"):
        signal_power(apart)
    gone = y.copy()
    gone[:, 3, 1] = np.nan
    with pytest.raises(InputError, match="presentation 3, unit 1"):
        explained_power(signal, gone)
    for wrong in (signal[:5], signal[:, 0], np.zeros_like(signal), np.full_like(signal, np.nan)):
        with pytest.raises(InputError, match="predicted="):
            explained_power(wrong, y)
