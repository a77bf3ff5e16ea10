"""Query-relevant neurons (QRNCA): units that bring about the answer to one question, and not to most others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.systems.gradients import Objective
    from multiunit.systems.torch_system import TorchSystem
    from multiunit.units.question import Question


def coarse(attribution: np.ndarray, *, threshold: float = 0.2) -> np.ndarray:
    """Keep what is above a share of each prompt's largest attribution, and set the rest to 0.

    Args:
        attribution: `(prompt, unit)`, over all units that compete.
        threshold: the share, in [0, 1).

    Returns:
        `(prompt, unit)`; a prompt without any positive attribution keeps nothing.

    Raises:
        InputError: for a threshold out of range, no units, or attributions that are not finite.

    >>> coarse(np.array([[1.0, 0.1, 0.5], [-1.0, -2.0, 0.0]])).tolist()
    [[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    """
    if not 0 <= threshold < 1:
        raise InputError("threshold", threshold, "a share of the largest attribution, at least 0 and below 1")
    values = np.asarray(attribution)
    if values.ndim != 2 or not values.shape[1] or not np.isfinite(values).all():
        raise InputError("attribution", values.shape, "needs finite numbers (prompt, unit), and units")
    largest = values.max(axis=1, keepdims=True).clip(min=0)
    return np.where(values > threshold * largest, values, 0).astype(values.dtype)


def query_scores(attribution: np.ndarray) -> np.ndarray:
    """Weigh attribution to a query by how rare it is among queries: s_jq = NA_jq log(|Q| / (n_j + 1)).

    Args:
        attribution: `(unit, query)`, summed over the prompts of each query, 0 outside its coarse set.

    Returns:
        `(unit, query)`; NA is the attribution as a share of the query's total, n_j in how many queries' sets j is.

    Raises:
        InputError: for attributions that are negative or not finite.

    >>> query_scores(np.array([[1.0, 3.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])).round(3).tolist()
    [[-0.144, -0.288, -0.288], [0.203, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    values = np.asarray(attribution, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError("attribution", "negative or not finite", "needs sums over coarse sets (query_attribution)")
    rarity = np.log(values.shape[1] / (1 + (values > 0).sum(axis=1)))
    return _shares(values) * rarity[:, None]


def query_attribution(
    system: TorchSystem,
    prompts: Any,
    sites: str | Sequence[str] | None = None,
    *,
    by: str = "query",
    objective: Objective | None = None,
    n_steps: int = 20,
    threshold: float = 0.2,
) -> xr.Dataset:
    """Attribute the answers to MLP neurons at the last position; only sums over each query's prompts are kept.

    NA_j(prompt) = a_j (1/m) sum_k dP(answer)/da_j at alpha_k a, the activity of one layer at the last position being
    scaled together; what is above `threshold` of the prompt's maximum is summed over the prompts of its query.

    Args:
        system: a language model.
        prompts: texts or token numbers with the columns `by` and `answer`, the number of the right answer's token;
            several wordings or orders of options for each query.
        sites: globs; all MLP neurons by default.
        by: the column of the queries.
        objective: P(answer) if not given.
        n_steps: m.
        threshold: of the coarse set.

    Returns:
        `attribution(unit, group)`; `activity(unit, group)` and `mean_activity(unit)` at the last position.

    Raises:
        InputError: for a column that is absent, a prompt longer than the window, or as `attribute`.

    Source: Chen, Dejl and Toni 2024, arXiv:2406.10868. In a gated MLP they scale what the gate multiplies, f dP/df,
    which is the same number. Their points are k/m in the paper, both ends of the path and what lies between in the
    code (tigerchen52/qrneuron); here they are the midpoints of m steps.

    Four units that are always on; each one writes one token's logit:

    >>> import pandas as pd, torch
    >>> from multiunit.networks.tiny_transformer import TinyTransformer
    >>> from multiunit.systems.torch_system import TorchSystem
    >>> net = TinyTransformer(4, max_positions=2, width=4, n_heads=1, n_layers=1, mlp_width=4, tied=False)
    >>> mlp = net.layers[0].mlp
    >>> _ = mlp.up.weight.data.zero_(), mlp.up.bias.data.fill_(1.0)
    >>> _ = mlp.down.weight.data.copy_(torch.eye(4)), net.head.weight.data.copy_(torch.eye(4))
    >>> stimuli = [np.array([0, 1]), np.array([1, 0])]
    >>> prompts = pd.DataFrame({"stimulus": stimuli, "answer": [2, 3], "query": ["q", "r"]})
    >>> query_attribution(TorchSystem(net), prompts)["attribution"].values.argmax(axis=0).tolist()
    [2, 3]
    """
    from multiunit.core.statistic import Batch
    from multiunit.core.system import as_stimuli
    from multiunit.statistics.accumulate import State, collect, feed
    from multiunit.statistics.group_moments import GroupMoments
    from multiunit.statistics.moments import Moments
    from multiunit.systems.attribute import stream_attributions
    from multiunit.systems.gradients import TargetProbability

    frame = as_stimuli(prompts)
    if by not in frame:
        raise InputError("by", by, f"is no label of the prompts; there are: {', '.join(map(str, frame))}")
    frame = frame.assign(**{by: frame[by].astype(str)})
    if sites is None:
        kind = system.sites(frame)["kind"]
        sites = list(kind.index[kind == "mlp-neuron"])
        if not sites:
            raise InputError("sites", sites, f"{system.name} has no MLP neurons; name its sites")
    tokens = system.tokens(frame)
    last = tokens.groupby("sequence_id")["position"].max()
    if len(last) > len(frame):
        raise InputError("prompts", f"{len(last)} sequences", "a prompt is longer than the system's window")
    state: State = {}
    for batch in system.stream(frame, sites):
        rows = _at_last(batch.presentations, last)
        part = Batch({site: a[rows] for site, a in batch.activity.items()}, batch.presentations.iloc[rows])
        feed(state, {"groups": GroupMoments(by), "all": Moments()}, part)
    seen = collect(state)
    groups = [str(label) for label in seen["groups"]["group"].values]
    total = np.zeros((len(groups), seen["all"].sizes["unit"]), dtype=np.float32)
    for batch in stream_attributions(
        system,
        frame,
        sites,
        objective=objective or TargetProbability(),
        method="integrated_gradients",
        n_steps=n_steps,
        positions={sequence: [position] for sequence, position in zip(last.index.tolist(), last.tolist(), strict=True)},
    ):
        rows = _at_last(batch.presentations, last)
        values = np.concatenate([a[rows].float().cpu().numpy() for a in batch.activity.values()], axis=1)
        number = [groups.index(query) for query in batch.presentations[by].iloc[rows]]
        np.add.at(total, number, coarse(values, threshold=threshold))
    return xr.Dataset(
        {
            "attribution": (("unit", "group"), total.T),
            "activity": seen["groups"]["mean"].transpose("unit", "group").astype(np.float64),
            "mean_activity": seen["all"]["mean"],
        },
        coords={"group": np.array(groups, dtype=object)},
    )


def needs(question: Question) -> dict[str, Statistic] | None:
    """Never applicable to a pass over activity: the scores need the gradient of an answer (`query_attribution`)."""
    return None


@method(kind="detector", source="arXiv:2406.10868", needs=needs, example=lambda rng: _example(rng))
def query_relevant_neurons(
    *,
    attribution: xr.Dataset,
    top: int = 10,
    common: float = 0.3,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find for each query the units that its answer is attributed to, unless they serve many queries alike.

    score = NA * ICA: the attribution as a share of the query's, times log(|Q| / (n_j + 1)), n_j the number of queries
    in whose coarse set j is. Selected are the `top` units of a query with a positive score, and of these not the common
    ones: those in the sets of more than `common` of all queries.

    Args:
        attribution: `query_attribution`: `attribution(unit, group)`, 0 outside each coarse set; `mean_activity(unit)`.
        top: units of a query at most.
        common: share of the queries.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit, label)`, `selected(unit, label)` and `control(unit, label)`, a label being a query;
        `share(unit, label)`: NA; `n_queries(unit)`; `common(unit)`.

    Raises:
        InputError: for fewer than two queries, attributions that are negative or not finite, `top` below 1 or `common`
            outside (0, 1].

    Source: Chen, Dejl and Toni 2024, arXiv:2406.10868. Common units are taken out after the top ones are chosen, as in
    the authors' code (tigerchen52/qrneuron) - where a comparison of names with numbers lets them all stay.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1", "a/2"]), "site": ("unit", ["a"] * 3), "group": ["q", "r", "s", "t"]}
    >>> values = [[5.0, 5.0, 5.0, 5.0], [1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]
    >>> data = {"attribution": (("unit", "group"), values), "mean_activity": ("unit", [0.0] * 3)}
    >>> query_relevant_neurons(attribution=xr.Dataset(data, ids))["selected"].values.astype(int).tolist()
    [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    """
    values = attribution["attribution"].transpose("unit", "group").values.astype(np.float64)
    names = [str(name) for name in attribution["group"].values]
    if len(names) < 2 or not len(values):
        mend = "needs units, and two queries or more to tell which units serve many"
        raise InputError("attribution", f"{len(values)} units, {len(names)} queries", mend)
    if top < 1:
        raise InputError("top", top, "at least one unit")
    if not 0 < common <= 1:
        raise InputError("common", common, "a share of the queries, above 0 and at most 1")
    score = query_scores(values)
    n_queries = (values > 0).sum(axis=1)
    many = n_queries > common * len(names)
    selected = np.zeros(values.shape, dtype=bool)
    best = np.argsort(-score, axis=0, kind="stable")[:top]
    np.put_along_axis(selected, best, True, axis=0)
    selected &= (score > 0) & ~many[:, None]
    return detection(
        score,
        selected,
        units=attribution,
        mean_activity=attribution["mean_activity"].values,
        labels=names,
        extras={
            "share": (("unit", "label"), _shares(values)),
            "n_queries": ("unit", n_queries),
            "common": ("unit", many),
        },
        random_state=random_state,
    )


def _shares(values: np.ndarray) -> np.ndarray:
    """`(unit, query)`: attribution as a share of the query's total; 0 for a query without any."""
    total = values.sum(axis=0)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0)


def _at_last(table: Any, last: Any) -> np.ndarray:
    """The rows of a batch that are the last position of their sequence."""
    return np.flatnonzero(table["position"].to_numpy() == last.loc[table["sequence_id"]].to_numpy())


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    n_units, n_queries = 60, 6
    site = np.array(["near"] * 30 + ["far"] * 30, dtype=object)
    values = rng.gamma(1.0, 1.0, size=(n_units, n_queries)) * (rng.random((n_units, n_queries)) < 0.15)
    data = {"attribution": (("unit", "group"), values), "mean_activity": ("unit", rng.normal(size=n_units))}
    ids = {"unit_id": ("unit", [f"{s}/{j}" for j, s in enumerate(site)]), "site": ("unit", site)}
    groups = np.array([f"q{k}" for k in range(n_queries)], dtype=object)
    return (), {"attribution": xr.Dataset(data, {**ids, "group": groups}), "top": 5}
