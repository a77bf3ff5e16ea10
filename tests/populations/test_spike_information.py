import time

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.spike_information import _entropy, spike_information
from multiunit.tasks.stochastic_spike_trains import markov_trains


def entropy(p):
    p = np.asarray(p, dtype=float)
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


def chain_entropy(*, rate, stay):
    """Entropy rate in bits a bin of a two-state chain."""
    rises = rate * (1 - stay) / (1 - rate)
    return rate * entropy([stay, 1 - stay]) + (1 - rate) * entropy([rises, 1 - rises])


def test_entropy_of_rows_is_the_definition():
    rng = np.random.default_rng(0)
    words = rng.integers(8, size=(20, 30))
    expected = np.mean([entropy(np.unique(row, return_counts=True)[1] / 30) for row in words])
    assert _entropy(words, 8) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("error", [0.02, 0.11, 0.3])
def test_binary_symmetric_channel_with_few_repeats(error):
    """Independent fair bits, flipped by chance: 1 - H(error) bits a bin."""
    rng = np.random.default_rng(1)
    stimulus = rng.random(4000) < 0.5
    spikes = stimulus ^ (rng.random((40, 4000)) < error)
    found = spike_information(spikes, dt=0.005, word_lengths=(1, 2, 3, 4))
    truth = (1 - entropy([error, 1 - error])) / 0.005
    assert found.rate == pytest.approx(truth, rel=0.1)
    assert found.total == pytest.approx(200, rel=0.02)
    assert found.rate == found.total - found.noise


def test_sample_size_is_extrapolated():
    """Words of five bins and 24 repeats: frequencies alone say too little noise, and so too much information."""
    rng = np.random.default_rng(2)
    stimulus = rng.random(4000) < 0.5
    error = 0.2
    spikes = stimulus ^ (rng.random((24, 4000)) < error)
    truth = entropy([error, 1 - error])
    words = sum(spikes[:, i : 3996 + i].astype(int) * 2**i for i in range(5))
    plain = np.mean([entropy(np.unique(c, return_counts=True)[1] / 24) for c in words.T]) / 5
    found = spike_information(spikes, dt=1.0, word_lengths=(4, 5))
    assert abs(found.word_noise[1] - truth) < 0.5 * abs(plain - truth)
    assert truth - plain > 0.05


def test_word_length_is_extrapolated():
    """A sticky chain that is repeated without noise: H(L) / L = h + (H(1) - h) / L, to the last digit a line."""
    rate, stay = 0.3, 0.8
    train = markov_trains((200_000, 1), rate=rate, stay=stay, random_state=3)[:, 0]
    found = spike_information(np.tile(train, (8, 1)), dt=0.01, word_lengths=range(1, 7))
    h = chain_entropy(rate=rate, stay=stay)
    expected = (h + (entropy([rate, 1 - rate]) - h) / np.arange(1, 7)) / 0.01
    np.testing.assert_allclose(found.word_total, expected, rtol=0.02)
    assert found.total == pytest.approx(100 * h, rel=0.02)
    assert found.word_total[0] > 1.15 * found.total
    np.testing.assert_allclose(found.word_noise, 0, atol=1e-9)


def test_trains_that_ignore_the_stimulus_say_nothing():
    trains = markov_trains((60, 5000, 1), rate=0.2, stay=0.5, random_state=4)[..., 0]
    found = spike_information(trains, dt=0.01, word_lengths=(1, 2, 3, 4))
    h = 100 * chain_entropy(rate=0.2, stay=0.5)
    assert found.total == pytest.approx(h, rel=0.02)
    assert abs(found.rate) < 0.03 * h


def test_long_words_need_many_repeats():
    """What the docstring says of trains without information: a tenth of the bins with spikes."""
    h = entropy([0.1, 0.9])
    low = {}
    for n_repeats in (60, 240):
        spikes = np.random.default_rng(8).random((n_repeats, 2000)) < 0.1
        found = spike_information(spikes, dt=1.0, word_lengths=(4, 6))
        low[n_repeats] = 1 - found.word_noise / found.word_total
    np.testing.assert_allclose(low[60], [0.015, 0.04], atol=0.007)
    np.testing.assert_allclose(low[240], [0.001, 0.008], atol=0.003)
    assert h == pytest.approx(found.word_total[0], rel=0.02)


def test_counts_above_one_count():
    rng = np.random.default_rng(5)
    mean = rng.choice([0.2, 2.0], size=3000)
    spikes = np.minimum(rng.poisson(mean, size=(80, 3000)), 3)
    p = np.stack(
        [np.bincount(spikes[:, mean == m].ravel(), minlength=4) / spikes[:, mean == m].size for m in (0.2, 2.0)]
    )
    weights = np.array([(mean == 0.2).mean(), (mean == 2.0).mean()])
    truth = entropy(weights @ p) - weights @ [entropy(row) for row in p]
    found = spike_information(spikes, dt=1.0, word_lengths=(1, 2))
    assert found.rate == pytest.approx(truth, rel=0.1)
    assert spike_information(spikes > 0, dt=1.0, word_lengths=(1, 2)).rate < found.rate - 0.02


def test_two_hundred_thousand_words_take_little_time():
    spikes = np.random.default_rng(6).random((100, 2000)) < 0.1
    spike_information(spikes[:8, :50], dt=0.01)
    start = time.process_time()
    spike_information(spikes, dt=0.01)
    assert time.process_time() - start < 2


def test_what_is_refused():
    spikes = np.random.default_rng(7).random((10, 50)) < 0.3
    for wrong in (spikes[0], spikes * 0.5, spikes[:5], spikes[:, :6], -spikes.astype(int)):
        with pytest.raises(InputError, match="spikes="):
            spike_information(wrong, dt=0.01)
    for wrong in ((1,), (1, 1), (0, 1), (1, 21)):
        with pytest.raises(InputError, match="word_lengths="):
            spike_information(spikes, dt=0.01, word_lengths=wrong)
    with pytest.raises(InputError, match="dt="):
        spike_information(spikes, dt=0.0)
    with pytest.raises(InputError, match="n_parts="):
        spike_information(spikes, dt=0.01, n_parts=2)
