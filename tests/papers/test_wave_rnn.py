import numpy as np

from multiunit.papers.wave_rnn import CHANCE, _draw, updates_to


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("wave-rnn")
    # Over a gap of 5, eighty updates are enough for a wave to know something, and for nothing else.
    assert result.measured["error"] < 0.95 * CHANCE
    assert 0.8 < result.measured["speed"] < 1.2
    assert result.control["identity_error"] > 0.95 * CHANCE
    assert result.control["dealt_error"] > 0.95 * CHANCE
    assert result.control["standing_speed"] == 0.0


def test_dealt_answers_belong_to_another_sequence():
    true = _draw(20, np.random.default_rng(1), gap=3)
    dealt = _draw(20, np.random.default_rng(1), gap=3, dealt=True)
    np.testing.assert_array_equal(true.tokens, dealt.tokens)
    np.testing.assert_array_equal(dealt.targets[1:], true.targets[:-1])
    assert (dealt.targets != true.targets).any(1).all()


def test_updates_are_counted_to_the_first_low_mean():
    losses = np.r_[np.full(50, 2.0), np.zeros(50)]
    assert updates_to(1.0, losses, width=10) == 55
    assert updates_to(2.0, losses, width=10) == 10
    assert updates_to(-1.0, losses, width=10) == 101
