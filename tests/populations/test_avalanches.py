import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.avalanches import avalanches


def by_hand(total):
    found, run, begun = [], [], False
    for n in total:
        if n:
            run.append(n)
        else:
            if run and begun:
                found.append((sum(run), len(run)))
            run, begun = [], True
    return found


def test_runs_between_silent_bins():
    rng = np.random.default_rng(0)
    for rate in (0.05, 0.2, 0.6):
        counts = rng.poisson(rate, size=(300, 4))
        found = avalanches(counts)
        assert list(zip(found["size"].values, found["duration"].values, strict=True)) == by_hand(counts.sum(axis=1))
    for counts in (np.ones((5, 2)), np.zeros((5, 2))):
        assert avalanches(counts).sizes["avalanche"] == 0
        assert np.isnan(avalanches(counts)["size_exponent"])


def test_planted_exponents_are_found():
    rng = np.random.default_rng(0)
    for alpha in (1.6, 2.0, 3.0):
        sizes = np.minimum(rng.zipf(alpha, size=4000), 10**6)
        counts = np.zeros((2 * len(sizes) + 1, 1))
        counts[1::2, 0] = sizes
        assert float(avalanches(counts)["size_exponent"]) == pytest.approx(alpha, rel=0.03)


def test_branching_at_the_critical_point_has_the_known_exponents():
    """Trees of one ancestor in which each event has Poisson(1) offspring: sizes 3/2, durations 2, in their tails."""
    rng = np.random.default_rng(0)
    total = []
    for _ in range(3000):
        n = 1
        while n and len(total) < 10**6:
            total.append(n)
            n = rng.poisson(n)
        total.append(0)
    found = avalanches(np.array([0, *total])[:, None])
    sizes, durations = np.sort(found["size"].values), np.sort(found["duration"].values)
    for x, slope, low, high in ((sizes, 0.5, 10, 1000), (durations, 1.0, 5, 50)):
        tail = [(x >= at).mean() for at in (low, high)]
        assert np.log(tail[0] / tail[1]) / np.log(high / low) == pytest.approx(slope, abs=0.1)


def test_what_is_refused():
    for counts in (np.zeros(5), np.zeros((0, 2)), -np.ones((3, 2)), np.full((3, 2), np.nan)):
        with pytest.raises(InputError, match="activity"):
            avalanches(counts)
