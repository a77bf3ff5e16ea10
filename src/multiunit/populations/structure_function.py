"""Whether units that are wired together are active together."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.populations.functional_connectivity import functional_connectivity

STATISTICS = ("auroc", "rank_correlation")
NULLS = ("labels", "degree")


def wiring_scores(functional: np.ndarray, weight: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """How well activity tells wired pairs: AUROC of wired against unwired, and rank correlation with the weight.

    AUROC = P(f_wired > f_unwired) + P(f_wired = f_unwired) / 2; the rank correlation is Spearman's, over all pairs.

    Args:
        functional: `(unit, unit)`.
        weight: `(unit, unit)`, 0 where there is no connection.
        pairs: the index arrays of the pairs that count.

    Returns:
        `(2,)`: in the order of `STATISTICS`; NaN if all pairs are wired or none is.
    """
    f, w = functional[pairs], weight[pairs]
    wired = w > 0
    n, m = int(wired.sum()), int((~wired).sum())
    if not n or not m:
        return np.full(2, np.nan)
    ranks = rankdata(f)
    auroc = (ranks[wired].sum() - n * (n + 1) / 2) / (n * m)
    return np.array([auroc, np.corrcoef(ranks, rankdata(w))[0, 1] if np.ptp(f) > 0 else 0.0])


def rewire(weight: np.ndarray, *, random_state: int | np.random.Generator = 0, n_swaps: int = 10) -> np.ndarray:
    """Rewire an undirected graph at random, keeping every unit's number of connections.

    Two edges a-b, c-d become a-d, c-b, unless that makes a loop or a double edge; `n_swaps` attempts an edge. Each
    edge keeps its weight. The degrees are those of before.

    Args:
        weight: `(unit, unit)`, symmetric; the diagonal is left out.
        random_state: seed or generator.
        n_swaps: attempted swaps an edge.

    Returns:
        `(unit, unit)`, symmetric.

    Source: Maslov and Sneppen 2002, doi:10.1126/science.1065103.

    >>> ring = np.roll(np.eye(12), 1, axis=1) + np.roll(np.eye(12), -1, axis=1)
    >>> new = rewire(ring)
    >>> new.sum(axis=0).tolist() == ring.sum(axis=0).tolist(), bool((new != ring).any())
    (True, True)
    """
    rng = np.random.default_rng(random_state)
    first, second = (ends.tolist() for ends in np.nonzero(np.triu(weight, k=1)))
    weights = [float(weight[a, b]) for a, b in zip(first, second, strict=True)]
    present = {frozenset(edge) for edge in zip(first, second, strict=True)}
    n_edges = len(first)
    draws = rng.integers(max(1, n_edges), size=(n_swaps * n_edges, 2)).tolist()
    flips = rng.random(n_swaps * n_edges) < 0.5
    for (i, j), flip in zip(draws, flips.tolist(), strict=True):
        a, b, c, d = first[i], second[i], first[j], second[j]
        if flip:
            c, d = d, c
        new, other = frozenset((a, d)), frozenset((c, b))
        if len({a, b, c, d}) < 4 or new in present or other in present:
            continue
        present -= {frozenset((a, b)), frozenset((c, d))}
        present |= {new, other}
        second[i], first[j], second[j] = d, c, b
    out = np.zeros_like(weight, dtype=np.float64)
    out[first, second] = weights
    return out + out.T


def example(rng: np.random.Generator) -> tuple[tuple[Recording], dict[str, int]]:
    """One animal of eight neurons, wired in a chain, for the contract checks."""
    recording = Recording.from_activity(rng.normal(size=(40, 8)), presentations={"subject": ["w"] * 40})
    edges = {"pre": ("edge", np.arange(7)), "post": ("edge", np.arange(1, 8)), "weight": ("edge", np.arange(1.0, 8))}
    return (Recording(recording.dataset.assign(edges)),), {"n_permutations": 20}


@method(
    kind="population",
    source="arXiv:2411.12091",
    example=example,
    nan="the unit was not recorded in that animal",
    exceptions={
        "permuting_units_permutes": "the nulls draw permutations of the units",
        "labels_survive": "the answer is over statistics and nulls",
    },
)
def structure_function(
    recording: Recording,
    *,
    kind: str | None = None,
    over: str = "subject",
    exclude: np.ndarray | None = None,
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Set the mean correlation of every co-recorded pair of neurons beside their connection.

    Both directions of a pair are one: its weight is the larger of the two. The null `labels` permutes the connectome's
    neurons, rows and columns together; the null `degree` rewires it with every neuron's number of connections kept.

    Args:
        recording: as `io.homogenize` gives it, with a connectome joined.
        kind: only edges of this `kind`, such as "gap"; None takes all.
        over: the presentation column that names the animal.
        exclude: bool `(unit, unit)`, pairs to leave out, such as left-right homologues.
        n_permutations: draws of each null.
        random_state: seed or generator of the nulls.

    Returns:
        over `statistic` ("auroc", "rank_correlation"): `value`; over `null` ("labels", "degree") as well: `null_mean`,
        `null_deviation`, `p` = (1 + #{null >= value}) / (1 + n_permutations). Attributes `n_pairs`, `n_wired`.

    Raises:
        InputError: without edges (of this kind), or if co-recorded pairs are all wired or none is.

    Source: after Simeon et al. 2024, arXiv:2411.12091; the statistic and the nulls are ours.
    """
    dataset = recording.dataset
    if "pre" not in dataset:
        raise InputError("recording", recording, "has no edges; homogenize(..., connectome=...) joins them")
    if n_permutations < 1:
        raise InputError("n_permutations", n_permutations, "must be at least 1")
    weight = _undirected(recording, kind)
    functional = functional_connectivity(recording, over=over)["mean_correlation"].values
    counted = np.isfinite(functional) & np.triu(np.ones(weight.shape, dtype=bool), k=1)
    if exclude is not None:
        exclude = np.asarray(exclude, dtype=bool)
        if exclude.shape != weight.shape:
            raise InputError("exclude", exclude.shape, f"needs shape {weight.shape}")
        counted &= ~(exclude | exclude.T)
    # The nulls shuffle only neurons that were recorded: others would bring in pairs that cannot be scored.
    seen = np.flatnonzero(np.isfinite(np.diag(functional)))
    functional, weight, counted = (m[np.ix_(seen, seen)] for m in (functional, weight, counted))
    # What is left out must not come back through a shuffle as a connection of a pair that counts.
    weight = np.where(counted | counted.T, weight, 0.0)
    first, second = np.nonzero(counted)
    pairs = (first, second)
    value = wiring_scores(functional, weight, pairs)
    n_wired = int((weight[pairs] > 0).sum())
    if not np.isfinite(value).all():
        raise InputError("recording", f"{n_wired} of {len(first)} pairs wired", "needs wired and unwired pairs")
    rng = np.random.default_rng(random_state)
    null = np.empty((len(NULLS), n_permutations, len(STATISTICS)))
    for draw in range(n_permutations):
        order = rng.permutation(len(seen))
        null[0, draw] = wiring_scores(functional, weight[order][:, order], pairs)
        null[1, draw] = wiring_scores(functional, rewire(weight, random_state=rng), pairs)
    if not np.isfinite(null).all():
        raise InputError("recording", f"{n_wired} of {len(first)} pairs wired", "too few wired pairs for a null")
    dims = ("null", "statistic")
    return xr.Dataset(
        {
            "value": ("statistic", value),
            "null_mean": (dims, null.mean(axis=1)),
            "null_deviation": (dims, null.std(axis=1)),
            "p": (dims, (1 + (null >= value).sum(axis=1)) / (1 + n_permutations)),
        },
        coords={"statistic": list(STATISTICS), "null": list(NULLS)},
        attrs={"n_pairs": len(first), "n_wired": n_wired},
    )


def _undirected(recording: Recording, kind: str | None) -> np.ndarray:
    dataset = recording.dataset
    pre, post = dataset["pre"].values, dataset["post"].values
    weight = dataset["weight"].values.astype(float) if "weight" in dataset else np.ones(len(pre))
    chosen = np.ones(len(pre), dtype=bool)
    if kind is not None:
        kinds = dataset["kind"].values if "kind" in dataset else np.full(len(pre), "", dtype=object)
        chosen = kinds == kind
    if not chosen.any():
        raise InputError("kind", kind, "no edge between recorded neurons has it")
    matrix = np.zeros((recording.n_units, recording.n_units))
    np.add.at(matrix, (pre[chosen], post[chosen]), weight[chosen])
    np.fill_diagonal(matrix, 0.0)
    return np.maximum(matrix, matrix.T)
