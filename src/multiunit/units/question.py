"""`Question`: what is known of the stimuli before the pass, from which a detector says what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Question:
    """What is asked of the units of a system, before any activity is seen.

    A detector's `needs(question)` answers with the statistics that it wants accumulated, or with None where the
    question does not concern it: no labels for a language detector, no tokens for a token detector.

    Args:
        by: the presentation column whose values are told apart; None asks for no comparison.
        labels: the values of `by`, at least one if `by` is given.
        n_positions: how many positions a sequence has at most; 0 where presentations are no sequences.
        vocabularies: order -> n-grams `(n_ngrams, order)` of token ids to watch; empty without tokens.
        columns: the presentation columns there are; empty if nobody listed them.
        threshold: the activity above which a unit counts as active; 0 is right for ReLU and spikes, and for gated
            units it is a choice.

    Raises:
        InputError: for a column that does not exist, repeated labels, or n-grams of another order than their key.

    >>> question = Question(by="language", labels=("en", "fr"), columns=("language",))
    >>> question.n_positions, len(question.vocabularies)
    (0, 0)
    """

    by: str | None = None
    labels: tuple[str, ...] = ()
    n_positions: int = 0
    vocabularies: Mapping[int, np.ndarray] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if self.by is not None and self.columns and self.by not in self.columns:
            raise InputError("by", self.by, f"is no presentation column; there are: {', '.join(self.columns)}")
        if self.by is not None and not self.labels:
            raise InputError("labels", self.labels, f"name the values of {self.by!r}")
        if len(set(self.labels)) < len(self.labels):
            raise InputError("labels", self.labels, "each label once")
        if self.n_positions < 0:
            raise InputError("n_positions", self.n_positions, "a number of positions, or 0 for none")
        for order, ngrams in self.vocabularies.items():
            if np.ndim(ngrams) != 2 or np.shape(ngrams)[1] != order:
                raise InputError("vocabularies", np.shape(ngrams), f"order {order} needs shape (n_ngrams, {order})")
