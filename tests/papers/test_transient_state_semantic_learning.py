import numpy as np

from multiunit.papers.transient_state_semantic_learning import bars_learned
from multiunit.tasks.bars import single_bars

PAIRS = [(0, 1), (2, 3), (4, 5)]


def test_smoke_scale_wanders_through_its_cliques(smoke_claim):
    result = smoke_claim("transient-state-semantic-learning")
    assert result.measured["time_in_cliques"] > 0.9
    assert 0 < result.measured["time_of_learning"] < 0.3


def test_planted_fields_are_counted_and_mixed_ones_are_not():
    patterns = single_bars(4).reshape(8, 16) / 4
    fields = np.stack([patterns[0], patterns[5], patterns[0] + patterns[1]]) * 0.2
    found = bars_learned(np.repeat(fields, 2, axis=0), PAIRS)
    assert found["bars"] == 2 / 8
    # A row gives its columns a quarter; two rows give nobody the lead.
    assert np.isclose(found["selectivity"], (0.75 + 0.75 + 0) / 3)


def test_weak_fields_and_two_cliques_for_one_bar_are_not_counted_as_more():
    patterns = single_bars(4).reshape(8, 16) / 4
    assert bars_learned(np.repeat(patterns[:3] * 0.09, 2, axis=0), PAIRS)["bars"] == 0
    assert bars_learned(np.repeat(patterns[[2, 2, 4]] * 0.2, 2, axis=0), PAIRS)["bars"] == 2 / 8
    assert bars_learned(np.zeros((6, 16)), PAIRS) == {"bars": 0, "selectivity": 0}
