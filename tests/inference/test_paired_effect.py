import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference import false_discovery, paired_effect


def test_the_interval_covers_the_truth_at_its_confidence():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        before = rng.normal(size=60)
        found = paired_effect(before + rng.normal(0.3, 1, size=60), before, n_resamples=300, random_state=rng)
        covered += found.low <= 0.3 <= found.high
    assert 180 <= covered <= 199


def test_bad_input():
    with pytest.raises(InputError, match="at least two"):
        paired_effect([1.0], [2.0])
    with pytest.raises(InputError, match="NaN"):
        paired_effect([1.0, np.nan], [2.0, 1.0])


def test_q_values_keep_the_rate_of_false_discoveries():
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(200):
        p = np.concatenate([rng.uniform(size=80), rng.beta(0.05, 20, size=20)])
        found = false_discovery(p) < 0.1
        rates.append(found[:80].sum() / max(1, found.sum()))
    assert np.mean(rates) < 0.1
    assert (false_discovery(p, method="by") >= false_discovery(p)).all()
    with pytest.raises(InputError, match="between 0 and 1"):
        false_discovery([1.5])
