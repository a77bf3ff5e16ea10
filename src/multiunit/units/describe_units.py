"""Labels in words: the phrase that says most about what drives a unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.observed import Measured, over_observed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@runtime_checkable
class Describer(Protocol):
    """What can say how likely a phrase is, with exemplars before it and without.

    An exemplar is whatever the describer looks at: a set of phrases for `PhraseStatistics`, a text or an image for a
    model (`ModelDescriber`).
    """

    def log_probability(self, phrases: Sequence[str], exemplars: Sequence[Any] | None = None) -> np.ndarray:
        """log p(phrase | exemplars) in nats, `(phrase,)`; without exemplars the prior log p(phrase)."""

    def propose(self, exemplars: Sequence[Any]) -> list[str]:
        """Phrases worth a look; they need not be in any order."""


class PhraseStatistics:
    """Describe by counting, without a model: draw a presentation, then one of the phrases that hold of it.

    p(d | E) = (sum over e in E of [d in e] / |e| + a p(d)) / (|E| + a), and p(d) is the same over the whole corpus with
    the uniform distribution in the place of p(d).

    Args:
        corpus: for every presentation - or a fair sample of them - the phrases that hold of it.
        smoothing: a, how many presentations the prior counts for.

    Raises:
        InputError: for a corpus without any phrase, or smoothing that is not above 0.

    >>> describer = PhraseStatistics([{"a", "vowel"}, {"b"}, {"c"}, {"e", "vowel"}])
    >>> describer.log_probability(["vowel", "b"], [{"a", "vowel"}, {"e", "vowel"}]).round(2).tolist()
    [-0.89, -2.55]
    """

    def __init__(self, corpus: Iterable[Collection[str]], *, smoothing: float = 1.0) -> None:
        if not smoothing > 0:
            raise InputError("smoothing", smoothing, "must be above 0: what was never seen is not impossible")
        self.smoothing = smoothing
        shown = list(corpus)
        self._weight, self._n = _said(shown), len(shown)
        if not self._weight:
            raise InputError("corpus", f"{len(shown)} presentations", "no phrase holds of any of them")

    def log_probability(self, phrases: Sequence[str], exemplars: Sequence[Collection[str]] | None = None) -> np.ndarray:
        # One place is kept for all that the corpus never says.
        uniform = 1 / (len(self._weight) + 1)
        seen = np.array([self._weight.get(phrase, 0.0) for phrase in phrases])
        prior = (seen + self.smoothing * uniform) / (self._n + self.smoothing)
        if exemplars is None:
            return np.log(prior)
        weight = _said(exemplars)
        inside = np.array([weight.get(phrase, 0.0) for phrase in phrases])
        return np.log((inside + self.smoothing * prior) / (len(exemplars) + self.smoothing))

    def propose(self, exemplars: Sequence[Collection[str]]) -> list[str]:
        return sorted(_said(exemplars))


def _said(shown: Iterable[Collection[str]]) -> Counter[str]:
    weight: Counter[str] = Counter()
    for phrases in shown:
        if isinstance(phrases, str):
            raise InputError("exemplars", phrases, "is a text; give the set of phrases that hold of it")
        for phrase in phrases:
            weight[phrase] += 1 / len(phrases)  # type: ignore[assignment]
    return weight


def column_phrases(table: pd.DataFrame, columns: Sequence[str]) -> list[frozenset[str]]:
    """The labels of every presentation as phrases: "column value", and the bare column where it is true.

    Raises:
        InputError: for a column that is not there.

    >>> table = pd.DataFrame({"digit": [3, 8], "thin": [True, False]})
    >>> [sorted(phrases) for phrases in column_phrases(table, ["digit", "thin"])]
    [['digit 3', 'thin'], ['digit 8']]
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError("columns", missing[0], f"is no column; there are: {', '.join(map(str, table))}")
    phrases: list[set[str]] = [set() for _ in range(len(table))]
    for column in columns:
        yes_or_no = table[column].dtype == bool
        for row, value in enumerate(table[column]):
            if not yes_or_no:
                phrases[row].add(f"{column} {value}")
            elif value:
                phrases[row].add(str(column))
    return [frozenset(row) for row in phrases]


