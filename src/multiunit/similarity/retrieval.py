"""Retrieval: can the item be found in one system by what another system holds of it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import normalize

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired

Mapping = Literal["procrustes", "ridge"]

_PENALTIES = np.geomspace(1e-2, 1e6, 9)


def csls(similarity: Any, *, n_neighbours: int = 10) -> np.ndarray:
    """Cross-domain similarity local scaling: similarities less how near each side is to everything.

    csls_ij = 2 s_ij - r_i - r_j, with r_i the mean of the `n_neighbours` largest s of query i, and r_j of candidate j.
    Hubs, candidates that are near to all queries, are found less often.

    Args:
        similarity: `(query, candidate)`, such as cosines.
        n_neighbours: of either side; at most as many as there are.

    Raises:
        InputError: for another shape, no neighbours, or numbers that are not finite.

    Source: Conneau et al. 2018, arXiv:1710.04087.

    >>> hub = np.array([[0.5, 0.0, 0.6], [0.0, 0.5, 0.6], [0.0, 0.0, 0.9]])
    >>> hub.argmax(axis=1).tolist(), csls(hub, n_neighbours=1).argmax(axis=1).tolist()
    ([2, 2, 2], [0, 1, 2])
    """
    s = np.asarray(similarity, dtype=np.float64)
    if s.ndim != 2 or not s.size or not np.isfinite(s).all():
        raise InputError("similarity", s.shape, "needs (query, candidate), finite")
    if n_neighbours < 1:
        raise InputError("n_neighbours", n_neighbours, "must be at least 1")
    of_query = np.sort(s, axis=1)[:, -n_neighbours:].mean(axis=1, keepdims=True)
    of_candidate = np.sort(s, axis=0)[-n_neighbours:].mean(axis=0, keepdims=True)
    return np.asarray(2 * s - of_query - of_candidate)


@method(kind="population", source="arXiv:2306.01930", example=lambda rng: _example(rng))
def retrieval(
    x: Any,
    y: Any,
    *,
    mapping: Mapping = "procrustes",
    n_components: int = 100,
    ks: Sequence[int] = (1, 5, 10),
    csls_neighbours: int | None = None,
    n_folds: int = 5,
    contiguous: bool = True,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Map x to y on some presentations, and look for each held-out presentation of x among those of y.

    In each fold both sides are centred and reduced to their principal components, all learned from the training
    presentations. `procrustes`: both to the same number, y' = s x Q with Q orthogonal and s a scale; of the SVD
    X'Y = U S V', Q = U V' and s = sum(S) / |X|^2. It cannot make one dimension stronger than another. `ridge`:
    y' = x B, each side with its own components, the penalty of each component of y chosen by leave-one-out error of the
    training part. The held-out y are then ranked by their cosine to y', or its `csls`.

    Both precision and the likeness of distances can rise with the number of units alone: beside it go the same call
    with x permuted and with random vectors of as many units.

    Args:
        x, y: arrays or recordings, `(presentation, unit)`, the same presentations: x, often the measured one, asks;
            y answers.
        mapping: `"procrustes"` or `"ridge"`.
        n_components: most components of a side; never more than it has, or the training part tells apart.
        ks: lengths of the list in which the right presentation counts as found.
        csls_neighbours: of `csls`; None ranks by cosine.
        n_folds: parts, each asked for by the map of the others; at least 2 presentations in each.
        contiguous: parts are runs of neighbours, as a text or a scan needs, whose neighbours are alike; else they are
            drawn at random.
        random_state: draws the parts unless `contiguous`.

    Returns:
        over `k`: `precision`, the share of presentations among the best k, and `chance`, the mean of k / held-out ones;
        over `presentation`: `rank` of the right one, from 1, those that tie with it before it, and `fold`; `pairwise`,
        the share of pairs of held-out presentations whose cosines are larger together the right way round (chance 0.5);
        `disparity`, |y - y'|^2 / |y|^2 of the held-out ones together (on training ones, with both sides of length 1,
        Procrustes would give 1 - sum(S)^2): 0 if all is found, 1 or more if nothing is.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a system that is constant in a training
            part, or arguments out of range.

    Source: Li et al. 2023, arXiv:2306.01930, and the authors' code, which searches all words, with CSLS of 100
    neighbours, and takes 4 folds; pairwise: Mitchell et al. 2008, Science 320:1191; disparity: Gower 1975.

    >>> rng = np.random.default_rng(0)
    >>> x, turn = rng.normal(size=(50, 4)), np.linalg.qr(rng.normal(size=(4, 4)))[0]
    >>> found = retrieval(x, 3 * x @ turn + 1)
    >>> found["precision"].values.tolist(), found["chance"].values.round(6).tolist()
    ([1.0, 1.0, 1.0], [0.1, 0.5, 1.0])
    >>> round(float(found["disparity"]), 9), float(found["pairwise"])
    (0.0, 1.0)
    >>> bool(retrieval(x, rng.permutation(x))["precision"].sel(k=1) < 0.3)
    True
    """
    sides = paired(x, y)
    n = len(sides.x)
    if mapping not in ("procrustes", "ridge"):
        raise InputError("mapping", mapping, "is neither procrustes nor ridge")
    if n_components < 1:
        raise InputError("n_components", n_components, "must be at least 1")
    if not 2 <= n_folds <= n // 2:
        raise InputError("n_folds", n_folds, f"must be at least 2, and leave 2 of {n} presentations in each part")
    if not len(ks) or min(ks) < 1 or len(set(ks)) < len(ks):
        raise InputError("ks", list(ks), "give lengths of 1 or more, each once")
    order = np.arange(n) if contiguous else np.random.default_rng(random_state).permutation(n)
    rank, fold, size = (np.empty(n, dtype=np.int64) for _ in range(3))
    right = pairs = residual = total = 0.0
    for number, test in enumerate(np.array_split(order, n_folds)):
        train = np.setdiff1d(order, test)
        predicted, actual = _mapped(sides.x, sides.y, train, test, mapping, n_components)
        cosine = normalize(predicted) @ normalize(actual).T
        score = cosine if csls_neighbours is None else csls(cosine, n_neighbours=csls_neighbours)
        # Of those that score the same, the right one comes last: vectors that are all alike find nothing.
        rank[test] = (score >= score.diagonal()[:, None]).sum(axis=1)
        fold[test], size[test] = number, len(test)
        own = cosine.diagonal()
        upper = np.triu_indices(len(test), 1)
        right += float(((own[:, None] + own) > (cosine + cosine.T) + 1e-12)[upper].sum())
        pairs += len(upper[0])
        residual += float(np.square(actual - predicted).sum())
        total += float(np.square(actual).sum())
    if total == 0:
        raise InputError("y", "constant", "its held-out presentations do not differ from the mean")
    lengths = np.asarray(ks, dtype=np.int64)
    return xr.Dataset(
        {
            "precision": ("k", (rank[:, None] <= lengths).mean(axis=0)),
            "chance": ("k", np.minimum(lengths / size[:, None], 1.0).mean(axis=0)),
            "rank": ("presentation", rank),
            "fold": ("presentation", fold),
            "pairwise": right / pairs,
            "disparity": residual / total,
        },
        coords={"k": lengths},
    )


