import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.pattern_detector import homeostatic_threshold, paired_weights


def test_weights_are_those_of_a_sum_over_all_pairs():
    rng = np.random.default_rng(0)
    patterns = rng.random((12, 8)) < 0.4
    after = np.where(rng.random(12) < 0.6, rng.uniform(0.001, 0.099, 12), np.nan)
    found = paired_weights(patterns, after, a_plus=0.3, a_minus=0.2, tau=0.05)
    posts = [n * 0.1 + a for n, a in enumerate(after) if np.isfinite(a)]
    for j in range(8):
        pres = [n * 0.1 for n in range(12) if patterns[n, j]]
        w = 0.0
        for t, post in sorted([(t, False) for t in pres] + [(t, True) for t in posts]):
            near = sum(np.exp((s - t) / 0.05) for s in (pres if post else posts) if s < t)
            w = min(1.0, w + 0.3 * near) if post else max(0.0, w - 0.2 * near)
        assert found[j] == pytest.approx(w, rel=1e-9, abs=1e-12)


def test_the_learned_pattern_passes_and_one_with_an_input_missing_does_not():
    pattern = np.arange(100) < 20
    weights = paired_weights(pattern[None], np.array([0.002]))
    threshold = homeostatic_threshold(weights, pattern[None])
    assert weights @ pattern >= threshold
    assert weights @ (pattern & (np.arange(100) > 0)) < threshold


def test_what_is_refused():
    with pytest.raises(InputError, match="one time for each"):
        paired_weights(np.ones((2, 3)), np.array([0.1]))
    with pytest.raises(InputError, match="between 0"):
        paired_weights(np.ones((1, 3)), np.array([0.2]))
    with pytest.raises(InputError, match="below 1"):
        homeostatic_threshold(np.ones(3), np.ones((1, 3)), tolerance=1.0)