def context_phrases(texts: Iterable[str], *, n_words: int = 1) -> list[frozenset[str]]:
    """The words of every text, in lower case, and all runs of up to `n_words` of them.

    >>> [sorted(phrases) for phrases in context_phrases(["The red car"], n_words=2)]
    [['car', 'red', 'red car', 'the', 'the red']]
    """
    found = []
    for text in texts:
        words = re.findall(r"\w+(?:'\w+)?", text.lower())
        runs = {" ".join(words[i : i + n]) for n in range(1, n_words + 1) for i in range(len(words) - n + 1)}
        found.append(frozenset(runs))
    return found


class Labels(NamedTuple):
    """The best phrases of every unit, `(unit, choice)`; "" and NaN where there were fewer."""

    phrase: np.ndarray
    score: np.ndarray
    log_conditional: np.ndarray
    log_prior: np.ndarray


def best_phrases(
    exemplars: Sequence[Sequence[Any]],
    describer: Describer,
    *,
    candidates: Sequence[str] | None = None,
    weight: float = 0.2,
    n_best: int = 3,
) -> Labels:
    """Rank phrases by weighted pointwise mutual information with what drives each unit.

    score(d) = log p(d | E) - weight * log p(d)

    Args:
        exemplars: for every unit what drives it most, as the describer takes it; a unit without any gets no label.
        describer: see `Describer`.
        candidates: the phrases to choose from; by default what the describer proposes for each unit.
        weight: lambda: 0 gives the likeliest phrase, which is bland; 1 the one that is rarest elsewhere.
        n_best: phrases to keep.

    Returns:
        `Labels`, best first; of equal scores the earlier candidate.

    Raises:
        InputError: for no candidates, or a describer that gives something else than log probabilities.

    >>> describer = PhraseStatistics([{"a", "vowel"}, {"b"}, {"c"}, {"e", "vowel"}])
    >>> best_phrases([[{"a", "vowel"}, {"e", "vowel"}]], describer).phrase[0, 0]
    'vowel'
    """
    if candidates is not None and not len(candidates):
        raise InputError("candidates", "(none)", "give at least one phrase")
    if n_best < 1:
        raise InputError("n_best", n_best, "at least one")
    fixed = None if candidates is None else list(dict.fromkeys(candidates))
    fixed_prior = None if fixed is None else _checked(describer.log_probability(fixed), fixed)
    shape = (len(exemplars), n_best)
    labels = Labels(np.full(shape, "", dtype=object), *(np.full(shape, np.nan) for _ in range(3)))
    for unit, shown in enumerate(exemplars):
        phrases = list(dict.fromkeys(describer.propose(shown))) if fixed is None and len(shown) else fixed or []
        if not len(shown) or not phrases:
            continue
        conditional = _checked(describer.log_probability(phrases, shown), phrases)
        prior = _checked(describer.log_probability(phrases), phrases) if fixed_prior is None else fixed_prior
        score = conditional - weight * prior
        best = np.argsort(-score, kind="stable")[:n_best]
        labels.phrase[unit, : len(best)] = [phrases[i] for i in best]
        for values, kept in zip(labels[1:], (score, conditional, prior), strict=True):
            values[unit, : len(best)] = kept[best]
    return labels


def _checked(values: ArrayLike, phrases: Sequence[str]) -> np.ndarray:
    log_probabilities = np.asarray(values, dtype=np.float64)
    if log_probabilities.shape != (len(phrases),) or np.isnan(log_probabilities).any():
        shape = log_probabilities.shape
        raise InputError("describer", shape, f"must give a log probability for each of {len(phrases)} phrases")
    return log_probabilities


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    kinds = rng.choice(["face", "house", "tool"], size=90)
    activity = rng.normal(size=(90, 4))
    activity[:, 2] += 5 * (kinds == "house")
    recording = Recording.from_activity(activity, units={"site": np.array(["V1", "V1", "IT", "IT"], dtype=object)})
    return (recording, [{str(kind), "thing"} for kind in kinds]), {"k": 10}


