import numpy as np
import pytest

from multiunit.learning.attention_svm import attention_svm
from multiunit.papers.transformers_as_svm import cosine, draw, excess_nuclear


def test_smoke_scale_runs_and_weights_turn_to_the_right_solution(smoke_claim):
    result = smoke_claim("transformers-as-svm")
    assert result.measured["cosine"] > 0.95
    assert result.control["wrong_tokens_cosine"] < 0.5
    assert result.measured["factors_nuclear_excess"] < result.control["whole_nuclear_excess"]


def test_excess_is_one_for_the_least_weights_and_more_for_others():
    problem = draw(8, np.random.default_rng(0))
    selected = problem.best()
    least, other = (
        attention_svm(problem.tokens, problem.queries, selected=selected, norm=norm).weights
        for norm in ("nuclear", "frobenius")
    )
    assert excess_nuclear(problem, 3 * least, selected, least) == pytest.approx(1)
    assert excess_nuclear(problem, other, selected, least) > 1.01
    assert cosine(least, -2 * least) == pytest.approx(-1)
