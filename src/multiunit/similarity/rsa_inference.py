"""Which model explains the representational geometry of subjects, for new subjects and new conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.stats import t as student

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.false_discovery import false_discovery
from multiunit.inference.family_wise import family_wise
from multiunit.similarity.compare_rdms import By, n_conditions, normalised, similarities
from multiunit.similarity.resampled_likeness import WEIGHTED, resampled_likeness

Factor = Literal["subjects", "conditions"]


@method(kind="inference", source="schutt2023")
def rsa_inference(
    data_rdms: Any,
    model_rdms: Any,
    *,
    by: By = "pearson",
    resample: Sequence[Factor] = ("subjects", "conditions"),
    n_bootstraps: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Score models by their mean likeness to the subjects' RDMs, and say how sure the scores and their order are.

    Subjects, conditions, or both are drawn with replacement; distances between copies of one condition are left out.
    Drawing both at once counts the noise of single measurements three times, so the variance of a score, or of a
    difference of scores, is put together from three bootstraps on the same draws (s subjects, c conditions, sc both):

        var = S / (S - 1) var_s + C / (C - 1) var_c - S C / ((S - 1)(C - 1)) (var_sc - var_s - var_c),

    at least each of the first two terms, at most var_sc. With one factor it is that factor's term. Tests and intervals
    take Student's t with the size of the smaller resampled factor less 1 degrees of freedom.

    Args:
        data_rdms: `(subject, pair)`, one RDM a subject as `rdm` gives them.
        model_rdms: `(model, pair)`, or a mapping from names of models to RDMs.
        by: of `compare_rdms`. `pearson`, `cosine` and the whitened forms take all draws in one matrix product; ranks
            and Kendall's tau are computed draw by draw.
        resample: over what the conclusions shall generalise.
        n_bootstraps: draws.
        level: of the intervals.
        random_state: seed or generator of the draws.

    Returns:
        Over `model`: `score`, `standard_error`, the interval `low` to `high`, `p_zero` (one-sided: no better than 0)
        and `p_ceiling` (two-sided: equal to the lower ceiling). Over `(model, other_model)`: `difference` of scores
        (first less second) and its `difference_error`, two-sided `p_difference`, that held to a family-wise error rate
        (`p_family_wise`, Holm) and to a false discovery rate (`q_difference`, Benjamini-Hochberg) over all pairs.
        `ceiling_lower`, `ceiling_upper` as `noise_ceiling`; `subject_score(subject, model)`;
        `bootstrap_score(draw, model)`, of which draws that leave a model without variance are missing.

    Raises:
        InputError: for RDMs that do not fit or are not finite, fewer than two subjects (three where they are drawn),
            an unknown factor, a constant model, or fewer than half of the draws of use.

    Source: Schutt et al. 2023, eLife 82566, the equation as in the authors' toolbox; ceilings: Nili et al. 2014. Unlike
    the toolbox, copies of a subject count as often in the ceilings of a draw as in the scores.

    >>> rng = np.random.default_rng(0)
    >>> truth, other = rng.random(190), rng.random(190)                                     # of 20 conditions
    >>> data = truth + 0.3 * rng.normal(size=(6, 190))
    >>> found = rsa_inference(data, {"true": truth, "other": other}, n_bootstraps=200)
    >>> str(found["score"].idxmax().item()), (found["p_zero"] < 0.01).values.tolist()
    ('true', [True, False])
    >>> bool(found["p_family_wise"].sel(model="true", other_model="other") < 0.01)
    True
    """
    names, models = _models(model_rdms)
    data = np.atleast_2d(np.asarray(data_rdms, dtype=np.float64))
    factors = tuple(dict.fromkeys(resample))
    if not factors or set(factors) - {"subjects", "conditions"}:
        raise InputError("resample", resample, "takes 'subjects', 'conditions', or both")
    if len(data) < 2 + ("subjects" in factors):
        raise InputError("data_rdms", data.shape, "needs two subjects, and three where subjects are drawn")
    if not 0 < level < 1 or n_bootstraps < 2:
        raise InputError("level", (level, n_bootstraps), "level is between 0 and 1, and n_bootstraps two or more")
    to_models = similarities(data, models, by=by)
    n_subjects, n = len(data), n_conditions(data.shape[1])
    rng = np.random.default_rng(random_state)
    everyone, everything = np.ones((1, n_subjects)), np.ones((1, n), dtype=np.int64)
    subjects = _counts(rng, n_bootstraps, n_subjects) if "subjects" in factors else everyone
    conditions = _counts(rng, n_bootstraps, n) if "conditions" in factors else everything
    evaluate = _by_weights if by in WEIGHTED else _by_copies
    whole, of_subjects = evaluate(data, models, by, [everyone, subjects], everything)
    evaluated, original = [of_subjects], whole[0]
    if "conditions" in factors:
        # The draws of both, of subjects alone, and of conditions alone, as far as they differ.
        of_both, of_conditions = evaluate(data, models, by, [subjects, everyone], conditions)
        evaluated = [of_both, of_subjects, of_conditions] if len(factors) == 2 else [of_conditions]
    n_models = len(models)
    usable = np.isfinite(np.stack([values[:, :n_models] for values in evaluated])).all(axis=(0, 2))
    if usable.sum() < max(2, n_bootstraps / 2):
        raise InputError("model_rdms", int(usable.sum()), "draws leave every model some variance; give more conditions")
    sizes = {"subjects": n_subjects, "conditions": n}
    corrections = [sizes[factor] / (sizes[factor] - 1) for factor in ("subjects", "conditions") if factor in factors]

    def variance(of: Any) -> np.ndarray:
        return _corrected([_variance(of(values[usable])) for values in evaluated], corrections)

    score, (lower, upper) = original[:n_models], original[n_models:]
    error = np.sqrt(variance(lambda v: v[:, :n_models]))
    to_ceiling = np.sqrt(variance(lambda v: v[:, :n_models] - v[:, n_models, None]))
    between = np.sqrt(variance(lambda v: v[:, :n_models, None] - v[:, None, :n_models]))
    difference = score[:, None] - score
    freedom = min(sizes[factor] for factor in factors) - 1
    p_difference = 2 * student.sf(np.abs(_t(difference, between)), freedom)
    pairs = np.triu_indices(n_models, 1)
    half = student.isf((1 - level) / 2, freedom) * error
    square = ("model", "other_model")
    return xr.Dataset(
        {
            "score": ("model", score),
            "standard_error": ("model", error),
            "low": ("model", score - half),
            "high": ("model", score + half),
            "p_zero": ("model", student.sf(_t(score, error), freedom)),
            "p_ceiling": ("model", 2 * student.sf(np.abs(_t(score - lower, to_ceiling)), freedom)),
            "difference": (square, difference),
            "difference_error": (square, between),
            "p_difference": (square, p_difference),
            "p_family_wise": (square, _square(family_wise(p_difference[pairs]), n_models)),
            "q_difference": (square, _square(false_discovery(p_difference[pairs]), n_models)),
            "ceiling_lower": ((), lower),
            "ceiling_upper": ((), upper),
            "subject_score": (("subject", "model"), to_models),
            "bootstrap_score": (("draw", "model"), evaluated[0][usable, :n_models]),
        },
        coords={"model": names, "other_model": names},
        attrs={"by": by, "resample": list(factors), "degrees_of_freedom": freedom, "level": level},
    )


