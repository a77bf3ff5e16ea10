import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.repeated_pairs import paired_text, repeated_pairs


def test_answers_follow_the_earlier_name_and_twins_have_none():
    prompts = repeated_pairs(50, n_names=20, length=9, random_state=1)
    for row in prompts.itertuples():
        tokens = list(row.stimulus)
        assert row.foil in tokens
        assert row.foil not in (row.answer, tokens[-1])
        if row.solvable:
            assert tokens[tokens.index(tokens[-1]) + 1] == row.answer
            assert len(set(tokens)) == 8
        else:
            assert len(set(tokens)) == 9
    for _, twins in prompts.groupby("pair"):
        a, b = twins["stimulus"]
        assert (a[:-1] == b[:-1]).all()


def test_within_a_text_the_first_name_tells_the_second():
    for text in paired_text(200, n_names=40, length=32, bigrams=0.0, fillers=0.0, random_state=0):
        pairs = np.unique(text.reshape(-1, 2), axis=0)
        assert len(np.unique(pairs)) == 2 * len(pairs)


def test_single_names_stand_between_pairs():
    """Without them a name keeps to odd or even places; with them it does not."""
    for fillers, kept in ((0.0, True), (0.3, False)):
        text = paired_text(1, length=400, n_names=300, bigrams=0.0, fillers=fillers)[0]
        places = np.arange(400) % 2
        assert all(len(set(places[text == name])) == 1 for name in set(text)) == kept


def test_the_table_rules_as_many_pairs_as_asked():
    def most_frequent_follower(bigrams):
        pairs = np.concatenate(
            [text.reshape(-1, 2) for text in paired_text(1500, n_names=30, bigrams=bigrams, fillers=0.0)]
        )
        table = np.zeros((30, 30))
        np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
        return (table.max(axis=1) / table.sum(axis=1)).mean()

    assert 0.65 < most_frequent_follower(0.7) < 0.8
    assert most_frequent_follower(0.0) < 0.15


def test_bad_input_is_named():
    for call, named in (
        (lambda: repeated_pairs(0), "n_pairs"),
        (lambda: repeated_pairs(1, length=3), "length"),
        (lambda: repeated_pairs(1, n_names=5, length=6), "n_names"),
        (lambda: paired_text(1, bigrams=2), "bigrams"),
        (lambda: paired_text(0), "n_texts"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.argument == named
