"""Languages that say the same things with other words: sequences whose language and meaning are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Languages:
    """What the languages share, and how each one says it.

    Args:
        lexicon: `(language, concept)` the token by which a language says a concept.
        families: `(language,)` the family of each language.
        transitions: `(concept, concept)` P(next concept | concept), the same in every language: the semantics.
        n_tokens: size of the vocabulary of all languages together.
    """

    lexicon: np.ndarray
    families: np.ndarray
    transitions: np.ndarray
    n_tokens: int

    @property
    def names(self) -> list[str]:
        """Names such as "a0" and "a1": the letter is the family."""
        seen: dict[int, int] = {}
        out = []
        for family in self.families.tolist():
            seen[family] = seen.get(family, -1) + 1
            out.append(f"{chr(97 + family)}{seen[family]}")
        return out

    def say(self, meaning: np.ndarray, language: int) -> np.ndarray:
        """A sequence of concepts as tokens of one language."""
        return self.lexicon[language][meaning]

    def mean(self, n_concepts: int, rng: np.random.Generator) -> np.ndarray:
        """A sequence of concepts drawn from the semantics."""
        cumulative = self.transitions.cumsum(axis=1)
        cumulative[:, -1] = 1.0
        meaning = np.empty(n_concepts, dtype=np.int64)
        meaning[0] = rng.integers(len(self.transitions))
        for t in range(1, n_concepts):
            meaning[t] = np.searchsorted(cumulative[meaning[t - 1]], rng.random())
        return meaning


def random_languages(
    *,
    n_families: int = 3,
    n_per_family: int = 2,
    n_concepts: int = 24,
    n_successors: int = 3,
    cognates: float = 0.8,
    shared_surface: bool = False,
    random_state: int | np.random.Generator = 0,
) -> Languages:
    """Draw a semantics, and for every family a lexicon from which its members differ in a few words.

    Args:
        n_families: families.
        n_per_family: languages a family.
        n_concepts: concepts, the same for all.
        n_successors: concepts that may follow a concept.
        cognates: share of the words that a language has in common with its family, in [0, 1].
        shared_surface: False: a word belongs to one language, or as a cognate to one family. True: all languages
            use the same tokens, each for other concepts, so that a token alone does not tell the language.
        random_state: draws everything.

    Raises:
        InputError: for a count below 1, or a share outside [0, 1].

    >>> languages = random_languages(n_families=2, n_concepts=10, cognates=0.8)
    >>> a0, a1, b0, b1 = languages.lexicon
    >>> (a0 == a1).mean(), np.isin(a0, [b0, b1]).any()
    (np.float64(0.8), np.False_)
    """
    counts = {"n_families": n_families, "n_per_family": n_per_family, "n_concepts": n_concepts}
    for name, value in (counts | {"n_successors": n_successors}).items():
        if value < 1:
            raise InputError(name, value, "must be at least 1")
    if not 0 <= cognates <= 1:
        raise InputError("cognates", cognates, "must lie in [0, 1]")
    if n_successors > n_concepts:
        raise InputError("n_successors", n_successors, f"there are only {n_concepts} concepts")
    rng = np.random.default_rng(random_state)
    transitions = np.zeros((n_concepts, n_concepts))
    for concept in range(n_concepts):
        followers = rng.permutation(n_concepts)[:n_successors]
        transitions[concept, followers] = rng.dirichlet(np.full(n_successors, 2.0))
    n_own = round((1 - cognates) * n_concepts)
    lexicon: list[np.ndarray] = []
    n_tokens = n_concepts if shared_surface else 0
    for _ in range(n_families):
        if shared_surface:
            ancestor = rng.permutation(n_concepts)
        else:
            ancestor = n_tokens + np.arange(n_concepts)
            n_tokens += n_concepts
        for member in range(n_per_family):
            words, own = ancestor.copy(), rng.permutation(n_concepts)[: n_own if member else 0]
            if shared_surface:
                words[own] = np.roll(words[own], 1)
            else:
                words[own] = n_tokens + np.arange(len(own))
                n_tokens += len(own)
            lexicon.append(words)
    families = np.repeat(np.arange(n_families), n_per_family)
    return Languages(np.stack(lexicon), families, transitions, n_tokens)


def synthetic_languages(
    languages: Languages,
    *,
    n_sequences: int,
    length: int = 24,
    shares: np.ndarray | None = None,
    parallel: bool = False,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw sequences of the languages.

    Args:
        languages: from `random_languages`.
        n_sequences: sequences in all; with `parallel`, meanings, each said in every language.
        length: tokens a sequence.
        shares: `(language,)` how often each language is drawn; equally often if not given. Ignored by `parallel`.
        parallel: say every meaning in every language.
        random_state: draws meanings and languages.

    Returns:
        One row a sequence: `stimulus` int64 `(length,)`, `stimulus_id`, `language` ("a0"), `family` ("a"),
        `meaning_id` (the same for translations).

    Raises:
        InputError: for no sequences, a length below 2, or shares that fit no language.

    >>> frame = synthetic_languages(random_languages(), n_sequences=2, length=5, parallel=True)
    >>> frame["language"].tolist()[:6], frame["meaning_id"].tolist()[:6]
    (['a0', 'a1', 'b0', 'b1', 'c0', 'c1'], [0, 0, 0, 0, 0, 0])
    """
    if n_sequences < 1 or length < 2:
        name, value = ("n_sequences", n_sequences) if n_sequences < 1 else ("length", length)
        raise InputError(name, value, "needs at least one sequence of two tokens")
    rng = np.random.default_rng(random_state)
    n_languages = len(languages.lexicon)
    weights = np.ones(n_languages) if shares is None else np.asarray(shares, dtype=float)
    if weights.shape != (n_languages,) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum():
        raise InputError("shares", shares, f"needs {n_languages} weights of at least 0, not all 0")
    rows = []
    for meaning_id in range(n_sequences):
        meaning = languages.mean(length, rng)
        said_in = range(n_languages) if parallel else [int(rng.choice(n_languages, p=weights / weights.sum()))]
        for language in said_in:
            name = languages.names[language]
            rows.append((languages.say(meaning, language), name, name[0], meaning_id))
    frame = pd.DataFrame(rows, columns=["stimulus", "language", "family", "meaning_id"])
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame
