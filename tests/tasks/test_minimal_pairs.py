import pytest

from multiunit.core.errors import InputError
from multiunit.tasks import grammatical_pairs, localizer_texts


def test_conditions_are_matched_letter_by_letter():
    frame = localizer_texts(50)
    assert len(frame) == 150
    for _, item in frame.groupby("item"):
        texts = item.set_index("condition")["stimulus"].str.lower().str.rstrip(".")
        sentence, words, letters = (texts[c].split() for c in ("sentences", "word lists", "non-words"))
        assert len(sentence) in (11, 12, 13)
        assert sorted(sentence) == sorted(words)
        assert sentence != words
        assert all(sorted(a) == sorted(b) for a, b in zip(sentence, letters, strict=True))
        assert sum(a == b for a, b in zip(sentence, letters, strict=True)) <= 2  # "a" has no other order


def test_pairs_differ_in_one_place():
    frame = grammatical_pairs(40)
    assert frame.groupby("phenomenon")["pair"].nunique().tolist() == [10, 10, 10, 10]
    for _, pair in frame.groupby("pair"):
        good, bad = (pair[pair["grammatical"] == g]["stimulus"].item().lower().split() for g in (True, False))
        assert len(good) == len(bad)
        differ = [i for i, (a, b) in enumerate(zip(good, bad, strict=True)) if a != b]
        if pair["phenomenon"].iloc[0] == "order":
            assert len(differ) == 2
            assert differ[1] == differ[0] + 1
        else:
            assert len(differ) == 1


def test_seeded():
    for make in (localizer_texts, grammatical_pairs):
        a, b, c = (make(20, random_state=s)["stimulus"].tolist() for s in (0, 0, 1))
        assert a == b != c


@pytest.mark.parametrize("make", [localizer_texts, grammatical_pairs])
def test_bad_input_is_named(make):
    with pytest.raises(InputError, match="=0"):
        make(0)