def _models(model_rdms: Any) -> tuple[np.ndarray, np.ndarray]:
    """Names and RDMs, checked."""
    if isinstance(model_rdms, Mapping):
        if not model_rdms:
            raise InputError("model_rdms", model_rdms, "needs at least one model")
        lengths = {name: np.shape(value) for name, value in model_rdms.items()}
        if len(set(lengths.values())) != 1:
            raise InputError("model_rdms", lengths, "needs RDMs of one length")
        return np.array(list(model_rdms), dtype=object), np.array(list(model_rdms.values()), dtype=np.float64)
    models = np.atleast_2d(np.asarray(model_rdms, dtype=np.float64))
    return np.arange(len(models)), models


def _counts(rng: np.random.Generator, n_draws: int, size: int) -> np.ndarray:
    """How often each of `size` things is drawn, `(draw, thing)`."""
    drawn = rng.integers(size, size=(n_draws, size))
    return np.stack([np.bincount(draw, minlength=size) for draw in drawn])


def _by_weights(
    data: np.ndarray, models: np.ndarray, by: By, subjects: Sequence[np.ndarray], counts: np.ndarray
) -> list[np.ndarray]:
    """Scores of the models, lower and upper ceiling in every draw, `(draw, model + 2)`, for each draw of subjects."""
    likeness = resampled_likeness(data, models, counts=counts, by=by)
    return [_of_subjects(times.astype(np.float64), *likeness) for times in subjects]


