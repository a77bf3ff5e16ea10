"""How well every unit ranks the presentations of each group above the rest, exact."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.maths.rank_scores import rank_scores
from multiunit.statistics.batch import as_matrix, column


@method(
    kind="statistic",
    source="arXiv:2110.02802",
    exceptions={"memory_does_not_grow": "exact, and therefore keeps the responses"},
)
class RankCurve(Statistic):
    """Average precision and AUROC of every unit as a detector of every group against the rest.

    Exact, and therefore keeps the responses: use it on pooled ones (`Pooled`), or `RankHistogram` where presentations
    are too many. Presentations without a label are left out.

    Args:
        by: presentation column that tells the groups apart.

    >>> curve = RankCurve("concept")
    >>> curve.update(np.array([[2.0], [1.0], [0.0]]), pd.DataFrame({"concept": ["cat", "cat", "dog"]}))
    >>> curve.result()["average_precision"].values.round(3).tolist()
    [[1.0, 0.333]]
    """

    _responses: list[np.ndarray]
    _labels: list[np.ndarray]

    def __init__(self, by: str) -> None:
        self.by = by
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        labels = column(presentations, self.by)
        present = ~pd.isna(labels)
        self._responses.append(
            x.cpu().numpy()[present] if x.dtype != torch.bfloat16 else x.float().cpu().numpy()[present]
        )
        self._labels.append(labels[present].astype(str))

    def merge(self, other: Self) -> None:
        self._responses += other._responses
        self._labels += other._labels

    def result(self) -> xr.Dataset:
        """`average_precision(unit, group)` and `auroc(unit, group)`; NaN for a group that is all there is.

        Raises:
            InputError: if nothing was presented.
        """
        if not self._labels:
            raise InputError("presentations", 0, "nothing was presented")
        labels, responses = np.concatenate(self._labels), np.concatenate(self._responses)
        groups = np.unique(labels)
        # Ranks do not depend on the order in which the presentations came; sums of floats might.
        scores = rank_scores(responses, labels[:, None] == groups)
        dims = ("unit", "group")
        return xr.Dataset(
            {"average_precision": (dims, scores.average_precision), "auroc": (dims, scores.auroc)},
            coords={"group": groups.astype(object)},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if not self._labels:
            return {}
        return {"responses": np.concatenate(self._responses), "labels": np.concatenate(self._labels)}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._responses = [np.array(state["responses"])] if state else []
        self._labels = [np.array(state["labels"])] if state else []
