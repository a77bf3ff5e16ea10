import numpy as np

from multiunit.papers.ca3_content_addressable_memory import random_contents, relearning


def test_smoke_scale_recalls_and_the_controls_do_not(smoke_claim):
    result = smoke_claim("ca3-content-addressable-memory")
    assert result.measured["recalled"] == result.measured["recalled_after_relearning"] == 1
    assert result.control["recalled_without_strengthening"] == 0
    assert result.control["relearned_without_weakening"] < 0.5


def test_random_contents_have_a_fifth_of_the_cells_each():
    contents = random_contents(6, 20, np.random.default_rng(0))
    assert contents.sum(axis=1).tolist() == [4] * 6
    assert len({tuple(content) for content in contents.astype(int)}) > 1


def test_cues_that_are_not_learned_anew_do_not_count_as_relearned():
    first = np.eye(3, 6, dtype=bool)
    second = first.copy()
    second[0] = [0, 0, 0, 1, 1, 0]
    assert relearning(first, second, depression=0.0)["relearned_recalled"] == 0
    assert relearning(first, second)["relearned_recalled"] == 1
