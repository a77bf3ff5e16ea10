"""System identification with a known truth: does the best-scoring model have the architecture of what was measured?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.paired import paired

Name = tuple[str, int]  # an architecture and the number of one network of it
Score = Callable[[Any, Any], float]


def encoding_score(x: Any, y: Any, *, n_folds: int = 5, random_state: int | np.random.Generator = 0) -> float:
    """How well a linear encoding model from y predicts the units of x on held-out presentations.

    median_i corr(x_i, prediction of x_i from y), the predictions of all folds together; ridge regression on
    standardised units of y, whose penalty is chosen for every unit by leave-one-out error in the training folds.

    Args:
        x, y: `(presentation, unit)`, the same presentations; many units of y are better reduced first.
        n_folds: at least 2.
        random_state: seed or generator of the folds.

    Returns:
        -1 to 1; a unit of x that is constant, or whose prediction is, counts as 0.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or folds that leave
            fewer than two presentations to train on.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=(100, 3))
    >>> round(encoding_score(y @ rng.normal(size=(3, 5)), y), 3), abs(encoding_score(y[::-1], y)) < 0.3
    (1.0, True)
    """
    x, y = paired(x, y)
    n = len(x)
    if not 2 <= n_folds <= n or n - -(-n // n_folds) < 2:
        raise InputError("n_folds", n_folds, f"must be at least 2, and leave two of {n} presentations to train on")
    deviation = y.std(axis=0)
    y = np.divide(y, deviation, out=np.zeros_like(y), where=deviation > 0)
    seed = int(np.random.default_rng(random_state).integers(2**31))
    predicted = np.zeros_like(x)
    for train, test in KFold(n_folds, shuffle=True, random_state=seed).split(y):
        model = RidgeCV(np.geomspace(1e-2, 1e4, 7), alpha_per_target=x.shape[1] > 1).fit(y[train], x[train])
        predicted[test] = np.reshape(model.predict(y[test]), (len(test), -1))
    predicted -= predicted.mean(axis=0)
    size = np.linalg.norm(x, axis=0) * np.linalg.norm(predicted, axis=0)
    r = np.divide((x * predicted).sum(axis=0), size, out=np.zeros_like(size), where=size > 0)
    return float(np.median(r))


@method(kind="population", source="arXiv:2302.06677", example=lambda rng: _example(rng))
def system_identification(
    targets: Mapping[Name, Any],
    candidates: Mapping[Name, Any],
    *,
    score: Score = linear_cka,
    itself: bool = False,
) -> xr.Dataset:
    """Take networks of known architecture for a brain, and see if the best-scoring candidate is of the same one.

    identified(t) = architecture of argmax_c score(target t, candidate c), over all candidates but the target's own
    network. Identifiability index = (s_match - s_other) / (|s_match| + |s_other|), s_match the mean score of the
    candidates of the target's architecture and s_other that of the others: near 0 if the score cannot tell.

    Args:
        targets: (architecture, number) -> measured activity `(presentation, unit)`.
        candidates: (architecture, number) -> activity for the same presentations.
        score: (target activity, candidate activity) -> float, the larger the more alike: `encoding_score`, any
            similarity.
        itself: let the target's own network be a candidate too, which a sound score must find.

    Returns:
        `score(target, candidate)`, NaN for the target's own network unless `itself`; over `target`: `identified`,
        `correct` and `index`; `confusion(architecture, identified_architecture)`, counts; `accuracy`, the share of
        targets that are identified. Coordinates `target_architecture` and `candidate_architecture`. By chance the
        accuracy is the share of candidates of the target's architecture.

    Raises:
        InputError: for no targets, a target without a candidate of its architecture and one of another, or a score
            that is not finite.

    Source: Han, Poggio & Cheung 2023, arXiv:2302.06677; reconstructed: if the index takes the mean or the best of the
    other architectures' scores is unsure.

    >>> rng = np.random.default_rng(0)
    >>> true = {"round": rng.normal(size=(60, 4)), "square": rng.normal(size=(60, 4))}
    >>> nets = {(a, n): z + 0.2 * rng.normal(size=(60, 4)) for a, z in true.items() for n in range(2)}
    >>> found = system_identification(nets, nets)
    >>> found["accuracy"].item(), found["confusion"].values.tolist(), found["index"].min().item() > 0.5
    (1.0, [[2, 0], [0, 2]], True)
    """
    if not targets:
        raise InputError("targets", "(none)", "give at least one")
    kinds = np.array([architecture for architecture, _ in candidates], dtype=object)
    names = list(dict.fromkeys(architecture for architecture, _ in (*targets, *candidates)))
    scores = np.full((len(targets), len(candidates)), np.nan)
    index, identified = np.zeros(len(targets)), np.empty(len(targets), dtype=object)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    for t, (target, measured) in enumerate(targets.items()):
        allowed = np.array([itself or candidate != target for candidate in candidates], dtype=bool)
        match, other = allowed & (kinds == target[0]), allowed & (kinds != target[0])
        if not match.any() or not other.any():
            raise InputError("candidates", target, "needs another network of this architecture, and one of another")
        for c, (candidate, activity) in enumerate(candidates.items()):
            if not allowed[c]:
                continue
            scores[t, c] = score(measured, activity)
            if not np.isfinite(scores[t, c]):
                raise InputError("score", (target, candidate, scores[t, c]), "must be finite")
        identified[t] = kinds[np.nanargmax(scores[t])]
        s_match, s_other = scores[t, match].mean(), scores[t, other].mean()
        total = abs(s_match) + abs(s_other)
        index[t] = (s_match - s_other) / total if total > 0 else 0.0
        confusion[names.index(target[0]), names.index(identified[t])] += 1
    own = np.array([architecture for architecture, _ in targets], dtype=object)
    return xr.Dataset(
        {
            "score": (("target", "candidate"), scores),
            "identified": ("target", identified),
            "correct": ("target", identified == own),
            "index": ("target", index),
            "confusion": (("architecture", "identified_architecture"), confusion),
            "accuracy": ((), float((identified == own).mean())),
        },
        coords={
            "target_architecture": ("target", own),
            "candidate_architecture": ("candidate", kinds),
            "architecture": np.array(names, dtype=object),
            "identified_architecture": np.array(names, dtype=object),
        },
    )


def motif_auc(identification: xr.Dataset, *, motifs: Mapping[str, str]) -> float:
    """Do candidates that share a target's motif, though not its architecture, score above those that do not?

    The area under the ROC curve of score(t, c) over candidates c of other architectures than t's, mean over the
    targets that have both kinds of candidates.

    Args:
        identification: of `system_identification`.
        motifs: architecture -> its motif, such as "convolution".

    Returns:
        0 to 1; 0.5 for a score that is blind to the motif.

    Raises:
        InputError: for an architecture without a motif, or no target with both kinds of candidates.

    >>> scores = xr.Dataset(
    ...     {"score": (("target", "candidate"), [[0.9, 0.8, 0.1]])},
    ...     {"target_architecture": ("target", ["A"]), "candidate_architecture": ("candidate", ["A", "B", "C"])},
    ... )
    >>> motif_auc(scores, motifs={"A": "wave", "B": "wave", "C": "spike"})
    1.0
    """
    kinds, own = (identification[f"{side}_architecture"].values for side in ("candidate", "target"))
    missing = sorted({*kinds, *own} - set(motifs))
    if missing:
        raise InputError("motifs", missing, "give these architectures a motif")
    values = []
    for architecture, scores in zip(own, identification["score"].values, strict=True):
        others = kinds != architecture
        shared = np.array([motifs[kind] == motifs[architecture] for kind in kinds[others]])
        if shared.any() and not shared.all():
            values.append(roc_auc_score(shared, scores[others]))
    if not values:
        raise InputError("motifs", dict(motifs), "no target has candidates with its motif and others without it")
    return float(np.mean(values))


def _example(rng: np.random.Generator) -> tuple[tuple[dict[Name, np.ndarray], ...], dict[str, Any]]:
    nets = {(architecture, n): rng.normal(size=(40, 6)) for architecture in ("near", "far") for n in range(2)}
    return (nets, nets), {}
