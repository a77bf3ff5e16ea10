"""Words cut into pieces: by the order of merges, or so that a text is most likely."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import inf, log

from multiunit.core.errors import InputError

# One character, so that a place in a word is a place in a text.
END = "_"


def segment(word: str, costs: Mapping[str, float], *, max_pieces: int | None = None) -> tuple[str, ...]:
    """Cut a word into at most `max_pieces` pieces of least total cost.

    The shortest path from node 0 to node n = len(word), with an edge (i, j) for each piece word[i:j], by Bellman and
    Ford's steps: best_t(j) = min_i best_{t-1}(i) + cost(word[i:j]), best_0(0) = 0; the least of best_t(n) over
    t <= max_pieces, the fewest pieces if several are as good. A word that needs more pieces gets as few as it needs.

    Args:
        word: any characters.
        costs: of each piece, such as -log of its probability.
        max_pieces: no limit by default.

    Raises:
        InputError: for an empty word, a limit below 1, or a word that these pieces cannot make.

    Source: Li, arXiv:2410.18441; reconstructed from the abstract. How a limit that cannot be met is exceeded is ours.

    >>> costs = {"a": 2.0, "b": 2.0, "ab": 3.0, "ba": 1.0}
    >>> segment("aba", costs), segment("abab", costs), segment("abab", costs, max_pieces=2)
    (('a', 'ba'), ('a', 'ba', 'b'), ('ab', 'ab'))
    """
    n = len(word)
    if not n:
        raise InputError("word", word, "is empty")
    if max_pieces is not None and max_pieces < 1:
        raise InputError("max_pieces", max_pieces, "must be at least 1")
    edges = [(i, j, costs[word[i:j]]) for i in range(n) for j in range(i + 1, n + 1) if word[i:j] in costs]
    best = [0.0] + [inf] * n
    came_from: list[list[int]] = []
    least, n_pieces = inf, 0
    for t in range(1, n + 1):
        if max_pieces is not None and t > max_pieces and least < inf:
            break
        before, best, back = best, [inf] * (n + 1), [0] * (n + 1)
        for i, j, cost in edges:
            if before[i] + cost < best[j]:
                best[j], back[j] = before[i] + cost, i
        came_from.append(back)
        if best[n] < least:
            least, n_pieces = best[n], t
    if least == inf:
        raise InputError("word", word, "cannot be made of these pieces; give the costs of all single characters")
    pieces: list[str] = []
    end = n
    for back in reversed(came_from[:n_pieces]):
        pieces.append(word[back[end] : end])
        end = back[end]
    return tuple(reversed(pieces))


def piece_costs(counts: Mapping[str, float], vocabulary: Iterable[str]) -> dict[str, float]:
    """Costs in nats: -log (count + 1/2) / (all counts + |vocabulary| / 2), so that no piece is impossible.

    >>> {piece: round(cost, 3) for piece, cost in piece_costs({"a": 3, "b": 1}, "abc").items()}
    {'a': 0.452, 'b': 1.299, 'c': 2.398}
    """
    vocabulary = list(dict.fromkeys(vocabulary))
    whole = log(sum(counts.get(piece, 0) for piece in vocabulary) + len(vocabulary) / 2)
    return {piece: whole - log(counts.get(piece, 0) + 0.5) for piece in vocabulary}


class SubwordEncoder:
    """Choose pieces, and cut words into them, so that a text becomes likely under independent pieces.

    All parts of words that occur twice or more are candidates, the ten times `vocab_size` that cover most text at
    first. Then, `n_iter` times: cut all words (`segment`), count the pieces, and drop those without which the text
    would become least unlikely: count times the cost of the piece's own pieces, less its own cost. Sizes fall in
    equal ratios to `vocab_size`. Single characters stay. Each word ends with `END`.

    Args:
        vocab_size: pieces to keep, single characters among them.
        max_pieces: most pieces of a word, where that is possible.
        n_iter: rounds.

    Attributes:
        costs_: of each piece, -log of its probability, in nats.

    Raises:
        InputError: for sizes below 1.

    Source: Li, arXiv:2410.18441, for the limit on pieces; reconstructed, with the pruning of Kudo, arXiv:1804.10959.

    >>> words = [stem + ending for stem in ("walk", "jump", "talk") for ending in ("ed", "ing", "s")]
    >>> encoder = SubwordEncoder(vocab_size=23, max_pieces=2).fit(words)
    >>> encoder.encode("jumped"), encoder.encode("talking")
    (('jump', 'ed_'), ('talk', 'ing_'))
    """

    def __init__(self, *, vocab_size: int = 500, max_pieces: int = 4, n_iter: int = 5) -> None:
        for name, value in (("vocab_size", vocab_size), ("max_pieces", max_pieces), ("n_iter", n_iter)):
            if value < 1:
                raise InputError(name, value, "must be at least 1")
        self.vocab_size, self.max_pieces, self.n_iter = vocab_size, max_pieces, n_iter

    def fit(self, words: Mapping[str, int] | Iterable[str]) -> SubwordEncoder:
        """Learn from words, each given as often as it occurs or with its count.

        Raises:
            InputError: for no words, a word that is empty or holds `END`, or more characters than `vocab_size`.
        """
        text = counted(words)
        characters = set().union(*text)
        if len(characters) > self.vocab_size:
            raise InputError("vocab_size", self.vocab_size, f"the words have {len(characters)} different characters")
        counts: Counter[str] = Counter()
        for word, count in text.items():
            for i in range(len(word)):
                for j in range(i + 1, len(word) + 1):
                    counts[word[i:j]] += count
        longer = [piece for piece, count in counts.items() if len(piece) > 1 and count > 1]
        longer.sort(key=lambda piece: (-counts[piece] * len(piece), piece))
        vocabulary = characters | set(longer[: 10 * self.vocab_size])
        shrink = (self.vocab_size / len(vocabulary)) ** (1 / self.n_iter)
        start = len(vocabulary)
        costs = piece_costs(counts, vocabulary)
        for k in range(1, self.n_iter + 1):
            counts = self._pieces(text, costs)
            costs = piece_costs(counts, costs)
            size = max(self.vocab_size, round(start * shrink**k))
            kept = self._most_useful(counts, costs, characters, size)
            costs = piece_costs(counts, kept)
        self.costs_ = piece_costs(self._pieces(text, costs), costs)
        return self

    def encode(self, word: str) -> tuple[str, ...]:
        """The pieces of a word, the last one with `END`.

        Raises:
            InputError: for an empty word, or a character that was not there in `fit`.
        """
        (marked,) = counted([word])
        return segment(marked, self.costs_, max_pieces=self.max_pieces)

    def log_likelihood(self, words: Mapping[str, int] | Iterable[str]) -> float:
        """Of all words together, in nats.

        Raises:
            InputError: as for `fit` and `encode`.
        """
        return -sum(count * self.costs_[piece] for piece, count in self._pieces(counted(words), self.costs_).items())

    def _pieces(self, text: Mapping[str, int], costs: Mapping[str, float]) -> Counter[str]:
        return count_pieces({word: segment(word, costs, max_pieces=self.max_pieces) for word in text}, text)

    @staticmethod
    def _most_useful(counts: Mapping[str, int], costs: dict[str, float], characters: set[str], size: int) -> list[str]:
        loss = {}
        for piece in sorted(set(costs) - characters):
            without = {key: value for key, value in _within(piece, costs).items() if key != piece}
            parts = segment(piece, without)
            loss[piece] = counts.get(piece, 0) * (sum(costs[part] for part in parts) - costs[piece])
        longer = sorted(loss, key=lambda piece: -loss[piece])
        return [*sorted(characters), *longer[: max(0, size - len(characters))]]


def counted(words: Mapping[str, int] | Iterable[str]) -> Counter[str]:
    """Words with `END`, and how often each occurs.

    Raises:
        InputError: for no words, or a word that is empty or holds `END`.

    >>> counted(["a", "be", "a"])
    Counter({'a_': 2, 'be_': 1})
    """
    plain = Counter(words)
    if not plain:
        raise InputError("words", "(none)", "give at least one word")
    for word in plain:
        if not word or END in word:
            raise InputError("words", word, f"needs one character or more, and none of them {END!r}")
    return Counter({word + END: count for word, count in plain.items()})


def count_pieces(pieces: Mapping[str, Sequence[str]], words: Mapping[str, int]) -> Counter[str]:
    """How often each piece occurs in words that occur so often.

    >>> count_pieces({"aab": ("a", "a", "b")}, {"aab": 2})
    Counter({'a': 4, 'b': 2})
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for piece in pieces[word]:
            counts[piece] += count
    return counts


