"""Models that are mixtures of RDMs, fitted and scored on different people and different conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.optimize import nnls
from scipy.stats import ttest_1samp

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.false_discovery import false_discovery
from multiunit.inference.family_wise import family_wise
from multiunit.similarity.compare_rdms import n_conditions, normalised, similarities

By = Literal["pearson", "cosine"]


@method(kind="inference", source="khaligh-razavi2014")
def fitted_rsa(
    data_rdms: Any,
    models: Mapping[str, Any],
    *,
    by: By = "pearson",
    n_folds: int = 3,
    n_repeats: int = 10,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Mix each model's RDMs as they fit other people and other conditions; score the mixture where it was not fitted.

    A model is sum_k w_k d_k, w >= 0, of its component RDMs d_k: layers of a network, or feature spaces. The conditions
    are dealt to `n_folds` folds. For each person and fold the weights are those under which the mixture is most alike
    to the mean of the others' RDMs among the conditions of the other folds (non-negative least squares on vectors of
    one length, which maximises the cosine; for `pearson` they are centred first); the score is the likeness to the
    person's RDM among the conditions of the fold. A model with one component is scored alike, so that fixed and fitted
    models stand side by side and a model with more components has no advantage.

    Args:
        data_rdms: `(subject, pair)`, as `rdm` gives them.
        models: name -> component RDMs `(component, pair)`, or one RDM.
        by: `pearson` or `cosine`.
        n_folds: parts of the conditions; 1 fits and scores on all of them, and on other people only.
        n_repeats: how often the conditions are dealt anew; scores are means over all.
        random_state: seed or generator.

    Returns:
        Over `model`: `score`, `standard_error` over subjects; `subject_score(subject, model)`. Over `(model,
        other_model)`: `difference`, two-sided `p_difference` of a paired t-test over subjects, held to a family-wise
        error rate (`p_family_wise`, Holm) and a false discovery rate (`q_difference`). `ceiling`: the mean likeness of
        a person to the mean of the others in the same folds. `weight(model, component)`: the mean share of each
        component, of components scaled alike; NaN where a model has fewer.
        Tests speak of new people; of these conditions, though scores are of conditions that were not fitted.

    Raises:
        InputError: for RDMs that do not fit or are not finite, fewer than three subjects, or folds of fewer than three
            conditions.

    Source: Khaligh-Razavi and Kriegeskorte 2014, PLoS Computational Biology 10:e1003915, for mixtures by non-negative
    least squares; folds of people and conditions as in Storrs et al. 2021, J. Cognitive Neuroscience 33:2044. Neither
    was read again here: reconstructed, and the shares of weights are ours.

    >>> rng = np.random.default_rng(0)
    >>> parts = rng.random((3, 190))                                                        # of 20 conditions
    >>> data = 0.7 * parts[0] + 0.3 * parts[1] + 0.05 * rng.normal(size=(6, 190))
    >>> found = fitted_rsa(data, {"mixture": parts, "first": parts[0]})
    >>> found["weight"].sel(model="mixture").round(1).values.tolist()
    [0.7, 0.3, 0.0]
    >>> bool(found["p_difference"].sel(model="mixture", other_model="first") < 0.01)
    True
    """
    if by not in ("pearson", "cosine"):
        raise InputError("by", by, "is neither 'pearson' nor 'cosine'")
    data = np.atleast_2d(np.asarray(data_rdms, dtype=np.float64))
    parts = _components(models, data.shape[1])
    if len(data) < 3:
        raise InputError("data_rdms", data.shape, "needs three subjects: two to fit, one to score")
    if n_repeats < 1:
        raise InputError("n_repeats", n_repeats, "must be at least 1")
    n = n_conditions(data.shape[1])
    if not 1 <= n_folds <= n // 3:
        raise InputError("n_folds", n_folds, f"needs three of {n} conditions a fold, and at least one fold")
    scores, ceilings = [], []
    shares: dict[str, list[np.ndarray]] = {name: [] for name in parts}
    for fitted, scored in _folds(n, n_folds, n_repeats, np.random.default_rng(random_state)):
        seen = normalised(data[:, fitted], by=by)
        tested = data[:, scored]
        fit = {name: normalised(part[:, fitted], by=by) for name, part in parts.items()}
        # On one scale by where they are fitted: weights must mean the same where they are scored.
        scale = {name: _lengths(part[:, fitted], by) for name, part in parts.items()}
        of_fold = np.empty((len(data), len(parts)))
        to_others = normalised(tested, by=by)
        ceiling = np.empty(len(data))
        for subject in range(len(data)):
            others = np.arange(len(data)) != subject
            target = seen[others].mean(axis=0)
            for column, name in enumerate(parts):
                weight = nnls(fit[name].T, target)[0]
                if not weight.any():
                    # Nothing in the cone helps: the component that hurts least, as a fixed model would be scored.
                    weight[np.argmax(fit[name] @ target)] = 1.0
                predicted = (weight / scale[name]) @ parts[name][:, scored]
                of_fold[subject, column] = similarities(predicted, tested[subject], by=by)[0, 0]
                shares[name].append(weight / weight.sum())
            ceiling[subject] = similarities(to_others[others].mean(axis=0), tested[subject], by=by)[0, 0]
        scores.append(of_fold)
        ceilings.append(ceiling.mean())
    subject_score = np.mean(scores, axis=0)
    weights = np.full((len(parts), max(map(len, parts.values()))), np.nan)
    for row, name in enumerate(parts):
        weights[row, : len(parts[name])] = np.mean(shares[name], axis=0)
    return _compared(subject_score, list(parts)).assign(
        ceiling=float(np.mean(ceilings)), weight=(("model", "component"), weights)
    )


