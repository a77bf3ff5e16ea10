import numpy as np

from multiunit.papers.positional_attention import shuffled
from multiunit.tasks.number_lists import number_lists


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("positional-attention")
    assert result.measured["error_1"] < 0.8 * np.square(number_lists("sum", 2000, length=4).targets).mean()
    assert result.measured["error_1"] < result.control["shuffled_error_1"]
    assert all(np.isfinite(list(result.control.values())))


def test_shuffling_moves_numbers_and_answers_together():
    lists = number_lists("sum", 200)
    mixed = shuffled(lists, np.random.default_rng(0))
    assert not np.array_equal(mixed.inputs, lists.inputs)
    for row in range(200):
        answers = dict(zip(lists.inputs[row, :, 0], lists.targets[row, :, 0], strict=True))
        assert dict(zip(mixed.inputs[row, :, 0], mixed.targets[row, :, 0], strict=True)) == answers
    # The first number's answer is itself; where it stands now is any position.
    first = (mixed.inputs == mixed.targets)[..., 0].argmax(1)
    assert set(first) == set(range(8))
