import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from multiunit.core.errors import InputError
from multiunit.populations.behaviour_rate import behaviour_rate


def entropy(p):
    p = np.asarray(p)
    return -(p[p > 0] * np.log2(p[p > 0])).sum()


def symmetric_channel(rng, *, n, n_symbols, error):
    """Uniform symbols, of which a share turns into one of the others; and the information in bits."""
    sent = rng.integers(n_symbols, size=n)
    wrong = (sent + rng.integers(1, n_symbols, size=n)) % n_symbols
    received = np.where(rng.random(n) < error, wrong, sent)
    row = np.full(n_symbols, error / (n_symbols - 1))
    row[0] = 1 - error
    return sent, received, np.log2(n_symbols) - entropy(row)


def bits(a, c):
    return mutual_info_score(a, c) / np.log(2)


def test_it_is_the_jackknife():
    rng = np.random.default_rng(0)
    c, a, _ = symmetric_channel(rng, n=60, n_symbols=5, error=0.4)
    duration = rng.uniform(0.2, 1.0, size=60)
    found = behaviour_rate(a - 2.5, c.astype("U1"), duration=duration)
    one_less = [np.delete(np.arange(60), i) for i in range(60)]
    each = np.array([bits(a[keep], c[keep]) for keep in one_less])
    rates = each / [duration[keep].mean() for keep in one_less]
    assert found.information == pytest.approx(60 * bits(a, c) - 59 * each.mean())
    assert found.rate == pytest.approx(60 * bits(a, c) / duration.mean() - 59 * rates.mean())
    error = np.sqrt(59 / 60 * ((rates - rates.mean()) ** 2).sum())
    assert found.high - found.rate == pytest.approx(1.959964 * error)
    assert found.rate - found.low == pytest.approx(1.959964 * error)


@pytest.mark.parametrize(("n_symbols", "error"), [(2, 0.1), (2, 0.3), (4, 0.2), (8, 0.1)])
def test_symmetric_channels(n_symbols, error):
    rng = np.random.default_rng(n_symbols)
    c, a, truth = symmetric_channel(rng, n=5000, n_symbols=n_symbols, error=error)
    found = behaviour_rate(a, c, duration=0.25)
    assert found.information == pytest.approx(truth, rel=0.1)
    assert found.rate == pytest.approx(4 * found.information)
    assert found.low < 4 * truth < found.high


def test_the_bias_is_gone_and_the_interval_covers():
    rng = np.random.default_rng(1)
    found, plain, covered = [], [], []
    for _ in range(300):
        c, a, truth = symmetric_channel(rng, n=200, n_symbols=4, error=0.3)
        answer = behaviour_rate(a, c, duration=1.0)
        found.append(answer.information)
        plain.append(bits(a, c))
        covered.append(answer.low <= truth <= answer.high)
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth) < 4 * error < 0.03
    assert np.mean(plain) - truth > 4 * error  # what is taken away
    assert 0.9 < np.mean(covered) < 0.99


def test_random_actions_say_nothing():
    rng = np.random.default_rng(2)
    found = [
        behaviour_rate(rng.integers(8, size=200), rng.integers(8, size=200), duration=1.0).rate for _ in range(200)
    ]
    plain = np.mean([bits(rng.integers(8, size=200), rng.integers(8, size=200)) for _ in range(50)])
    assert abs(np.mean(found)) < 0.04
    assert plain > 0.15


def test_only_the_mean_duration_counts_where_it_is_unrelated():
    rng = np.random.default_rng(3)
    c, a, truth = symmetric_channel(rng, n=5000, n_symbols=4, error=0.1)
    found = behaviour_rate(a, c, duration=rng.exponential(0.4, size=5000) + 1e-3)
    assert found.rate == pytest.approx(truth / 0.4, rel=0.06)
    assert behaviour_rate(c, a, duration=1.0).rate == pytest.approx(behaviour_rate(a, c, duration=1.0).rate)


def test_what_is_refused():
    a = np.arange(10) % 2
    with pytest.raises(InputError, match="contexts="):
        behaviour_rate(a, a[:5], duration=1.0)
    with pytest.raises(InputError, match="contexts="):
        behaviour_rate(a[:1], a[:1], duration=1.0)
    for wrong in (0.0, np.nan, np.ones(3), np.r_[np.ones(9), -1]):
        with pytest.raises(InputError, match="duration="):
            behaviour_rate(a, a, duration=wrong)
    with pytest.raises(InputError, match="level="):
        behaviour_rate(a, a, duration=1.0, level=1.0)
