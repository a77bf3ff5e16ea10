import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.inference.unit_reliability import spearman_brown, unit_reliability


def planted(rng, *, n_repeats, noise, n=1500, n_units=40):
    signal = rng.normal(size=(n, n_units))
    return signal, signal + noise * rng.normal(size=(n_repeats, n, n_units))


def correlation(x, y):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True)])


def near(values, truth):
    """The mean over units is the planted value, within 4 standard errors, and those are small."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert error < 0.02
    return abs(values.mean() - truth) < 4 * error


@pytest.mark.parametrize("n_repeats", [2, 3, 4, 7])
@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_planted_signal_to_noise_is_found(n_repeats, noise):
    signal, responses = planted(np.random.default_rng(n_repeats), n_repeats=n_repeats, noise=noise)
    found = unit_reliability(responses, n_splits=20)
    truth = 1 / (1 + noise**2 / n_repeats)
    assert near(found.reliability, truth)
    k = n_repeats // 2
    assert near(found.half, 1 / (1 + noise**2 / k))
    # The response without noise is as good a model as there is.
    true_model = correlation(signal, responses.mean(axis=0))
    assert near(true_model / found.ceiling, 1.0)
    half_right = signal + np.random.default_rng(9).normal(size=signal.shape)
    assert near(correlation(half_right, responses.mean(axis=0)) / found.ceiling, np.sqrt(0.5))


def test_two_repeats_are_one_split():
    _, responses = planted(np.random.default_rng(0), n_repeats=2, noise=1.0, n=50)
    half = correlation(responses[0], responses[1])
    found = unit_reliability(responses, n_splits=3)
    np.testing.assert_allclose(found.half, half, rtol=1e-12)
    np.testing.assert_allclose(found.reliability, 2 * half / (1 + half), rtol=1e-12)
    np.testing.assert_allclose(found.ceiling, np.sqrt(2 * half / (1 + half)), rtol=1e-12)


def test_missing_repeats_lower_the_ceiling_as_they_should():
    rng = np.random.default_rng(3)
    noise, n = 2.0, 1500
    signal, responses = planted(rng, n_repeats=8, noise=noise, n=n)
    counts = rng.integers(2, 9, size=n)
    for t, count in enumerate(counts):
        responses[rng.permutation(8)[count:], t] = np.nan
    found = unit_reliability(responses, n_splits=30)
    assert near(found.reliability, 1 / (1 + noise**2 * (1 / counts).mean()))
    assert near(correlation(signal, np.nanmean(responses, axis=0)) / found.ceiling, 1.0)


def test_missing_in_one_unit_says_nothing_of_the_others():
    _, responses = planted(np.random.default_rng(4), n_repeats=5, noise=1.0, n=40, n_units=3)
    holes = responses.copy()
    holes[2, 7, 1] = np.nan
    whole, other = unit_reliability(responses), unit_reliability(holes)
    np.testing.assert_array_equal(np.delete(whole.half, 1), np.delete(other.half, 1))
    assert whole.half[1] != other.half[1]


def test_what_a_whole_repeat_shares_is_no_noise():
    rng = np.random.default_rng(5)
    _, responses = planted(rng, n_repeats=6, noise=1.0, n=60)
    shifted = responses + 100 * rng.normal(size=(6, 1, 1))
    np.testing.assert_allclose(unit_reliability(shifted).half, unit_reliability(responses).half, rtol=1e-9)


def test_no_signal_has_no_ceiling():
    rng = np.random.default_rng(6)
    found = unit_reliability(rng.normal(size=(4, 300, 200)), n_splits=10)
    assert abs(found.reliability.mean()) < 0.03
    assert ((found.ceiling == 0) == (found.reliability <= 0)).all()
    assert 0.2 < (found.ceiling == 0).mean() < 0.8
    assert unit_reliability(np.ones((3, 5, 1))).ceiling.tolist() == [0.0]


def test_lengthening():
    r = np.array([-1.0, -0.6, -0.2, 0.0, 0.3, 1.0])
    np.testing.assert_allclose(spearman_brown(r), [-2, -2, -0.5, 0, 0.6 / 1.3, 1])
    np.testing.assert_allclose(spearman_brown(spearman_brown(0.3, factor=5.0), factor=0.2), 0.3)
    np.testing.assert_allclose(spearman_brown([0.5, 0.5], factor=[1.0, 3.0]), [0.5, 0.75])
    with pytest.raises(InputError, match="factor="):
        spearman_brown(0.5, factor=0.0)
    with pytest.raises(InputError, match="r="):
        spearman_brown(1.5)


def test_what_is_refused():
    responses = np.random.default_rng(0).normal(size=(3, 6, 2))
    for wrong in (responses[0], responses[:, :2], responses[:, :, :0], np.where(responses > 0, np.inf, responses)):
        with pytest.raises(InputError, match="responses="):
            unit_reliability(wrong)
    with pytest.raises(InputError, match="two repeats"):
        unit_reliability(responses[:1])
    holes = responses.copy()
    holes[1:, 4, 1] = np.nan
    with pytest.raises(InputError, match="presentation 4, unit 1"):
        unit_reliability(holes)
    with pytest.raises(InputError, match="n_splits="):
        unit_reliability(responses, n_splits=0)
