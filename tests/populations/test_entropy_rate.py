import time
from collections import Counter, defaultdict

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.entropy_rate import entropy_rate


def by_hand(symbols, *, order, holdout):
    """The definition, with dictionaries."""
    symbols = list(symbols)
    n = len(symbols)
    n_train = n - round(holdout * n)
    counts = defaultdict(Counter)
    for k in range(order + 1):
        for t in range(k, n_train):
            counts[tuple(symbols[t - k : t])][symbols[t]] += 1
    alphabet = set(symbols)

    def probability(symbol, before, k):
        if k < 0:
            return 1 / len(alphabet)
        shorter = probability(symbol, before, k - 1)
        followers = counts[tuple(before[len(before) - k :])]
        total = sum(followers.values())
        return (followers[symbol] + len(followers) * shorter) / (total + len(followers)) if total else shorter

    # What is given has to be a distribution.
    before = symbols[n_train - order : n_train]
    assert sum(probability(s, before, order) for s in alphabet) == pytest.approx(1)
    held = [probability(symbols[t], symbols[t - order : t], order) for t in range(n_train, n)]
    return -np.mean(np.log2(held))


@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_it_is_the_definition(order):
    rng = np.random.default_rng(order)
    for n, n_symbols, holdout in ((40, 2, 0.2), (300, 5, 0.5), (300, 30, 0.1), (60, 50, 0.3)):
        x = rng.integers(n_symbols, size=n)
        x[n // 2 :: 2] = x[0]
        assert entropy_rate(x, order=order, holdout=holdout) == pytest.approx(
            by_hand(x, order=order, holdout=holdout), rel=1e-12
        )


def test_names_do_not_matter():
    text = "the cat sat on the mat and the dog sat on the cat " * 4
    as_text, as_numbers = entropy_rate(list(text)), entropy_rate(np.frombuffer(text.encode(), np.uint8))
    assert as_text == as_numbers == entropy_rate(-1.5 * np.frombuffer(text.encode(), np.uint8))


def chain(transitions, n, rng):
    """A Markov chain, and its entropy rate."""
    p = np.asarray(transitions)
    w, v = np.linalg.eig(p.T)
    stationary = np.real(v[:, np.argmax(np.real(w))])
    stationary /= stationary.sum()
    safe = np.where(p > 0, p, 1)
    rate = -(stationary[:, None] * p * np.log2(safe)).sum()
    edges, draws = np.cumsum(p, axis=1), rng.random(n)
    x = np.zeros(n, dtype=int)
    for t in range(1, n):
        x[t] = np.searchsorted(edges[x[t - 1]][:-1], draws[t], side="right")
    return x, rate, -(stationary * np.log2(stationary)).sum()


def test_entropy_rates_of_markov_chains():
    rng = np.random.default_rng(0)
    for transitions in (
        [[0.9, 0.1], [0.3, 0.7]],
        rng.dirichlet([0.3] * 4, size=4),
        [[0, 1, 0], [0, 0.5, 0.5], [1, 0, 0]],
    ):
        x, rate, frequencies = chain(transitions, 100_000, rng)
        assert entropy_rate(x, order=0) == pytest.approx(frequencies, abs=0.02)
        for order in (1, 3):
            assert entropy_rate(x, order=order) == pytest.approx(rate, abs=0.02)
        assert entropy_rate(rng.permutation(x), order=3) == pytest.approx(frequencies, abs=0.02)
        assert rate < frequencies - 0.1


def test_a_dependence_farther_back_than_the_order_is_not_seen():
    rng = np.random.default_rng(1)
    x = np.empty(50_000, dtype=int)
    x[:3] = 0
    coin = rng.random(len(x)) < 0.1
    for t in range(3, len(x)):
        x[t] = x[t - 2] ^ x[t - 3] ^ coin[t]
    h = -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))
    assert entropy_rate(x, order=2) == pytest.approx(1, abs=0.02)
    assert entropy_rate(x, order=3) == pytest.approx(h, abs=0.02)
    assert entropy_rate(x, order=5) == pytest.approx(h, abs=0.02)


def test_what_was_never_seen_costs_bits_not_infinity():
    x = np.r_[np.zeros(80, dtype=int), np.arange(20)]
    assert np.isfinite(entropy_rate(x, order=3))
    assert entropy_rate(x, order=3) > np.log2(20)
    assert entropy_rate(np.zeros(50, dtype=int)) == 0.0


def test_a_million_symbols_take_seconds():
    x = np.random.default_rng(0).integers(30, size=1_000_000)
    start = time.process_time()
    assert entropy_rate(x, order=2) == pytest.approx(np.log2(30), abs=0.05)
    assert time.process_time() - start < 6


def test_what_is_refused():
    x = np.arange(20) % 3
    for wrong in (x.reshape(4, 5), np.where(x > 1, np.nan, x), x[:5], x[:0]):
        with pytest.raises(InputError, match="symbols="):
            entropy_rate(wrong)
    with pytest.raises(InputError, match="order="):
        entropy_rate(x, order=-1)
    for holdout in (0.0, 1.0):
        with pytest.raises(InputError, match="holdout="):
            entropy_rate(x, holdout=holdout)