class _Mapped(NamedTuple):
    """Held-out presentations as the map predicts them and as they are, `(presentation, component)`."""

    predicted: np.ndarray
    actual: np.ndarray


def _mapped(
    x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, mapping: str, n_components: int
) -> _Mapped:
    (x_train, x_test), (y_train, y_test) = (
        _components(name, side, train, test, n_components) for name, side in (("x", x), ("y", y))
    )
    if mapping == "ridge":
        # One scale for all components, so that the penalties mean the same for any unit of measurement.
        scale = np.sqrt(np.square(x_train).mean())
        model = RidgeCV(_PENALTIES, alpha_per_target=y_train.shape[1] > 1).fit(x_train / scale, y_train)
        return _Mapped(np.reshape(model.predict(x_test / scale), y_test.shape), y_test)
    k = min(x_train.shape[1], y_train.shape[1])
    x_train, x_test, y_train, y_test = (side[:, :k] for side in (x_train, x_test, y_train, y_test))
    u, s, v = np.linalg.svd(x_train.T @ y_train)
    return _Mapped(x_test @ (u @ v) * (s.sum() / np.square(x_train).sum()), y_test)


def _components(
    name: str, side: np.ndarray, train: np.ndarray, test: np.ndarray, n_components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out presentations on the principal components of the training ones."""
    mean = side[train].mean(axis=0)
    u, s, axes = np.linalg.svd(side[train] - mean, full_matrices=False)
    k = min(n_components, int((s > 1e-10 * s[0]).sum()))
    if s[0] <= 1e-10 * np.linalg.norm(side):
        raise InputError(name, "constant", "no unit varies in a training part; drop the folds or shuffle them")
    return u[:, :k] * s[:k], (side[test] - mean) @ axes[:k].T


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    y = rng.normal(size=(40, 6))
    return (y @ rng.normal(size=(6, 5)) + 0.3 * rng.normal(size=(40, 5)), y), {}
