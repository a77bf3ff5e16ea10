"""The different kinds of things that one unit likes, each with an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError, SiteError
from multiunit.core.method import method
from multiunit.core.system import as_stimuli
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.feature_visualization import Phase, Where, _site, feature_visualization

# Steps small enough to keep the start in the picture: those of the code of Nguyen et al. for mean images, where
# `CENTRE_BIASED`, made for noise, takes steps ten times as large.
FROM_MEAN = (
    Phase(n_steps=70, step=0.004, last_step=0.008, total_variation=0.5, jitter=2),
    Phase(n_steps=55, step=0.004, total_variation=0.5, jitter=2),
    Phase(n_steps=8, step=0.008, total_variation=0.5, centre=0.56),
    Phase(n_steps=4, step=0.008, total_variation=0.5),
)


class Facets(NamedTuple):
    """`label(stimulus)`, numbered from the largest facet; `distance(stimulus, facet)` to each facet's centre."""

    label: np.ndarray
    distance: np.ndarray


def facets(
    codes: Any,
    *,
    n_facets: int | Literal["auto"] = 10,
    embed: Literal["pca", "tsne"] = "tsne",
    n_components: int = 50,
    random_state: int | np.random.Generator = 0,
) -> Facets:
    """Sort the stimuli that drive a unit into facets: PCA, if wanted t-SNE to two dimensions, then k-means.

    Args:
        codes: `(stimulus, unit)`, activity of a hidden layer.
        n_facets: k; `"auto"` takes the k from 2 to 10 with the largest mean silhouette.
        embed: `"tsne"` as in the paper, or `"pca"`, which is faster and does not stretch small differences.
        n_components: of the PCA; at most what the codes have.
        random_state: seed or generator.

    Returns:
        `Facets`.

    Raises:
        InputError: for codes that are not finite, or fewer stimuli than facets.

    Source: Nguyen et al. 2016, arXiv:1602.03616.

    >>> codes = np.r_[np.zeros((6, 3)), np.ones((4, 3))] + 0.01 * np.random.default_rng(0).normal(size=(10, 3))
    >>> facets(codes, n_facets=2, embed="pca").label.tolist()
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score

    x = np.asarray(codes, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InputError("codes", x.shape, "needs finite (stimulus, unit)")
    if n_facets != "auto" and not isinstance(n_facets, (int, np.integer)):
        raise InputError("n_facets", n_facets, "a number, or 'auto'")
    fewest = 2 if n_facets == "auto" else int(n_facets)
    if fewest < 1 or len(x) < max(fewest, 2):
        raise InputError("n_facets", n_facets, f"needs at least one facet, and a stimulus for each; there are {len(x)}")
    if embed not in ("pca", "tsne"):
        raise InputError("embed", embed, "must be 'pca' or 'tsne'")
    seed = int(np.random.default_rng(random_state).integers(2**31))
    width = min(n_components, *x.shape)
    # Codes that are all alike have no components, and make one facet.
    x = PCA(width, svd_solver="full").fit_transform(x) if np.ptp(x, axis=0).any() else x[:, :1] * 0
    if embed == "tsne" and len(x) > 3 and x.any():
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(x) - 1) / 3)
        x = TSNE(perplexity=perplexity, init="random", random_state=seed).fit_transform(x).astype(np.float64)
    n_distinct = len(np.unique(x, axis=0))
    tried = range(2, min(10, len(x) - 1, n_distinct) + 1) if n_facets == "auto" else [min(fewest, n_distinct)]
    fits = {k: KMeans(k, n_init=10, random_state=seed).fit(x) for k in tried} or {1: KMeans(1).fit(x)}
    best = max(fits, key=lambda k: silhouette_score(x, fits[k].labels_)) if len(fits) > 1 else next(iter(fits))
    label, centre = fits[best].labels_, fits[best].cluster_centers_
    order = np.argsort(-np.bincount(label, minlength=best), kind="stable")
    distance = np.linalg.norm(x[:, None] - centre[None, order], axis=2)
    return Facets(np.argsort(order)[label], distance)


def facet_means(images: Any, found: Facets, *, n_mean: int = 15) -> tuple[np.ndarray, list[np.ndarray]]:
    """The mean image `(facet, ...)` of the members of each facet nearest to its centre, and who these are.

    >>> found = Facets(np.array([0, 0, 1]), np.array([[0.1, 9.0], [0.2, 9.0], [9.0, 0.0]]))
    >>> means, nearest = facet_means(np.array([[1.0], [3.0], [8.0]]), found)
    >>> means.tolist(), [rows.tolist() for rows in nearest]
    ([[2.0], [8.0]], [[0, 1], [2]])
    """
    pictures = np.asarray(images)
    nearest = []
    for facet in range(found.distance.shape[1]):
        members = np.flatnonzero(found.label == facet)
        nearest.append(members[np.argsort(found.distance[members, facet], kind="stable")[:n_mean]])
    return np.stack([pictures[rows].mean(axis=0) for rows in nearest]), nearest


def drivers(system: TorchSystem, stimuli: Any, *, unit: str, n_top: int) -> np.ndarray:
    """Rows of the `n_top` stimuli that drive a unit most, strongest first; only the unit's activity is kept.

    Raises:
        SiteError: for a unit that the system does not have.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(1, 1))
    >>> _ = torch.nn.init.ones_(net[0].weight)
    >>> drivers(TorchSystem(net), np.array([[1.0], [3.0], [2.0]]), unit="0/0", n_top=2).tolist()
    [1, 2]
    """
    site, index = _site(unit)
    parts = []
    for batch in system.stream(stimuli, site):
        if index >= batch.activity[site].shape[1]:
            raise SiteError("unit", unit, f"the site has {batch.activity[site].shape[1]} units")
        parts.append(batch.activity[site][:, index].float().cpu().numpy())
    activity = np.concatenate(parts)
    return np.argsort(-activity, kind="stable")[:n_top]


@method(kind="causal", source="arXiv:1602.03616")
def multifaceted_visualization(
    system: TorchSystem,
    stimuli: Any,
    *,
    unit: str,
    code_site: str,
    n_top: int = 500,
    n_facets: int | Literal["auto"] = 10,
    embed: Literal["pca", "tsne"] = "tsne",
    n_mean: int = 15,
    phases: Sequence[Phase] = FROM_MEAN,
    bounds: Any = (0.0, 1.0),
    where: Where = "mean",
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Visualise each facet of a unit: cluster its strongest stimuli, and climb from the mean image of each cluster.

    facet f = a cluster of the codes of the unit's `n_top` strongest stimuli; x_0 = the mean of the `n_mean` of them
    nearest to its centre; then `feature_visualization` of the same unit from each x_0.

    Args:
        system: a torch network over images.
        stimuli: images, as `stream` takes them; for a class unit those of its class. Means are taken after the
            system's `prepare`.
        unit: `site/index`.
        code_site: the layer whose activity tells the facets; the paper takes the last but one.
        n_top: strongest stimuli, by the unit's activity as `stream` pools it over space; all there are if fewer.
        n_facets, embed: see `facets`.
        n_mean: images in the mean.
        phases, bounds, where: see `feature_visualization`.
        random_state: seed or generator.

    Returns:
        The variables of `feature_visualization` with the dimension `facet` in the place of `picture`, and `start(facet,
        channel, y, x)`, `size(facet)`, `exemplar(facet, rank)` (rows of the stimuli, nearest first, -1 for none);
        `stimulus(driver)`, `facet_of(driver)`.

    Raises:
        SiteError: for a site or unit that the system does not have.
        InputError: for stimuli that are no images of one shape, or fewer than facets.

    Source: Nguyen et al. 2016, arXiv:1602.03616, and the authors' code: t-SNE of the last but one layer, k-means with
    k = 10, means of 15 images, the steps from them. The PCA to 50 dimensions before the t-SNE is reconstructed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 2))
    >>> images = np.random.default_rng(0).random((30, 1, 4, 4)).astype("float32")
    >>> options = {"n_top": 12, "n_facets": 3, "embed": "pca", "phases": [Phase(n_steps=5)]}
    >>> found = multifaceted_visualization(TorchSystem(net), images, unit="2/1", code_site="0", **options)
    >>> found["image"].shape, int(found["size"].sum()), bool((found["activation"] > found["start_activation"]).all())
    ((3, 1, 4, 4), 12, True)
    """
    if n_top < 1 or n_mean < 1:
        raise InputError("n_top" if n_top < 1 else "n_mean", min(n_top, n_mean), "at least one")
    rng = np.random.default_rng(random_state)
    frame = as_stimuli(stimuli)
    rows = drivers(system, frame, unit=unit, n_top=n_top)
    codes = system.record(frame.iloc[rows], code_site).activity
    found = facets(codes, n_facets=n_facets, embed=embed, random_state=rng)
    start, nearest = facet_means(_prepared(system, frame["stimulus"].iloc[rows]), found, n_mean=n_mean)
    seen = feature_visualization(system, unit, start=start, phases=phases, bounds=bounds, where=where, random_state=rng)
    exemplar = np.full((len(nearest), n_mean), -1)
    for facet, members in enumerate(nearest):
        exemplar[facet, : len(members)] = rows[members]
    return xr.Dataset(
        {
            **{str(name): (("facet", *v.dims[1:]), v.values) for name, v in seen.items()},
            "start": (("facet", "channel", "y", "x"), start),
            "size": ("facet", np.bincount(found.label, minlength=len(nearest))),
            "exemplar": (("facet", "rank"), exemplar),
            "stimulus": ("driver", rows),
            "facet_of": ("driver", found.label),
        },
        attrs=seen.attrs,
    )


def _prepared(system: TorchSystem, stimuli: Any) -> np.ndarray:
    """Images `(image, channel, y, x)` as the module takes them."""
    inputs = system._inputs(list(stimuli))
    if isinstance(inputs, dict) and len(inputs) == 1:
        (inputs,) = inputs.values()
    if isinstance(inputs, dict) or inputs.ndim != 4:
        got = list(inputs) if isinstance(inputs, dict) else tuple(inputs.shape)
        raise InputError("stimuli", got, "must reach the module as images (image, channel, y, x)")
    return np.asarray(inputs.detach().float().cpu().numpy())
