import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.in_context_lookup import N_TOKENS, NUMBERS, in_context_lookup


@pytest.mark.parametrize("task", ["names", "colours", "place"])
def test_the_key_holds_the_answer_and_the_corrupted_prompt_asks_for_the_foil(task):
    pairs = in_context_lookup(task, 50, random_state=1)
    for row in pairs.itertuples():
        assert len(row.clean) == len(row.corrupted)
        assert max(row.clean.max(), row.answer) < N_TOKENS
        assert row.clean[row.key] == row.answer
        assert row.key not in row.others
        assert row.answer not in row.clean[row.others]
        assert row.foil in row.clean
        assert row.foil != row.answer
    assert set(pairs["task"]) == {task}


def test_the_name_is_the_one_not_repeated():
    pairs = in_context_lookup("names", 50, random_state=2)
    for row in pairs.itertuples():
        for prompt, answer in ((row.clean, row.answer), (row.corrupted, row.foil)):
            names, counts = np.unique(prompt[[1, 3, 5]], return_counts=True)
            assert names[counts == 1].tolist() == [answer]
    assert set(pairs["key"]) == {1, 3}


def test_the_colour_is_that_of_the_object_asked_for():
    for row in in_context_lookup("colours", 30).itertuples():
        for prompt, answer in ((row.clean, row.answer), (row.corrupted, row.foil)):
            listed = dict(zip(prompt[1:7:2].tolist(), prompt[2:8:2].tolist(), strict=True))
            assert listed[int(prompt[-1])] == answer


def test_the_place_is_always_the_same():
    for row in in_context_lookup("place", 30).itertuples():
        assert (row.clean[4], row.corrupted[4]) == (row.answer, row.foil)


def test_the_number_is_larger():
    for row in in_context_lookup("greater", 50).itertuples():
        assert row.answer > row.clean[1] == row.foil
        assert row.corrupted[1] == NUMBERS.start


def test_the_draw_depends_on_the_seed_alone():
    one, same, other = (np.stack(list(in_context_lookup("names", 9, random_state=s)["clean"])) for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_what_is_wrong_is_named():
    with pytest.raises(InputError, match="task"):
        in_context_lookup("songs", 1)
    with pytest.raises(InputError, match="n_pairs"):
        in_context_lookup("names", 0)
