"""Linear probes: whether a label can be read off activity by a straight line, and how much of that any label gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording


class Probed(NamedTuple):
    """What a probe reads on held-out presentations.

    Args:
        score: accuracy of a category, R^2 of a number.
        chance: what the most common category gives; 0 for a number.
        shuffled: `(shuffle,)`, the score with labels dealt anew.
        predicted: `(presentation,)`, each read by the probe that did not see it.
    """

    score: float
    chance: float
    shuffled: np.ndarray
    predicted: np.ndarray

    @property
    def selectivity(self) -> float:
        """Score less the mean score on shuffled labels."""
        return float(self.score - self.shuffled.mean())

    @property
    def p_value(self) -> float:
        """(1 + #{shuffled >= score}) / (1 + n_shuffles)."""
        return float((1 + (self.shuffled >= self.score).sum()) / (1 + len(self.shuffled)))


def probe_label(
    activity: Any,
    labels: Any,
    *,
    penalty: float = 1.0,
    n_folds: int = 5,
    groups: Any = None,
    shuffle_by: Any = None,
    n_shuffles: int = 10,
    random_state: int | np.random.Generator = 0,
) -> Probed:
    """Read one label off activity, and off the same activity with the label dealt anew.

    A category (text, bool, whole number) is read by logistic regression,
    min sum_i -log softmax(W z_i + b)[label_i] + penalty/2 |W|^2, and scored by accuracy; a float by ridge regression,
    min sum_i (w.z_i + b - label_i)^2 + penalty |w|^2, and scored by R^2 = 1 - squared error / squared error of the
    training mean. z is the activity of each unit standardised on the training presentations.

    Args:
        activity: `(presentation, unit)`.
        labels: `(presentation,)`.
        penalty: on squared weights.
        n_folds: parts, each read by a probe that learned from the others; categories are spread evenly over them.
        groups: `(presentation,)`; presentations of one group are always held out together (sessions, subjects).
        shuffle_by: `(presentation,)`; presentations that share a value get one random label in the control, as
            word types do in the control task of Hewitt & Liang, so that what a probe can learn by heart counts
            there too. By default labels are permuted over presentations.
        n_shuffles: labels dealt anew.
        random_state: seed or generator of folds and shuffles.

    Raises:
        InputError: for values that are not finite or do not fit, a single label, too few presentations or groups for
            the folds, or a fold without which only one category is left.

    Source: selectivity after Hewitt & Liang 2019, arXiv:1909.03368.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 5))
    >>> found = probe_label(x, x[:, 2] > 0)
    >>> bool(found.score > 0.95), bool(abs(found.shuffled.mean() - 0.5) < 0.1), round(found.p_value, 2)
    (True, True, 0.09)
    >>> round(probe_label(x, 3 * x[:, 0] - x[:, 1]).score, 2)
    1.0
    """
    x, y = np.asarray(activity, dtype=np.float64), np.asarray(labels)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError("activity", x.shape, "needs finite numbers (presentation, unit), at least one")
    if y.shape != x.shape[:1]:
        raise InputError("labels", y.shape, f"needs one a presentation, of which there are {len(x)}")
    if n_shuffles < 1 or not penalty > 0:
        name, value = ("n_shuffles", n_shuffles) if n_shuffles < 1 else ("penalty", penalty)
        raise InputError(name, value, "must be above 0")
    number = y.dtype.kind == "f"
    values = np.empty(0)
    if number:
        if not np.isfinite(y).all() or np.ptp(y) == 0:
            raise InputError("labels", y, "needs finite numbers that differ")
        y, chance = y.astype(np.float64), 0.0
    else:
        codes, values = pd.factorize(y)
        if (codes < 0).any() or len(values) < 2:
            raise InputError("labels", list(values), "needs two categories or more, and one at every presentation")
        y, chance = codes, float(np.bincount(codes).max() / len(codes))
    rng = np.random.default_rng(random_state)
    types = np.arange(len(y)) if shuffle_by is None else _numbered(shuffle_by, len(y), "shuffle_by")
    together = None if groups is None else _numbered(groups, len(y), "groups")
    predicted, score = _held_out(x, y, number, penalty, n_folds, together, rng)
    shuffled = np.empty(n_shuffles)
    for draw in range(n_shuffles):
        dealt = rng.permutation(y) if shuffle_by is None else y[rng.integers(len(y), size=types.max() + 1)][types]
        shuffled[draw] = _held_out(x, dealt, number, penalty, n_folds, together, rng)[1]
    return Probed(score, chance, shuffled, predicted if number else values[predicted.astype(int)])


@method(
    kind="encoding",
    source="arXiv:1909.03368",
    example=lambda rng: _example(rng),
    exceptions={"labels_survive": "the answer is over sites and variables: a probe reads all units of a site"},
)
def linear_probe(
    recording: Recording,
    variables: str | Sequence[str],
    *,
    penalty: float = 1.0,
    n_folds: int = 5,
    groups: str | None = None,
    shuffle_by: str | None = None,
    n_shuffles: int = 10,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Read variables of the world off the activity of every site, and compare with variables dealt anew.

    `probe_label` says what is fitted. All sites are asked with the same folds and shuffles.

    Args:
        recording: activity `(presentation, unit)`.
        variables: presentation columns: floats are numbers, everything else is a category.
        penalty, n_folds, n_shuffles, random_state: as for `probe_label`.
        groups: the column of presentations that are held out together.
        shuffle_by: the column whose values get one random label each in the control.

    Returns:
        over `site` and `variable`: `score` (accuracy, or R^2 of a number), `chance`, `shuffled` (mean), `selectivity` =
        score - shuffled, and `p_value`; over `site`: `whole`, the share of presentations at which every category is
        read rightly (NaN if there is none).

    Raises:
        InputError: for a column that is missing, units that were not observed throughout, and as `probe_label`.

    Source: selectivity after Hewitt & Liang 2019, arXiv:1909.03368; probes of a whole world at one token as in
    Ivanitskiy et al. 2023, arXiv:2312.02566.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 4))
    >>> columns = {"door": np.where(x[:, 0] > 0, "open", "shut"), "noise": rng.random(200) > 0.5}
    >>> found = linear_probe(Recording.from_activity(x, site="layer", presentations=columns), ["door", "noise"])
    >>> (found["selectivity"].sel(site="layer") > 0.3).values.tolist()
    [True, False]
    """
    dataset, table = recording.dataset, recording.presentations
    if "activity" not in dataset or dataset["activity"].ndim != 2:
        raise InputError("recording", recording, "needs activity (presentation, unit): use .bin(width) or .count()")
    if "observed" in dataset and not dataset["observed"].values.all():
        raise InputError("recording", recording, "select the units and presentations that were observed throughout")
    names = [variables] if isinstance(variables, str) else list(variables)
    missing = [name for name in (*names, groups, shuffle_by) if name is not None and name not in table]
    if missing or not names:
        there = ", ".join(map(str, table))
        raise InputError("variables", missing or names, f"needs presentation columns; there are: {there}")
    seed = int(np.random.default_rng(random_state).integers(2**63))
    activity, site = recording.activity, recording.units["site"].to_numpy()
    sites = list(dict.fromkeys(site))
    columns = {name: table[name].to_numpy() for name in names}
    options: dict[str, Any] = {"penalty": penalty, "n_folds": n_folds, "n_shuffles": n_shuffles}
    options["groups"] = None if groups is None else table[groups].to_numpy()
    options["shuffle_by"] = None if shuffle_by is None else table[shuffle_by].to_numpy()
    rows, whole = [], []
    for one in sites:
        x, right = activity[:, site == one], []
        for k, (name, column) in enumerate(columns.items()):
            found = probe_label(x, column, random_state=np.random.default_rng([seed, k]), **options)
            rows.append((found.score, found.chance, found.shuffled.mean(), found.selectivity, found.p_value))
            if columns[name].dtype.kind != "f":
                right.append(found.predicted == column)
        whole.append(np.mean(np.all(right, axis=0)) if right else np.nan)
    if not sites:
        raise InputError("recording", recording, "has no units")
    cube = np.array(rows).reshape(len(sites), len(names), -1)
    measures = ("score", "chance", "shuffled", "selectivity", "p_value")
    return xr.Dataset(
        {name: (("site", "variable"), cube[..., k]) for k, name in enumerate(measures)} | {"whole": ("site", whole)},
        coords={"site": np.array(sites, dtype=object), "variable": np.array(names, dtype=object)},
    )


def _held_out(
    x: np.ndarray,
    y: np.ndarray,
    number: bool,
    penalty: float,
    n_folds: int,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """What probes read where they did not learn, and its score."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(
        StandardScaler(), Ridge(alpha=penalty) if number else LogisticRegression(C=1 / penalty, max_iter=5000)
    )
    predicted, guess = np.empty(len(y)), np.empty(len(y))
    for test in _folds(y, number, n_folds, groups, rng):
        train = y[~test]
        if np.ptp(train) == 0:
            raise InputError("labels", f"{len(y)} presentations", "a training part has a single label; use other folds")
        predicted[test] = probe.fit(x[~test], train).predict(x[test])
        guess[test] = train.mean()
    if number:
        return predicted, float(1 - ((y - predicted) ** 2).sum() / ((y - guess) ** 2).sum())
    return predicted, float((predicted == y).mean())