def _of_subjects(times: np.ndarray, to_models: np.ndarray, among: np.ndarray) -> np.ndarray:
    n_draws, n_subjects = max(len(times), len(among)), among.shape[1]
    among, to_models = (np.broadcast_to(x, (n_draws, *x.shape[1:])) for x in (among, to_models))
    times = np.broadcast_to(times, (n_draws, n_subjects))
    scores = np.einsum("bs,bsm->bm", times, to_models) / n_subjects
    # Likeness is the cosine of some vectors; the mean of subjects is their sum, weighted by how often each was drawn.
    to_sum = np.einsum("bst,bt->bs", among, times)
    length = np.einsum("bs,bs->b", times, to_sum)
    upper = np.sqrt(length) / n_subjects
    # Less one subject, with all its copies. Where no other was drawn, nothing is left to predict it from.
    left = length[:, None] - 2 * times * to_sum + times**2
    left = np.where(n_subjects - times > 0.5, left, np.nan)
    one_out = (to_sum - times) / np.sqrt(left)
    lower = np.where(times > 0, times * one_out, 0.0).sum(axis=1) / n_subjects
    return np.column_stack([scores, lower, upper])


def _by_copies(
    data: np.ndarray, models: np.ndarray, by: By, subjects: Sequence[np.ndarray], counts: np.ndarray
) -> list[np.ndarray]:
    """The same, draw by draw, from the RDMs with the copies of their conditions."""
    i, j = np.triu_indices(counts.shape[1], 1)
    out = [np.full((max(len(times), len(counts)), len(models) + 2), np.nan) for times in subjects]
    for draw, count in enumerate(counts):
        copies = np.repeat(np.arange(len(i)), count[i] * count[j])
        seen, shown = data[:, copies], models[:, copies]
        if len(copies) < 3 or any((np.ptp(rdms, axis=1) == 0).any() for rdms in (seen, shown)):
            continue
        to_models, scaled = similarities(seen, shown, by=by), normalised(seen, by=by)
        for evaluated, times in zip(out, subjects, strict=True):
            # One draw of conditions, as none, goes with all draws of subjects; one of subjects with all of conditions.
            for row in range(len(times)) if len(counts) == 1 else [draw]:
                evaluated[row] = _of_one(times[row % len(times)], seen, scaled, to_models, by)
    return out


def _of_one(times: np.ndarray, seen: np.ndarray, scaled: np.ndarray, to_models: np.ndarray, by: By) -> np.ndarray:
    total, drawn = times @ scaled, np.flatnonzero(times)
    lower = np.nan
    if len(drawn) > 1:
        others = [similarities(seen[s], total - times[s] * scaled[s], by=by)[0, 0] for s in drawn]
        lower = times[drawn] @ np.array(others) / len(times)
    upper = times @ similarities(seen, total, by=by)[:, 0] / len(times)
    return np.array([*(times @ to_models / len(times)), lower, upper])


def _variance(values: np.ndarray) -> np.ndarray:
    """Over draws; those without a lower ceiling do not count."""
    if len(values) < 2:
        return np.zeros(values.shape[1:])
    known = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return values[known].var(axis=0, ddof=1)


def _corrected(variances: Sequence[np.ndarray], corrections: Sequence[float]) -> np.ndarray:
    """The variance for new subjects and conditions from those of the bootstraps; see `rsa_inference`."""
    if len(variances) == 1:
        return corrections[0] * variances[0]
    both, first, second = variances
    one, two = corrections[0] * first, corrections[1] * second
    found = one + two - corrections[0] * corrections[1] * (both - first - second)
    return np.minimum(np.maximum(np.maximum(found, one), two), both)


def _t(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Student's t, 0 where nothing differs."""
    return np.where(np.abs(value) < 1e-12, 0.0, value / np.maximum(error, 1e-12))


def _square(values: np.ndarray, n: int) -> np.ndarray:
    """A symmetric matrix, 1 on its diagonal: a model does not differ from itself."""
    out = np.eye(n)
    i, j = np.triu_indices(n, 1)
    out[i, j] = out[j, i] = values
    return out
