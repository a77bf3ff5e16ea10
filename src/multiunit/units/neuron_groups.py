"""Neuron groups: what drives a unit from the layer below, in which facets, and a circuit of groups of such units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.edit import Shown, group_units
from multiunit.core.errors import InputError, SiteError
from multiunit.core.method import method
from multiunit.core.system import as_stimuli
from multiunit.systems.attribute import attribute
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.detection import detection

if TYPE_CHECKING:
    import networkx as nx


def ward_clusters(vectors: np.ndarray, *, max_clusters: int = 5) -> np.ndarray:
    """Cluster vectors by Ward's rule into 2 to `max_clusters` groups, the number with the best mean silhouette.

    Args:
        vectors: `(sample, feature)`.
        max_clusters: most clusters; 1 makes a single one.

    Returns:
        The cluster of each sample, `(sample,)`, numbered by size, the largest first; all 0 where there are fewer than
        three samples or all are equal.

    >>> ward_clusters(np.array([[0.0], [0.1], [0.0], [9.0], [9.1]])).tolist()
    [0, 0, 0, 1, 1]
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_score

    x = np.asarray(vectors, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise InputError("vectors", x.shape, "needs finite numbers (sample, feature), at least one sample")
    if max_clusters < 1:
        raise InputError("max_clusters", max_clusters, "at least one")
    best, chosen = -np.inf, np.zeros(len(x), dtype=np.int64)
    n_different = len(np.unique(x, axis=0))
    for n in range(2, min(max_clusters, len(x) - 1, n_different) + 1):
        found = AgglomerativeClustering(n_clusters=n).fit_predict(x)
        quality = silhouette_score(x, found)
        if quality > best:
            best, chosen = quality, found
    order = np.argsort(-np.bincount(chosen), kind="stable")
    return np.argsort(order)[chosen]


def facet_edges(attributions: np.ndarray, facets: np.ndarray) -> np.ndarray:
    """How strongly each unit drives each facet of a target: w_fb = mean over the facet of IG_b / sum_b |that mean|.

    Args:
        attributions: signed, `(exemplar, unit)`.
        facets: the facet of each exemplar, `(exemplar,)`, from 0.

    Returns:
        `(facet, unit)`; the sizes of a row add up to 1, or are all 0.

    >>> facet_edges(np.array([[3.0, -1.0], [0.0, 2.0]]), np.array([0, 1])).tolist()
    [[0.75, -0.25], [0.0, 1.0]]
    """
    x, labels = np.asarray(attributions, dtype=np.float64), np.asarray(facets)
    means = np.stack([x[labels == facet].mean(axis=0) for facet in range(labels.max() + 1)])
    size = np.abs(means).sum(axis=1, keepdims=True)
    return np.divide(means, size, out=np.zeros_like(means), where=size > 0)


def group_shown(activity: np.ndarray, group: np.ndarray) -> np.ndarray:
    """How much of a group's concept each stimulus shows: exp(mean_i log(max(h_i, 0) / |mean h_i| + 1e-6)) over it.

    Args:
        activity: `(presentation, unit)`.
        group: bool `(unit,)` or unit numbers.

    Returns:
        `(presentation,)`; about 1 where every unit is as active as on average. The authors take 0.8 as the border.

    >>> group_shown(np.array([[4.0, 0.0], [2.0, 5.0], [0.0, 1.0]]), np.array([0])).round(3).tolist()
    [2.0, 1.0, 0.0]
    """
    h = np.asarray(activity, dtype=np.float64)[:, np.asarray(group)]
    scale = np.abs(h.mean(axis=0))
    share = np.divide(np.maximum(h, 0), scale, out=np.zeros_like(h), where=scale > 0)
    return np.exp(np.log(share + 1e-6).mean(axis=1))


@method(kind="causal", source="arXiv:2502.16105", example=lambda rng: _example(rng))
def core_units(
    system: TorchSystem,
    stimuli: Any,
    *,
    target: str,
    site: str,
    n_top: int = 50,
    n_core: int = 16,
    n_steps: int = 20,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units of a layer that make a unit further up respond to what it responds to most.

    V = the `n_top` stimuli with the highest activity of the target; score_b = mean over V of |IG_b|, the integrated
    gradients of the target's activity by unit b (baseline 0, all positions added). The `n_core` best are the core.
    That they matter shows when they are silenced and other stimuli drive the target most.

    Args:
        system: of torch; where stimuli are tokens it needs a `pool`, such as `"mean"`.
        stimuli: probes; enlarge a set of images by crops of them where concepts are smaller than an image.
        target: unit id, further up than the site; its activity is pooled over positions as the system pools.
        site: where the core is looked for.
        n_top: exemplars.
        n_core: units of the core.
        n_steps: of the integrated gradients.
        random_state: seed or generator of the control.

    Returns:
        over `unit` of the site: `score`, `selected` (the core), `control` (as many, of the same mean activity),
        `attribution` (signed mean), `mean_activity`; over `rank`: `exemplar`, the rows of the stimuli, strongest first.

    Raises:
        InputError: for too few stimuli or units, or a target that does not depend on the site.
        SiteError: for a site or unit that does not exist.

    Source: Cao et al. 2025, "NeurFlow", arXiv:2502.16105, section 3 and the authors' code. The code's variant that
    silences units one after the other to choose their number is left out; `n_core` is fixed.

    >>> net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(3, 1, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[0.0, 5.0, 0.1]]))
    >>> x = np.random.default_rng(0).random((40, 3)).astype("float32")
    >>> found = core_units(TorchSystem(net), x, target="1/0", site="0", n_top=5, n_core=1)
    >>> found["selected"].values.tolist()
    [False, True, False]
    """
    frame, activity = _recorded(system, stimuli, [_site_of(target), site])
    rows = _strongest(activity, target, n_top)
    found = _attributions(system, frame.iloc[rows], target, site, n_steps)
    score = np.abs(found).mean(axis=0)
    _enough("n_core", n_core, len(score))
    selected = np.zeros(len(score), dtype=bool)
    selected[_core(found, n_core)] = True
    ids = np.array([f"{site}/{index}" for index in range(len(score))], dtype=object)
    units = xr.Dataset(coords={"unit_id": ("unit", ids), "site": ("unit", np.full(len(ids), site, dtype=object))})
    mean = activity[site].mean(axis=0)
    extras = {"attribution": (("unit",), found.mean(axis=0)), "mean_activity": (("unit",), mean)}
    answer = detection(
        score, selected, units=units, mean_activity=mean, extras=extras, random_state=random_state, target=target
    )
    return answer.assign(exemplar=("rank", rows))


@dataclass(frozen=True)
class NeuronCircuit:
    """A circuit of neuron groups.

    Args:
        nodes: one row a facet of a unit: `unit`, `site`, `facet`, `group`, `n_exemplars`.
        edges: one row a core unit and a facet that it drives: `source` (unit), `target` (unit), `target_facet`,
            `target_group`, `weight`.
        groups: one row a pair of groups of neighbouring layers: `source`, `target`, `weight`, the sum of its edges;
            a unit whose facets lie in several groups counts in each of them.
    """

    nodes: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)

    def members(self, group: str) -> list[str]:
        """The unit ids of a group.

        Raises:
            InputError: for a group that does not exist.
        """
        found = self.nodes.loc[self.nodes["group"] == group, "unit"].unique().tolist()
        if not found:
            raise InputError("group", group, f"there are: {', '.join(self.nodes['group'].unique())}")
        return found

    def to_networkx(self) -> nx.DiGraph:
        """Groups as nodes with their `units` and `site`, weighted edges from lower to higher layers."""
        import networkx

        graph = networkx.DiGraph()
        for name, rows in self.nodes.groupby("group", sort=False):
            graph.add_node(name, site=rows["site"].iloc[0], units=rows["unit"].unique().tolist())
        for edge in self.groups.itertuples():
            graph.add_edge(edge.source, edge.target, weight=edge.weight)
        return graph


@method(kind="causal", source="arXiv:2502.16105", example=lambda rng: _circuit_example(rng))
def group_circuit(
    system: TorchSystem,
    stimuli: Any,
    *,
    targets: Sequence[str],
    sites: Sequence[str],
    n_top: int = 50,
    n_core: int = 16,
    max_facets: int = 5,
    max_groups: int = 10,
    n_steps: int = 20,
) -> NeuronCircuit:
    """Follow targets down layer by layer to their core units, and bind the units into groups by what drives them.

    For a target a and the layer below, with core units and exemplars V as in `core_units`: facets of a are Ward
    clusters of the layer's activity h(v) over V; edge (b, facet) as in `facet_edges`. Groups of a layer are Ward
    clusters of all its (unit, facet) mean vectors. The core units are the targets of the next layer.

    Args:
        system, stimuli: as `core_units`.
        targets: unit ids of one site, such as the logits of a classifier.
        sites: layers to go down through, the highest first, all below the targets'.
        n_top, n_core, n_steps: as `core_units`.
        max_facets: most facets of a unit.
        max_groups: most groups of a layer.

    Returns:
        The circuit; groups are named `site#number`, the largest first. Facets of the lowest layer, below which there
        is nothing to look at, are those of its own activity.

    Raises:
        InputError: as `core_units`, or for targets of several sites.

    Source: Cao et al. 2025, "NeurFlow", arXiv:2502.16105. The paper's text leaves open whether the weight between
    groups is the sum or the mean of their edges; it is the sum here.

    >>> net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(4, 2, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]))
    >>> x = np.random.default_rng(0).random((60, 4)).astype("float32")
    >>> found = group_circuit(TorchSystem(net), x, targets=["1/0", "1/1"], sites=["0"], n_top=10, n_core=2)
    >>> sorted(found.edges.loc[found.edges["target"] == "1/1", "source"].unique())
    ['0/2', '0/3']
    """
    top = {_site_of(unit) for unit in targets}
    levels = [*top, *sites]
    if len(top) != 1 or not sites or len(set(levels)) < len(levels):
        raise InputError("targets", (list(targets)[:3], list(sites)), "targets of one site, and other sites below it")
    frame, activity = _recorded(system, stimuli, levels)
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    current = list(dict.fromkeys(targets))
    for site, below in zip(levels, [*sites, None], strict=True):
        vectors, found, following = [], [], set()
        for unit in current:
            rows = _strongest(activity, unit, n_top)
            space = activity[below or site][rows]
            facets = ward_clusters(space, max_clusters=max_facets)
            for facet, size in enumerate(np.bincount(facets)):
                vectors.append(space[facets == facet].mean(axis=0))
                found.append({"unit": unit, "site": site, "facet": facet, "n_exemplars": int(size)})
            if below is None:
                continue
            _enough("n_core", n_core, activity[below].shape[1])
            attributions = _attributions(system, frame.iloc[rows], unit, below, n_steps)
            core = _core(attributions, n_core)
            for facet, weights in enumerate(facet_edges(attributions[:, core], facets)):
                for index, weight in zip(core, weights, strict=True):
                    edge = {"source": f"{below}/{index}", "target": unit, "target_facet": facet, "weight": weight}
                    edges.append(edge)
            following.update(core.tolist())
        groups = ward_clusters(np.stack(vectors), max_clusters=max_groups)
        nodes += [row | {"group": f"{site}#{group}"} for row, group in zip(found, groups, strict=True)]
        current = [f"{below}/{index}" for index in sorted(following)]
    return _circuit(pd.DataFrame(nodes), pd.DataFrame(edges))


def _circuit(nodes: pd.DataFrame, edges: pd.DataFrame) -> NeuronCircuit:
    of_facet = nodes.set_index(["unit", "facet"])["group"]
    keys = pd.MultiIndex.from_frame(edges[["target", "target_facet"]])
    edges = edges.assign(target_group=of_facet.loc[keys].to_numpy())
    belongs = nodes[["unit", "group"]].drop_duplicates().rename(columns={"unit": "source", "group": "source_group"})
    pairs = edges.merge(belongs, on="source")
    groups = (
        pairs.groupby(["source_group", "target_group"])[["weight"]]
        .sum()
        .reset_index()
        .rename(columns={"source_group": "source", "target_group": "target"})
    )
    return NeuronCircuit(nodes, edges, groups)


class _Activity:
    """The pooled activity of one unit as an objective: an edit that changes nothing sees it pass."""

    def __init__(self, unit: str, pool: str) -> None:
        ((self.site, index),) = group_units([unit]).items()
        self.index, self.pool, self.seen = int(index[0]), pool, torch.empty(0)

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        x = activity[..., self.index].flatten(1) if activity.ndim > 2 else activity[:, self.index, None]
        real = torch.ones_like(x, dtype=torch.bool)
        if shown is not None and activity.ndim == 3 and max(shown.length) == x.shape[1] > 1:
            real = torch.arange(x.shape[1], device=x.device) < torch.as_tensor(shown.length, device=x.device)[:, None]
        if self.pool == "mean":
            self.seen = (x * real).sum(1) / real.sum(1)
        elif self.pool == "max":
            self.seen = x.masked_fill(~real, -torch.inf).amax(1)
        else:
            self.seen = x.gather(1, real.sum(1, keepdim=True) - 1)[:, 0]
        return activity

    def __call__(self, output: Any, sequences: pd.DataFrame, last: torch.Tensor) -> torch.Tensor:
        return self.seen


def _recorded(system: TorchSystem, stimuli: Any, sites: Sequence[str]) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The stimuli, and each site's activity `(stimulus, unit)`."""
    frame = as_stimuli(stimuli)
    recording = system.record(frame, list(sites))
    if recording.n_presentations != len(frame):
        raise InputError("system", system.name, "gives several presentations a stimulus; make it with a `pool`")
    of_site = recording.units["site"].to_numpy()
    return frame, {site: recording.activity[:, of_site == site] for site in sites}