def _folds(
    y: np.ndarray, number: bool, n_folds: int, groups: np.ndarray | None, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Masks of the parts held out: whole groups, or else as much of every category in each."""
    n_dealt = len(y) if groups is None else groups.max() + 1
    if not 2 <= n_folds <= n_dealt:
        what = "presentations" if groups is None else "groups"
        raise InputError("n_folds", n_folds, f"needs at least 2, and at most as many as there are {what}, {n_dealt}")
    order = rng.permutation(n_dealt)
    if groups is None and not number:
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(n_dealt, dtype=np.int64)
    fold[order] = np.arange(n_dealt) % n_folds
    fold = fold if groups is None else fold[groups]
    return (fold == k for k in range(n_folds))


def _numbered(values: Any, n: int, argument: str) -> np.ndarray:
    codes, _ = pd.factorize(np.asarray(values))
    if codes.shape != (n,) or (codes < 0).any():
        raise InputError(argument, codes.shape, f"needs one value at each of the {n} presentations")
    return codes


def _example(rng: np.random.Generator) -> tuple[tuple[Recording, list[str]], dict[str, Any]]:
    x = rng.normal(size=(60, 6))
    columns = {"side": np.where(x[:, 0] + x[:, 4] > 0, "left", "right"), "depth": x[:, 1] - x[:, 5]}
    return (Recording.from_activity(x, presentations=columns), ["side", "depth"]), {"n_folds": 3, "n_shuffles": 2}
