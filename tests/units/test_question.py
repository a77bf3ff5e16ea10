"""A question that contradicts itself is refused before anything runs."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.question import Question


def test_a_question_is_frozen():
    question = Question(by="language", labels=("en", "fr"))
    with pytest.raises(AttributeError):
        question.by = "topic"


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        ({"by": "langage", "labels": ("a",), "columns": ("language",)}, "by"),
        ({"by": "language"}, "labels"),
        ({"by": "language", "labels": ("a", "a")}, "labels"),
        ({"n_positions": -1}, "n_positions"),
        ({"vocabularies": {2: np.zeros((3, 1), dtype=int)}}, "vocabularies"),
    ],
)
def test_contradictions_are_named(wrong, argument):
    with pytest.raises(InputError) as caught:
        Question(**wrong)
    assert caught.value.argument == argument