def _attributions(system: TorchSystem, frame: pd.DataFrame, unit: str, site: str, n_steps: int) -> np.ndarray:
    """Integrated gradients of the unit's activity, `(stimulus, unit of the site)`."""
    passing = _Activity(unit, system.pool or "mean")
    found = attribute(
        system,
        frame.reset_index(drop=True),
        site,
        objective=passing,
        method="integrated_gradients",
        n_steps=n_steps,
        edits=[passing],
    )
    return found.activity.astype(np.float64)


def _strongest(activity: dict[str, np.ndarray], unit: str, n_top: int) -> np.ndarray:
    ((site, index),) = group_units([unit]).items()
    if index[0] >= activity[site].shape[1]:
        raise SiteError("target", unit, f"the site has {activity[site].shape[1]} units")
    _enough("n_top", n_top, len(activity[site]))
    return np.argsort(-activity[site][:, index[0]], kind="stable")[:n_top]


def _core(attributions: np.ndarray, n_core: int) -> np.ndarray:
    return np.argsort(-np.abs(attributions).mean(axis=0), kind="stable")[:n_core]


def _site_of(unit: str) -> str:
    return next(iter(group_units([unit])))


def _enough(name: str, wanted: int, there: int) -> None:
    if not 0 < wanted <= there:
        raise InputError(name, wanted, f"between 1 and the {there} there are")


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    layer = torch.nn.Linear(3, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    net = torch.nn.Sequential(torch.nn.ReLU(), layer)
    stimuli = rng.random((8, 3)).astype(np.float32)
    return (TorchSystem(net), stimuli), {"target": "1/0", "site": "0", "n_top": 4, "n_core": 1, "n_steps": 2}


def _circuit_example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args, options = _example(rng)
    return args, {"targets": ["1/0"], "sites": ["0"]} | {name: options[name] for name in ("n_top", "n_core", "n_steps")}