@method(kind="measure", source="arXiv:2201.11114", example=_example)
def describe_units(
    recording: Recording,
    shown: Sequence[Any],
    *,
    describer: Describer | None = None,
    k: int = 15,
    candidates: Sequence[str] | None = None,
    weight: float = 0.2,
    n_best: int = 3,
) -> xr.Dataset:
    """Label every unit with the phrase that has most mutual information with its strongest presentations.

    label = argmax over d of log p(d | E) - weight * log p(d), E the k presentations of highest activity.

    Args:
        recording: activity `(presentation, unit)`.
        shown: what the describer looks at, one for each presentation: sets of phrases (`column_phrases`,
            `context_phrases`) for the default describer.
        describer: by default `PhraseStatistics(shown)`.
        k: exemplars of a unit; of equal activity the earlier presentation.
        candidates, weight, n_best: see `best_phrases`.

    Returns:
        `label(unit)`; over `(unit, choice)` `phrase`, `score`, `log_conditional` and `log_prior`, best first;
        `exemplar(unit, rank)`, numbers of presentations. A unit that never varies has no label ("").

    Raises:
        InputError: for another number of presentations, too few of them, or activity that is not finite.

    Source: Hernandez et al. 2022 (MILAN), arXiv:2201.11114; weight 0.2 as in their code. There a captioner and a
    language model, trained on annotated image regions, give p(d | E) and p(d); any other describer can here.

    >>> animals = ["cat", "dog", "crow", "cat", "owl", "crow"]
    >>> recording = Recording.from_activity([[0.1], [0.0], [3.0], [0.2], [2.0], [4.0]])
    >>> phrases = [{animal, "bird" if animal in ("crow", "owl") else "mammal"} for animal in animals]
    >>> str(describe_units(recording, phrases, k=3)["label"].values[0])
    'bird'
    """
    if len(shown) != recording.n_presentations:
        raise InputError("shown", len(shown), f"needs one for each of {recording.n_presentations} presentations")
    if k < 1:
        raise InputError("k", k, "at least one exemplar")
    chosen = describer if describer is not None else PhraseStatistics(shown)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        if len(rows) < k:
            raise InputError("k", k, f"some units were observed in only {len(rows)} presentations")
        best = rows[np.argsort(-activity, axis=0, kind="stable")[:k].T]
        varies = np.ptp(activity, axis=0) > 0
        exemplars = [[shown[row] for row in unit] if v else [] for unit, v in zip(best, varies, strict=True)]
        labels = best_phrases(exemplars, chosen, candidates=candidates, weight=weight, n_best=n_best)
        over = ("unit", "choice")
        found: Measured = {name: (over, values) for name, values in labels._asdict().items()}
        return {"label": (("unit",), labels.phrase[:, 0]), **found, "exemplar": (("unit", "rank"), best)}

    return over_observed(recording, measure)


def describe_top(
    top: xr.Dataset,
    look: Callable[[int, int], Any],
    *,
    describer: Describer,
    candidates: Sequence[str] | None = None,
    weight: float = 0.2,
    n_best: int = 3,
) -> xr.Dataset:
    """`describe_units` for activity that was never kept: from the answer of the statistic `TopPresentations`.

    Args:
        top: `sequence_id` and `position` over `(unit, rank)`; ranks with sequence -1 are none.
        look: `look(sequence_id, position)` gives what the describer looks at.
        describer: see `Describer`; `PhraseStatistics` needs a sample of all presentations beforehand.

    Returns:
        `label(unit)` and the variables over `(unit, choice)` of `describe_units`, with the coordinates of `top`.
    """
    ids, positions = top["sequence_id"].values, top["position"].values
    exemplars = [
        [look(int(i), int(p)) for i, p in zip(row, places, strict=True) if i >= 0]
        for row, places in zip(ids, positions, strict=True)
    ]
    labels = best_phrases(exemplars, describer, candidates=candidates, weight=weight, n_best=n_best)
    found = {name: (("unit", "choice"), values) for name, values in labels._asdict().items()}
    coords = {str(name): coord for name, coord in top.coords.items() if coord.dims == ("unit",)}
    return xr.Dataset({"label": ("unit", labels.phrase[:, 0]), **found}, coords)


def units_labelled(described: xr.Dataset, pattern: str) -> list[str]:
    """Ids of the units whose label contains the regular expression, so that they can be audited or ablated.

    >>> units = xr.Dataset({"label": ("unit", ["text in a corner", "dog"])}, {"unit_id": ("unit", ["a/0", "a/1"])})
    >>> units_labelled(units, "text|letter")
    ['a/0']
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise InputError("pattern", pattern, f"is no regular expression: {error}") from error
    pairs = zip(described["unit_id"].values, described["label"].values, strict=True)
    return [str(unit) for unit, label in pairs if wanted.search(str(label))]
