from itertools import combinations, pairwise
from math import exp, log

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.subword_encoder import (
    END,
    SubwordEncoder,
    byte_pair_merges,
    count_pieces,
    counted,
    merge_in_order,
    piece_costs,
    segment,
)


def all_ways(word: str, costs: dict[str, float]) -> list[tuple[str, ...]]:
    """Every way to cut a word into known pieces, from all subsets of its inner places."""
    n, ways = len(word), []
    for k in range(n):
        for cuts in combinations(range(1, n), k):
            ends = (0, *cuts, n)
            pieces = tuple(word[a:b] for a, b in pairwise(ends))
            if all(piece in costs for piece in pieces):
                ways.append(pieces)
    return ways


@pytest.mark.parametrize("max_pieces", [1, 2, 3, 4, None])
def test_no_way_is_cheaper(max_pieces):
    rng = np.random.default_rng(0)
    n_limited = 0
    for _ in range(60):
        word = "".join(rng.choice(list("abc"), size=rng.integers(1, 9)))
        parts = sorted({word[i:j] for i in range(len(word)) for j in range(i + 1, len(word) + 1)})
        costs = {part: float(rng.exponential()) for part in parts if len(part) == 1 or rng.random() < 0.5}
        ways = all_ways(word, costs)
        allowed = [way for way in ways if max_pieces is None or len(way) <= max_pieces]
        n_limited += len(allowed) < len(ways)
        if not allowed:
            fewest = min(map(len, ways))
            allowed = [way for way in ways if len(way) == fewest]
        assert segment(word, costs, max_pieces=max_pieces) == min(
            allowed, key=lambda way: sum(costs[piece] for piece in way)
        )
    assert (n_limited > 5) == (max_pieces is not None)


def test_of_equal_ways_the_one_of_fewest_pieces_is_taken():
    assert segment("ab", {"a": 1.0, "b": 1.0, "ab": 2.0}) == ("ab",)


def test_costs_are_those_of_a_distribution():
    costs = piece_costs({"a": 5, "b": 2, "zz": 100}, ["a", "b", "c", "b"])
    assert sum(exp(-cost) for cost in costs.values()) == pytest.approx(1)
    assert costs["a"] == pytest.approx(-log(5.5 / 8.5))


def naive_merges(text: dict[str, int], n_merges: int) -> list[tuple[str, str]]:
    """All pairs are counted anew each time, and merged by replacing spaced text."""
    spelled = {f" {' '.join(word)} ": count for word, count in text.items()}
    merges = []
    for _ in range(n_merges):
        counts: dict[tuple[str, str], int] = {}
        for word, count in spelled.items():
            pieces = word.split()
            for pair in pairwise(pieces):
                counts[pair] = counts.get(pair, 0) + count
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        spelled = {word.replace(f" {best[0]} {best[1]} ", f" {''.join(best)} "): n for word, n in spelled.items()}
    return merges


def test_merges_are_those_of_counting_anew():
    rng = np.random.default_rng(1)
    # Three letters: no pair of equal pieces stands three times in a row, which replacing text would miss.
    words = ["".join(rng.permutation(list("abcdef"))[: rng.integers(1, 6)]) for _ in range(80)]
    for n_merges in (3, 30, 500):
        assert byte_pair_merges(words, n_merges=n_merges) == naive_merges(counted(words), n_merges)


def test_merges_in_order_cut_the_words_they_were_learned_from_as_they_were_cut_there():
    assert merge_in_order("aaa_", [("a", "a")]) == ("aa", "a", "_")
    merges = byte_pair_merges({"banana": 3, "bandana": 2, "band": 4}, n_merges=100)
    assert [merge_in_order(w + END, merges) for w in ("banana", "band")] == [("banana_",), ("band_",)]
    assert merge_in_order("xyz_", merges) == ("x", "y", "z", "_")


STEMS = ("walk", "jump", "talk", "mend", "print", "climb")
ENDINGS = ("ed", "ing", "s", "er", "able")


def test_planted_stems_and_endings_are_found():
    words = [stem + ending for stem in STEMS for ending in ENDINGS]
    n_characters = len(set("".join(words))) + 1
    encoder = SubwordEncoder(vocab_size=n_characters + len(STEMS) + len(ENDINGS), max_pieces=2).fit(words)
    for stem in STEMS:
        for ending in ENDINGS:
            assert encoder.encode(stem + ending) == (stem, ending + END)
    assert {piece for piece in encoder.costs_ if len(piece) > 1} == {*STEMS, *(ending + END for ending in ENDINGS)}


def test_the_likelihood_is_that_of_the_best_pieces_and_counts_are_repetitions():
    counts = {"banana": 3, "band": 2, "anna": 1}
    encoder = SubwordEncoder(vocab_size=9, max_pieces=3).fit(counts)
    again = SubwordEncoder(vocab_size=9, max_pieces=3).fit([w for w, n in counts.items() for _ in range(n)])
    assert encoder.costs_ == again.costs_
    assert len(encoder.costs_) == 9
    assert sum(exp(-cost) for cost in encoder.costs_.values()) == pytest.approx(1)
    wanted = -sum(n * sum(encoder.costs_[p] for p in encoder.encode(w)) for w, n in counts.items())
    assert encoder.log_likelihood(counts) == pytest.approx(wanted)


def test_more_pieces_to_choose_from_make_a_text_likelier():
    words = [stem + ending for stem in STEMS for ending in ENDINGS]
    likelihoods = [SubwordEncoder(vocab_size=size).fit(words).log_likelihood(words) for size in (20, 26, 32)]
    assert likelihoods == sorted(likelihoods)


def test_pieces_are_counted_with_their_words():
    assert count_pieces({"ab_": ("a", "b_"), "a_": ("a", "_")}, {"ab_": 3, "a_": 1}) == {"a": 4, "b_": 3, "_": 1}


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("word", lambda: segment("", {})),
        ("word", lambda: segment("abc", {"ab": 1.0})),
        ("max_pieces", lambda: segment("a", {"a": 1.0}, max_pieces=0)),
        ("words", lambda: counted([])),
        ("words", lambda: counted(["a_b"])),
        ("words", lambda: counted(["a", ""])),
        ("n_iter", lambda: SubwordEncoder(n_iter=0)),
        ("vocab_size", lambda: SubwordEncoder(vocab_size=3).fit(["abc"])),
        ("word", lambda: SubwordEncoder().fit(["abc"]).encode("abx")),
    ],
)
def test_bad_input_is_named(named, call):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == named