def _components(models: Mapping[str, Any], n_pairs: int) -> dict[str, np.ndarray]:
    if not models:
        raise InputError("models", models, "needs at least one model")
    found = {str(name): np.atleast_2d(np.asarray(part, dtype=np.float64)) for name, part in models.items()}
    for name, part in found.items():
        if part.ndim != 2 or part.shape[1] != n_pairs or not np.isfinite(part).all():
            raise InputError("models", (name, part.shape), f"needs finite RDMs of {n_pairs} pairs, as the data")
    return found


def _folds(n: int, n_folds: int, n_repeats: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs to fit and pairs to score: both of a pair among the conditions of the other folds, or of this one."""
    i, j = np.triu_indices(n, 1)
    if n_folds == 1:
        yield np.ones(len(i), dtype=bool), np.ones(len(i), dtype=bool)
        return
    for _ in range(n_repeats):
        fold = rng.permutation(np.arange(n) % n_folds)
        for number in range(n_folds):
            inside = fold == number
            yield ~inside[i] & ~inside[j], inside[i] & inside[j]


def _lengths(rdms: np.ndarray, by: By) -> np.ndarray:
    centred = rdms - rdms.mean(axis=1, keepdims=True) if by == "pearson" else rdms
    return np.asarray(np.linalg.norm(centred, axis=1))


def _compared(subject_score: np.ndarray, names: list[str]) -> xr.Dataset:
    n_models = len(names)
    p = np.eye(n_models)
    pairs = np.triu_indices(n_models, 1)
    for i, j in zip(*pairs, strict=True):
        gap = subject_score[:, i] - subject_score[:, j]
        # Models that are the same differ by rounding, of which a t-test would make much.
        same = np.abs(gap).max() < 1e-9
        p[i, j] = p[j, i] = 1.0 if same else float(ttest_1samp(gap, 0.0).pvalue)
    adjusted = {}
    for key, adjust in (("p_family_wise", family_wise), ("q_difference", false_discovery)):
        square = np.eye(n_models)
        square[pairs] = square.T[pairs] = adjust(p[pairs])
        adjusted[key] = (("model", "other_model"), square)
    score = subject_score.mean(axis=0)
    labels = np.array(names, dtype=object)
    return xr.Dataset(
        {
            "score": ("model", score),
            "standard_error": ("model", subject_score.std(axis=0, ddof=1) / np.sqrt(len(subject_score))),
            "subject_score": (("subject", "model"), subject_score),
            "difference": (("model", "other_model"), score[:, None] - score),
            "p_difference": (("model", "other_model"), p),
            **adjusted,
        },
        coords={"model": labels, "other_model": labels},
    )
