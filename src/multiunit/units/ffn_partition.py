"""Bricks: the neurons of a feed-forward layer in groups that act together, and what each group is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.edit import like_index
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.expert_units import average_precision
from multiunit.units.observed import labels

# Above this many units the exact assignment would need gigabytes.
_EXACT = 4096
# Above this many units only the eigenvectors that are needed are computed.
_DENSE = 512


def co_activation(activity: np.ndarray, *, magnitude: bool = False) -> np.ndarray:
    """How strongly units act together: G_ij = sum_x a_i a_j over the presentations in which both are positive.

    Args:
        activity: `(presentation, unit)`. The graphs of blocks add up to the graph of the whole.
        magnitude: count |a|, for gated neurons (SwiGLU), whose sign says nothing about their being active.

    Returns:
        `(unit, unit)`, float64, symmetric.

    >>> co_activation(np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])).tolist()
    [[1.0, 2.0, 0.0], [2.0, 5.0, 3.0], [0.0, 3.0, 9.0]]
    """
    a = _active(np.asarray(activity, dtype=np.float64), magnitude)
    return a.T @ a


def weight_bricks(weights: np.ndarray, *, n_bricks: int, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Partition neurons into equal bricks by what they read: balanced k-means on their input weights.

    Args:
        weights: `(unit, input)`, such as the weight of the layer's up or gate projection.
        n_bricks: bricks; their sizes differ by at most one.
        random_state: of k-means.

    Returns:
        The brick of every unit, `(unit,)`, numbered by falling sum of the norms of its weights.

    Raises:
        InputError: for weights that are no matrix or not finite, or more bricks than units.

    Source: Zhang et al. 2022, arXiv:2110.01786.

    >>> weight_bricks(np.array([[5.0, 0.0], [0.0, 1.0], [5.0, 0.1], [0.1, 1.0]]), n_bricks=2).tolist()
    [0, 1, 0, 1]
    """
    w = _matrix(weights, "weights", n_bricks)
    norm = np.linalg.norm(w, axis=1)
    return _balanced(w, norm, n_bricks, random_state)


