"""Hallucination neurons: the few units whose share of their layer's output tells wrong answers from right ones."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.detection import detection

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question

ANSWER = "answer"


def sparse_weights(
    contributions: np.ndarray, positive: np.ndarray, *, C: float = 1.0, random_state: int = 0
) -> tuple[np.ndarray, float]:
    """Tell positive samples from the others by few units: logistic regression with an L1 penalty.

    (w, b) = argmin ||w||_1 + |b| + C sum_i log(1 + exp(-y_i (w.x_i + b))), y_i = 1 or -1. Features are not
    scaled: C has a meaning for contributions, which are shares.

    Args:
        contributions: `(sample, unit)`.
        positive: bool `(sample,)`.
        C: inverse strength of the penalty.
        random_state: seed of liblinear's order of units; the optimum does not depend on it.

    Returns:
        w `(unit,)`, most of it exactly 0, and b.

    Raises:
        InputError: for values that are not finite, a single class, or C that is not above 0.

    >>> x = np.array([[3.0, 1.0, 0.0], [4.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    >>> weight, bias = sparse_weights(x, np.array([True, True, False, False]))
    >>> (weight > 0).tolist(), (weight != 0).tolist()
    ([True, False, False], [True, False, False])
    """
    from sklearn.linear_model import LogisticRegression

    x, y = np.asarray(contributions, dtype=np.float64), np.asarray(positive, dtype=bool)
    if x.ndim != 2 or y.shape != x.shape[:1] or not np.isfinite(x).all():
        raise InputError("contributions", x.shape, f"needs finite numbers (sample, unit) for {y.shape} outcomes")
    if not y.any() or y.all():
        raise InputError("positive", f"{int(y.sum())} of {len(y)}", "needs samples of both kinds")
    if not C > 0:
        raise InputError("C", C, "must be above 0")
    # From scikit-learn 1.8 on the penalty is named by its share of L1.
    old = inspect.signature(LogisticRegression).parameters["penalty"].default == "l2"
    kind: dict[str, Any] = {"penalty": "l1"} if old else {"l1_ratio": 1.0}
    model = LogisticRegression(
        **kind, C=C, solver="liblinear", tol=1e-6, max_iter=10_000, random_state=random_state
    ).fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def hallucination_score(found: xr.Dataset, contributions: Recording) -> np.ndarray:
    """How likely each presentation is a wrong answer, as log odds: w.c + b.

    Args:
        found: the answer of `hallucination_neurons`.
        contributions: of the same units, such as `cett` gives them for the answers of a test set.

    Returns:
        `(presentation,)`.

    Raises:
        InputError: for other units.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"])}
    >>> found = xr.Dataset({"score": ("unit", [2.0, 0.0])}, ids, attrs={"intercept": -1.0})
    >>> units = {"site": np.array(["a", "a"], dtype=object)}
    >>> hallucination_score(found, Recording.from_activity([[0.0, 9.0], [1.0, 9.0]], units=units)).tolist()
    [-1.0, 1.0]
    """
    if contributions.units.index.tolist() != found["unit_id"].values.tolist():
        raise InputError("contributions", contributions, "needs the units that were classified, in their order")
    return np.asarray(contributions.activity @ found["score"].values + found.attrs["intercept"])


def needs(question: Question) -> dict[str, Statistic] | None:
    """Never applicable to a pass over activity: it takes contributions to answers that have been judged (`cett`)."""
    return None


@method(kind="detector", source="arXiv:2512.01797", needs=needs, example=lambda rng: _example(rng))
def hallucination_neurons(
    *,
    contributions: Recording,
    wrong: str = "wrong",
    region: str = "region",
    C: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units with a positive weight in a sparse classifier of wrong answers, by their share of the output.

    score = w of `sparse_weights`; selected = w > 0. Positive samples are the answer tokens of wrong answers; negative
    ones are those of right answers and, where they are given, the other tokens of both, so that the units tell an
    error and not merely an answer. Noise gets positive weights too: what the selection is worth shows on responses
    that took no part (`hallucination_score`), beside that of permuted outcomes.

    Args:
        contributions: `cett` with `region`: one row for each region of each response, "answer" or another. Without
            other rows wrong answers are told from right ones alone. Responses of questions that are always answered
            rightly or always wrongly, as many of each, are what the authors train on.
        wrong: the column, bool, that tells whether the response is wrong.
        region: the column of the regions.
        C: inverse strength of the penalty.
        random_state: seed or generator of the control.

    Returns:
        `score(unit)`: w; `selected(unit)`; `control(unit)`, matched for site and mean contribution; attributes
        `intercept` and `C`. `hallucination_score` applies it to other responses.

    Raises:
        InputError: for a column that is absent or not bool, no answers of one kind, or contributions not finite.

    Source: Gao et al. 2025, arXiv:2512.01797, as in the authors' code (thunlp/H-Neurons): liblinear, C = 1, features
    as they are. They stop at a tolerance of 1e-4, here it is 1e-6.

    >>> c = np.array([[0.9, 0.2], [0.1, 0.2], [0.8, 0.1], [0.1, 0.1], [0.2, 0.2], [0.1, 0.1]] * 5)
    >>> columns = {"region": (["answer"] * 4 + ["other"] * 2) * 5, "wrong": [True, False] * 15}
    >>> found = hallucination_neurons(contributions=Recording.from_activity(c, presentations=columns))
    >>> found["selected"].values.tolist()
    [True, False]
    """
    table = contributions.presentations
    for column in (wrong, region):
        if column not in table:
            mend = f"is no presentation column; there are: {', '.join(map(str, table))}"
            raise InputError("wrong" if column == wrong else "region", column, mend)
    outcome = table[wrong].to_numpy()
    if not all(isinstance(value, bool | np.bool_) for value in outcome):
        raise InputError("wrong", outcome[:3].tolist(), "needs True or False")
    if contributions.dataset.get("observed") is not None and not bool(contributions.dataset["observed"].all()):
        raise InputError("contributions", contributions, "select presentations in which all units were observed")
    answers = (table[region] == ANSWER).to_numpy()
    outcome = outcome.astype(bool)
    counts = int((answers & outcome).sum()), int((answers & ~outcome).sum())
    if not all(counts):
        raise InputError("contributions", f"{counts[0]} wrong and {counts[1]} right answers", "needs both")
    activity = contributions.activity
    # Always in the order of the names: what liblinear gives depends a little, within its tolerance, on that of units.
    order = np.argsort(contributions.units.index.to_numpy().astype(str))
    weight = np.empty(len(order))
    weight[order], bias = sparse_weights(activity[:, order], answers & outcome, C=C)
    return detection(
        weight,
        weight > 0,
        units=contributions.dataset,
        mean_activity=activity.mean(axis=0, dtype=np.float64),
        random_state=random_state,
        intercept=bias,
        C=C,
    )


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    n, n_units = 120, 40
    wrong, region = rng.random(n) < 0.5, np.where(rng.random(n) < 0.5, ANSWER, "other").astype(object)
    activity = rng.gamma(2.0, 0.5, size=(n, n_units))
    activity[:, 7] += 3 * (wrong & (region == ANSWER))
    units = {"site": np.array(["near"] * 20 + ["far"] * 20, dtype=object)}
    columns = {"wrong": wrong, "region": region}
    return (), {"contributions": Recording.from_activity(activity, units=units, presentations=columns)}
