"""How often every unit is active at the end of each n-gram of a vocabulary."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, column, rows_summed


@method(kind="statistic", source="arXiv:2309.04827")
class TokenTriggers(Statistic):
    """Counts of activations by the n-gram that ends at the token: `#{x > threshold, last n tokens = g}`.

    Args:
        vocabulary: token ids of the n-grams to watch, `(ngram, order)`, each once; others count in `total_active` only.
        threshold: above it a unit counts as active.

    >>> triggers = TokenTriggers([[7, 8]])
    >>> table = pd.DataFrame({"sequence_id": 0, "position": range(3), "token_id": [7, 8, 8]})
    >>> triggers.update(np.array([[1.0], [1.0], [1.0]]), table)
    >>> triggers.result()["active"].values.tolist(), triggers.result()["total_active"].values.tolist()
    ([[1]], [3])
    """

    _active: Any
    _total: Any
    _n: Any

    def __init__(self, vocabulary: Any, *, threshold: float = 0.0) -> None:
        words = np.asarray(vocabulary, dtype=np.int64)
        if words.ndim != 2 or 0 in words.shape or words.min() < 0:
            raise InputError("vocabulary", words.shape, "needs token ids (ngram, order), at least one n-gram")
        self.vocabulary, self.threshold = words, threshold
        self._base = int(words.max()) + 1
        keys = _keys(words, self._base)
        self._order = np.argsort(keys)
        self._sorted = keys[self._order]
        if (np.diff(self._sorted) == 0).any():
            raise InputError("vocabulary", words.shape, "holds an n-gram twice")
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        found = self._ngrams(presentations)
        seen, numbers = np.unique(found[found >= 0], return_inverse=True)
        rows = np.full(len(found), -1)
        rows[found >= 0] = numbers
        active = x > self.threshold
        if self._active is None:
            shape = (len(self.vocabulary), x.shape[1])
            # 32 bits hold two thousand million occurrences of one n-gram, at half the memory.
            self._active = torch.zeros(shape, dtype=torch.int32, device=x.device)
            self._total = torch.zeros(x.shape[1], dtype=torch.int64, device=x.device)
        if len(seen):
            self._active[torch.as_tensor(seen, device=x.device)] += rows_summed(active, rows, len(seen)).int()
        self._total += active.sum(0)
        self._n = self._n + np.bincount(found[found >= 0], minlength=len(self.vocabulary))

    def _ngrams(self, presentations: pd.DataFrame) -> np.ndarray:
        """The number of the n-gram that ends at each token; -1 for none."""
        order = self.vocabulary.shape[1]
        token = column(presentations, "token_id", "presentations").astype(np.int64)
        sequence = column(presentations, "sequence_id", "presentations")
        position = column(presentations, "position", "presentations").astype(np.int64)
        grams = np.stack([np.roll(token, back) for back in range(order - 1, -1, -1)], axis=1)
        whole = (grams < self._base).all(1) & (np.arange(len(token)) >= order - 1)
        if order > 1:
            whole &= np.roll(sequence, order - 1) == sequence
            whole &= np.roll(position, order - 1) == position - (order - 1)
        keys = np.where(whole, _keys(grams, self._base), -1)
        place = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        return np.where(self._sorted[place] == keys, self._order[place], -1)

    def merge(self, other: Self) -> None:
        if other._active is None:
            return
        if self._active is None:
            self._active, self._total = other._active.clone(), other._total.clone()
        else:
            self._active, self._total = self._active + other._active, self._total + other._total
        self._n = self._n + other._n

    def result(self) -> xr.Dataset:
        """`active(unit, ngram)`, `total_active(unit)`, `n(ngram)` and the tokens `token(ngram, order)`."""
        n_ngrams = len(self.vocabulary)
        active = np.empty((0, n_ngrams), np.int32) if self._active is None else self._active.T.cpu().numpy()
        total = np.empty(0, int) if self._total is None else self._total.cpu().numpy()
        return xr.Dataset(
            {"active": (("unit", "ngram"), active), "total_active": ("unit", total), "n": ("ngram", self._n)},
            coords={"token": (("ngram", "order"), self.vocabulary)},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if self._active is None:
            return {}
        return {"active": self._active.cpu().numpy(), "total_active": self._total.cpu().numpy(), "n": self._n}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._active = torch.tensor(state["active"]) if state else None
        self._total = torch.tensor(state["total_active"]) if state else None
        self._n = np.array(state["n"]) if state else np.zeros(len(self.vocabulary), dtype=np.int64)


def _keys(grams: np.ndarray, base: int) -> np.ndarray:
    if base ** grams.shape[1] >= 2**63:
        raise InputError("vocabulary", grams.shape, "tokens of this size and order do not fit into one number")
    keys = np.zeros(len(grams), dtype=np.int64)
    for place in range(grams.shape[1]):
        keys = keys * base + grams[:, place]
    return keys
