import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.lempel_ziv import lempel_ziv_complexity, lempel_ziv_phrases


def _by_text(text):
    """The definition, on strings: grow the phrase while it can be found before its last letter."""
    count, i = 0, 0
    while i < len(text):
        end = i + 1
        while end < len(text) and text[i:end] in text[: end - 1]:
            end += 1
        count, i = count + 1, end
    return count


@pytest.mark.parametrize(
    ("text", "phrases"),
    [("1001111011000010", 6), ("0001101001000101", 6), ("0", 1), ("01", 2), ("0101010101", 3), ("11111", 2)],
)
def test_known_strings(text, phrases):
    x = np.array([int(d) for d in text])
    assert lempel_ziv_phrases(x).item() == phrases
    assert _by_text(text) == phrases


def test_it_is_the_definition():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 10, 47, 200):
        for p in (0.02, 0.2, 0.5):
            x = rng.random((10, n)) < p
            expected = [_by_text("".join(str(int(v)) for v in row)) for row in x]
            assert lempel_ziv_phrases(x).tolist() == expected
    letters = rng.integers(4, size=(5, 60))
    assert lempel_ziv_phrases(letters).tolist() == [_by_text("".join(map(str, row))) for row in letters]


def test_it_is_near_the_entropy_rate():
    rng = np.random.default_rng(0)
    for p in (0.1, 0.3, 0.5):
        entropy = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
        assert lempel_ziv_complexity(rng.random(20_000) < p) == pytest.approx(entropy, rel=0.15)


def test_order_counts_and_names_do_not():
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.random((20, 100)) < 0.3, 4, axis=1)
    assert lempel_ziv_complexity(bursts).mean() < 0.6 * lempel_ziv_complexity(rng.permuted(bursts, axis=1)).mean()
    assert (lempel_ziv_phrases(bursts) == lempel_ziv_phrases(~bursts)).all()
    assert lempel_ziv_complexity(bursts.reshape(4, 5, 400)).shape == (4, 5)


def test_what_is_refused():
    for x in (np.zeros((3, 0), bool), np.array([0.5, 1.0]), np.array(1)):
        with pytest.raises(InputError, match="x="):
            lempel_ziv_phrases(x)
    with pytest.raises(InputError, match="0 and 1"):
        lempel_ziv_complexity(np.array([0, 1, 2]))