def coactivation_bricks(graph: np.ndarray, *, n_bricks: int, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Partition neurons into equal bricks that act together: a balanced spectral cut of the co-activation graph.

    The rows of the `n_bricks` leading eigenvectors of D^-1/2 G D^-1/2 (without the diagonal), brought to norm 1, are
    clustered by balanced k-means.

    Args:
        graph: `(unit, unit)`, such as `co_activation` gives; symmetric, none negative.
        n_bricks: bricks; their sizes differ by at most one.
        random_state: of k-means.

    Returns:
        The brick of every unit, `(unit,)`, numbered by falling strength (sum of the graph's rows).

    Raises:
        InputError: for a graph that is not square, symmetric, finite and free of negative values, or more bricks than
            units.

    Source: Ng, Jordan & Weiss 2001 for the embedding; balance as in arXiv:2110.01786, whose own graph partition
    (METIS) is replaced.

    >>> together = np.array([[0, 1, 9, 1], [1, 0, 1, 5], [9, 1, 0, 1], [1, 5, 1, 0]])
    >>> coactivation_bricks(together, n_bricks=2).tolist()
    [0, 1, 0, 1]
    """
    g = _graph(graph, n_bricks)
    strength = g.sum(axis=1)
    root = np.sqrt(np.where(strength > 0, strength, 1.0))
    embedding = _leading(g / root[:, None] / root, n_bricks)
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    embedding = np.divide(embedding, norm, out=np.zeros_like(embedding), where=norm > 1e-9)
    return _balanced(embedding, strength, n_bricks, random_state)


def modularity(graph: np.ndarray, bricks: np.ndarray) -> float:
    """Newman's modularity: the share of weight within bricks, less the share expected from the strengths alone.

    Q = sum_b [ W_b / W - (S_b / W)^2 ], W_b the weight between units of b and S_b the strength of its units, W the
    sum of all strengths; a unit's weight with itself counts nowhere.

    Args:
        graph: `(unit, unit)`.
        bricks: `(unit,)`.

    Returns:
        from -1/2 to 1; 0 for a graph without weight.

    Raises:
        InputError: as `coactivation_bricks`, or for lengths that differ.

    Source: Newman 2004, doi:10.1103/PhysRevE.70.056131.

    >>> modularity(np.kron(np.eye(2), np.ones((2, 2))), np.array([0, 0, 1, 1]))
    0.5
    """
    g, number = _graph(graph, 1), np.unique(bricks, return_inverse=True)[1]
    if number.shape != g.shape[:1]:
        raise InputError("bricks", number.shape, f"needs one brick for each of {len(g)} units")
    total = g.sum()
    if not total:
        return 0.0
    member = np.eye(number.max() + 1)[number]
    between = member.T @ g @ member / total
    return float(between.trace() - np.square(between.sum(axis=1)).sum())


def active_share(
    activity: np.ndarray, bricks: np.ndarray, *, mass: float = 0.95, magnitude: bool = False
) -> np.ndarray:
    """The share of bricks that is enough for most of a presentation's activity, the strongest first.

    Args:
        activity: `(presentation, unit)`.
        bricks: `(unit,)`.
        mass: share of the sum of positive activity that they must hold, in (0, 1].
        magnitude: see `co_activation`.

    Returns:
        `(presentation,)`; 0 where nothing is active.

    Raises:
        InputError: for a mass outside (0, 1].

    >>> active_share(np.array([[9.0, 9.0, 0.0, 0.1], [1.0, 1.0, 1.0, 1.0]]), np.array([0, 0, 1, 1])).tolist()
    [0.5, 1.0]
    """
    if not 0 < mass <= 1:
        raise InputError("mass", mass, "a share above 0 and at most 1")
    number = np.unique(bricks, return_inverse=True)[1]
    member = np.eye(number.max() + 1)[number]
    held = -np.sort(-_active(np.asarray(activity, dtype=np.float64), magnitude) @ member, axis=1)
    cumulative = held.cumsum(axis=1)
    # Rounding must not ask for one brick more than the mass needs.
    enough = cumulative >= mass * cumulative[:, -1:] * (1 - 1e-9)
    return np.where(cumulative[:, -1] > 0, enough.argmax(axis=1) + 1, 0) / member.shape[1]


def keep_bricks(activity: Any, bricks: np.ndarray, *, share: float = 0.25, magnitude: bool = False) -> Any:
    """Run the strongest bricks only: at every presentation the others' units are set to 0.

    The bricks are routed by an oracle, the sum of their positive activity. In `core.edit.Replace(site, function)` this
    is an intervention: `Replace(site, lambda a: keep_bricks(a, bricks))`.

    Args:
        activity: `(..., unit)`, an array or a tensor on any device.
        bricks: `(unit,)`.
        share: of the bricks that run; at least one does.
        magnitude: see `co_activation`.

    Returns:
        The activity, of the same kind and shape.

    Raises:
        InputError: for a share outside (0, 1], or another number of units.

    >>> keep_bricks(np.array([[1.0, 3.0, 5.0, 0.0], [2.0, 2.0, 1.0, 0.0]]), np.array([0, 0, 1, 1]), share=0.5).tolist()
    [[0.0, 0.0, 5.0, 0.0], [2.0, 2.0, 0.0, 0.0]]
    """
    number = np.unique(bricks, return_inverse=True)[1]
    if number.shape != tuple(activity.shape[-1:]):
        raise InputError("bricks", number.shape, f"needs one brick for each of {activity.shape[-1]} units")
    if not 0 < share <= 1:
        raise InputError("share", share, "a share of the bricks, above 0 and at most 1")
    n_bricks = int(number.max()) + 1
    n_kept = max(1, round(share * n_bricks))
    member = np.eye(n_bricks)[number]
    if hasattr(activity, "new_tensor"):
        import torch

        held = _active(activity, magnitude) @ torch.as_tensor(member).to(activity)
        kept = torch.zeros_like(held).scatter_(-1, held.topk(n_kept, dim=-1).indices, 1.0)
        return activity * kept[..., like_index(number, activity)]
    held = _active(activity, magnitude) @ member
    kept = np.zeros_like(held)
    np.put_along_axis(kept, np.argsort(-held, axis=-1, kind="stable")[..., :n_kept], 1.0, axis=-1)
    return activity * kept[..., number]


@method(kind="measure", source="arXiv:2409.02877", example=lambda rng: _example(rng))
def ffn_partition(
    recording: Recording,
    variable: str,
    *,
    n_bricks: int = 8,
    weights: Mapping[str, np.ndarray] | None = None,
    magnitude: bool = False,
    mass: float = 0.95,
    random_state: int = 0,
) -> xr.Dataset:
    """Cut each site's neurons into bricks, and say what every neuron and brick is for.

    score(unit, function) = average precision of the unit's activity as a detector of the function against the others;
    a brick's score is the mean over its units. Whether a function's units carry it shows only when they are silenced.

    Args:
        recording: MLP activity `(presentation, unit)`; presentations are tokens, or pooled texts.
        variable: a presentation column that names the function (task, kind of text) of each presentation.
        n_bricks: bricks of every site.
        weights: site -> `(unit, input)`, the input weights of the recorded units: partition by `weight_bricks`;
            without, by `coactivation_bricks` of the recording.
        magnitude: see `co_activation`.
        mass: see `active_share`.
        random_state: of k-means, the same for all sites.

    Returns:
        over `unit`: `brick`, `score(unit, function)`; over `layer` - the sites, sorted: `modularity` of the
        co-activation graph in these bricks, `active_share`, `brick_score(layer, brick, function)`.

    Raises:
        InputError: for activity that is not finite, a single function, or more bricks than a site has units.

    Source: Xiao et al. 2024, arXiv:2409.02877, reconstructed from the abstract and from Zhang et al. 2022,
    arXiv:2110.01786 (partitions); unsure are the survey's own function score and threshold.

    >>> a = np.array([[2.0, 2.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 2.0]])
    >>> told = Recording.from_activity(a, units={"site": ["m"] * 4}, presentations={"task": ["p", "p", "q", "q"]})
    >>> found = ffn_partition(told, "task", n_bricks=2)
    >>> found["brick"].values.tolist(), found["modularity"].values.tolist()
    ([0, 0, 1, 1], [0.4444444444444444])
    """
    dataset = recording.dataset
    if "activity" not in dataset or dataset["activity"].ndim != 2 or 0 in dataset["activity"].shape:
        raise InputError("recording", recording, "needs activity (presentation, unit)")
    activity = np.asarray(recording.activity, dtype=np.float64)
    if not np.isfinite(activity).all():
        raise InputError("recording", "NaN or infinity", "select presentations and units that were recorded")
    function = labels(recording, variable)
    if "observed" in dataset and not dataset["observed"].values.all():
        raise InputError("recording", "unobserved units", "bricks need all units in all presentations")
    score = average_precision(_active(activity, magnitude) if magnitude else activity, function)
    site = recording.units["site"].to_numpy(dtype=object)
    names = sorted(set(site))
    brick = np.empty(len(site), dtype=np.int64)
    quality = np.empty((2, len(names)))
    of_brick = np.empty((len(names), n_bricks, score.shape[1]))
    for row, name in enumerate(names):
        mine = np.flatnonzero(site == name)
        graph = co_activation(activity[:, mine], magnitude=magnitude)
        if weights is None:
            parts = coactivation_bricks(graph, n_bricks=n_bricks, random_state=random_state)
        elif name in weights and len(weights[name]) == len(mine):
            parts = weight_bricks(weights[name], n_bricks=n_bricks, random_state=random_state)
        else:
            raise InputError("weights", name, f"needs the weights of the {len(mine)} units of this site")
        brick[mine] = parts
        quality[:, row] = (
            modularity(graph, parts),
            active_share(activity[:, mine], parts, mass=mass, magnitude=magnitude).mean(),
        )
        of_brick[row] = [score[mine[parts == b]].mean(axis=0) for b in range(n_bricks)]
    return xr.Dataset(
        {
            "brick": ("unit", brick),
            "score": (("unit", "function"), score),
            "modularity": ("layer", quality[0]),
            "active_share": ("layer", quality[1]),
            "brick_score": (("layer", "brick_number", "function"), of_brick),
        },
        coords={
            "unit_id": dataset.coords["unit_id"],
            "site": dataset.coords["site"],
            "function": np.unique(function),
            "layer": np.array(names, dtype=object),
        },
        attrs={"mass": mass, "partition": "coactivation" if weights is None else "weights"},
    )


def _active(activity: Any, magnitude: bool) -> Any:
    """What of the activity counts as active: its positive part, or its size."""
    return abs(activity) if magnitude else (abs(activity) + activity) / 2


def _matrix(values: Any, name: str, n_bricks: int) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise InputError(name, x.shape, "needs a matrix of finite numbers")
    if not 1 <= n_bricks <= len(x):
        raise InputError("n_bricks", n_bricks, f"from 1 to the number of units, {len(x)}")
    return x


def _graph(graph: Any, n_bricks: int) -> np.ndarray:
    """The graph without its diagonal."""
    g = _matrix(graph, "graph", n_bricks).copy()
    if g.shape[0] != g.shape[1] or (g < 0).any() or not np.allclose(g, g.T, rtol=1e-6, atol=1e-9 * g.max()):
        raise InputError("graph", g.shape, "needs a symmetric matrix without negative values")
    np.fill_diagonal(g, 0.0)
    return g


def _leading(matrix: np.ndarray, k: int) -> np.ndarray:
    """The k leading eigenvectors of a symmetric matrix, as columns."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    n = len(matrix)
    if n <= _DENSE or k >= n // 2:
        return eigh(matrix, subset_by_index=[n - k, n - 1])[1]
    return eigsh(matrix, k=k, v0=np.ones(n), which="LA")[1]


def _balanced(x: np.ndarray, size: np.ndarray, n_bricks: int, random_state: int | np.random.Generator) -> np.ndarray:
    """Balanced k-means: centres by k-means, then units assigned to places at the least cost, and centres anew."""
    from sklearn.cluster import KMeans

    seed = int(np.random.default_rng(random_state).integers(2**31))
    # Fewer different points than bricks leave k-means without centres.
    n_centres = min(n_bricks, len(np.unique(x, axis=0)))
    centres = KMeans(n_centres, n_init=10, random_state=seed).fit(x).cluster_centers_
    centres = np.concatenate([centres, np.repeat(x.mean(axis=0, keepdims=True), n_bricks - n_centres, axis=0)])
    brick = np.full(len(x), -1)
    for _ in range(20):
        cost = np.square(x).sum(1)[:, None] - 2 * x @ centres.T + np.square(centres).sum(1)
        assigned = _assigned(cost)
        if (assigned == brick).all():
            break
        brick = assigned
        centres = np.stack([x[brick == b].mean(axis=0) for b in range(n_bricks)])
    totals = np.bincount(brick, weights=size, minlength=n_bricks)
    return np.argsort(np.argsort(-totals, kind="stable"))[brick]


def _assigned(cost: np.ndarray) -> np.ndarray:
    """A brick for every unit, sizes differing by at most one: at the least cost, or greedily where units are many."""
    from scipy.optimize import linear_sum_assignment

    n, n_bricks = cost.shape
    capacity = np.full(n_bricks, n // n_bricks)
    # Larger bricks are those that most units are nearest to.
    popular = np.argsort(-np.bincount(cost.argmin(axis=1), minlength=n_bricks), kind="stable")
    capacity[popular[: n % n_bricks]] += 1
    if n <= _EXACT:
        places = np.repeat(np.arange(n_bricks), capacity)
        return places[linear_sum_assignment(cost[:, places])[1]]
    brick = np.full(n, -1)
    open_, waiting = np.arange(n_bricks), np.arange(n)
    # The units that lose most without their first choice choose first; a full brick is closed and the rest rank anew.
    while len(waiting):
        here = cost[np.ix_(waiting, open_)]
        first = here.argmin(axis=1)
        two = np.partition(here, 1, axis=1)[:, :2] if len(open_) > 1 else here[:, [0, 0]]
        for rank in np.argsort(-(two[:, 1] - two[:, 0]), kind="stable"):
            chosen = open_[first[rank]]
            if capacity[chosen]:
                brick[waiting[rank]] = chosen
                capacity[chosen] -= 1
        open_, waiting = np.flatnonzero(capacity), np.flatnonzero(brick < 0)
    return brick


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    function = np.arange(60) % 3
    drive = np.eye(3)[function] * rng.gamma(4.0, size=(60, 3))
    activity = np.repeat(drive, 4, axis=1) * np.linspace(0.8, 1.2, 12) + 0.1 * rng.random((60, 12))
    recording = Recording.from_activity(
        np.concatenate([activity, 2 * activity], axis=1),
        units={"site": ["a"] * 12 + ["b"] * 12},
        presentations={"task": [f"t{f}" for f in function]},
    )
    return (recording, "task"), {"n_bricks": 3}