def byte_pair_merges(words: Mapping[str, int] | Iterable[str], *, n_merges: int) -> list[tuple[str, str]]:
    """Merge the most frequent pair of neighbouring pieces, again and again, from single characters and `END` on.

    Of pairs that are as frequent the last in the alphabet goes first. There are fewer merges if no pair is left.

    Raises:
        InputError: as for `counted`.

    Source: Sennrich et al., arXiv:1508.07909.

    >>> byte_pair_merges({"low": 5, "slow": 2}, n_merges=2)
    [('w', '_'), ('o', 'w_')]
    """
    text = counted(words)
    pieces = {word: list(word) for word in text}
    counts: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def tally(word: str, sign: int) -> None:
        for pair in pairwise(pieces[word]):
            counts[pair] += sign * text[word]
            where[pair].add(word)

    for word in text:
        tally(word, 1)
    merges: list[tuple[str, str]] = []
    while len(merges) < n_merges:
        pair = max(counts, key=lambda pair: (counts[pair], pair), default=None)
        if pair is None or counts[pair] < 1:
            break
        merges.append(pair)
        for word in sorted(where.pop(pair)):
            tally(word, -1)
            pieces[word] = _merged(pieces[word], pair)
            tally(word, 1)
        del counts[pair]
    return merges


def merge_in_order(word: str, merges: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Cut a word as byte pair encoding does: each merge in turn, from left to right.

    >>> merge_in_order("slow_", [("w", "_"), ("o", "w_")])
    ('s', 'l', 'ow_')
    """
    pieces = list(word)
    for pair in merges:
        if len(pieces) == 1:
            break
        if pair[0] in pieces:
            pieces = _merged(pieces, pair)
    return tuple(pieces)


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    i = 0
    while i < len(pieces):
        joined = tuple(pieces[i : i + 2]) == pair
        merged.append(pieces[i] + pieces[i + 1] if joined else pieces[i])
        i += 2 if joined else 1
    return merged


def _within(word: str, costs: Mapping[str, float]) -> dict[str, float]:
    parts = {word[i:j] for i in range(len(word)) for j in range(i + 1, len(word) + 1)}
    return {part: costs[part] for part in parts if part in costs}
