"""Pseudo-depth: the place of a recorded population along the layers of a network, and how few units still tell it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.similarity.compare_rdms import compare_rdms
from multiunit.similarity.paired import paired
from multiunit.similarity.rdm import rdm
from multiunit.similarity.svcca import svcca


class Metric(NamedTuple):
    """A similarity in two steps: what is known of one system, `(image, unit)` -> anything, and how alike two are.

    A layer of a reference network is described once, and compared with many draws of units.
    """

    describe: Callable[[Any], Any]
    compare: Callable[[Any, Any], float]


def _ranked(x: Any) -> np.ndarray:
    return np.asarray(rankdata(rdm(x, distance="correlation")))


# Similarity of similarity matrices: correlations of images over units, compared by rank; 1 - r is as good as r.
ssm = Metric(_ranked, compare_rdms)


def truncated(n_components: int = 10) -> Metric:
    """`guarded_svcca` in two steps.

    >>> x, y = np.random.default_rng(0).normal(size=(2, 40, 9))
    >>> metric = truncated(5)
    >>> round(metric.compare(metric.describe(x), metric.describe(y)) - guarded_svcca(x, y, n_components=5), 9)
    0.0
    """
    return Metric(partial(_principal, n_components=n_components), partial(svcca, keep=1.0))


@method(
    kind="similarity",
    source="arXiv:1911.07986",
    invariant=("rotation", "isotropic_scaling"),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {"n_components": 5}),
)
def guarded_svcca(x: Any, y: Any, *, n_components: int = 10) -> float:
    """Mean canonical correlation of the first principal components of two systems, refused where it would be chance.

    Any two k-dimensional subspaces of n - 1 dimensions share directions as soon as 2 k > n - 1, whatever the systems;
    hence k < n / 2 is asked for. A system of fewer dimensions brings all it has.

    Args:
        x, y: arrays or recordings, `(presentation, unit)`, the same presentations.
        n_components: k.

    Returns:
        0 to 1; of unrelated systems not 0 but, for k well below n, about sqrt(k / n).

    Raises:
        InputError: for k of n / 2 or more, or below 1, and as `svcca`.

    Source: Shi et al. 2019, after Raghu et al. 2017, arXiv:1706.05806; how many components the authors kept, and which
    correlations they averaged, was seen on a poster only.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 60, 100))                                    # unrelated
    >>> svcca(x, y) > 0.9, guarded_svcca(x, y, n_components=5) < 0.5
    (True, True)
    """
    first, second = paired(x, y)
    return svcca(_principal(first, n_components), _principal(second, n_components), keep=1.0)


@method(kind="matching", source="arXiv:1911.07986")
def pseudo_depth(
    responses: Any,
    layers: Mapping[str, Any],
    *,
    metric: Metric = ssm,
    n_units: int | None = None,
    n_bootstraps: int = 200,
    level: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Place a population at the layer it is most like, with the error that few units bring.

    S(layer) = metric(responses, layer); depth = argmax S; centroid = mean of the numbers of layers with S at 0.95 of
    the largest or more, weighted by S. Draws take units with return, so values of draws lie below S where units repeat;
    the place is what they tell. Values fall with the number of units: compare areas at one `n_units`.

    Args:
        responses: array or recording, `(image, unit)`, averaged over repetitions.
        layers: name -> `(image, unit)`, from shallow to deep, the same images.
        metric: `ssm`, or `truncated(k)` for SVCCA of k components.
        n_units: units of a draw; all there are by default.
        n_bootstraps: draws of units.
        level: of the interval of depth.
        random_state: seed or generator.

    Returns:
        `curve(layer)`, `depth`, `centroid` (numbers of layers from 0), the interval `low` to `high` of depth over
        draws, `fraction(layer)` of draws placed at each layer, and `curve_error(layer)`, the deviation over draws.

    Raises:
        InputError: for fewer than two layers, no draws, a level outside (0, 1), `n_units` below 1, or what the metric
            refuses.

    Source: Shi, Shea-Brown & Buice 2019, arXiv:1911.07986, "Comparison against task driven artificial neural networks
    reveals functional organization of mouse visual cortex"; reconstructed from a description.

    >>> rng = np.random.default_rng(0)
    >>> first, last = rng.normal(size=(2, 40, 6))
    >>> layers = {"first": first, "middle": first + last, "last": last}
    >>> found = pseudo_depth(last @ rng.normal(size=(6, 80)), layers, n_bootstraps=20)
    >>> int(found["depth"]), float(found["fraction"].sel(layer="last")) > 0.9
    (2, True)
    """
    values = np.asarray(responses.activity if isinstance(responses, Recording) else responses, dtype=np.float64)
    _check(values, layers)
    n_drawn = values.shape[1] if n_units is None else n_units
    if n_drawn < 1:
        raise InputError("n_units", n_units, "must be at least 1")
    if n_bootstraps < 1 or not 0 < level < 1:
        raise InputError("n_bootstraps", (n_bootstraps, level), "needs at least one draw, and a level between 0 and 1")
    rng = np.random.default_rng(random_state)
    known = _described(layers, metric)
    curve = _curve(values, known, metric)
    draws = np.array(
        [_curve(values[:, rng.integers(values.shape[1], size=n_drawn)], known, metric) for _ in range(n_bootstraps)]
    )
    near = np.where(curve >= 0.95 * curve.max(), np.maximum(curve, 0.0), 0.0)
    placed = draws.argmax(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(placed, [tail, 1 - tail], method="nearest")
    best = int(curve.argmax())
    return xr.Dataset(
        {
            "curve": ("layer", curve),
            "curve_error": ("layer", draws.std(axis=0)),
            "depth": ((), best),
            "centroid": ((), float(near @ np.arange(len(curve)) / near.sum()) if near.sum() > 0 else float(best)),
            "low": ((), int(low)),
            "high": ((), int(high)),
            "fraction": ("layer", np.bincount(placed, minlength=len(curve)) / n_bootstraps),
        },
        coords={"layer": np.array(list(layers), dtype=object)},
        attrs={"n_units": n_drawn, "n_bootstraps": n_bootstraps, "level": level},
    )


@method(kind="matching", source="arXiv:1911.07986")
def depth_calibration(
    targets: Sequence[Mapping[str, Any]],
    layers: Mapping[str, Any],
    *,
    metric: Metric = ssm,
    n_units: Sequence[int] = (10, 30, 100, 300),
    n_images: Sequence[int] = (30, 60, 118),
    n_draws: int = 30,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """How well placement finds known depths from few units and images: layers of other networks in place of a brain.

    Each draw takes units and images of a layer without return, fewer where a layer has no more, and places it; the
    error is |place - number of the layer|.

    Args:
        targets: one mapping a network, name -> `(image, unit)`, as many layers as the reference, in its order.
        layers: those of the reference.
        metric: as in `pseudo_depth`.
        n_units, n_images: numbers to try.
        n_draws: subsamples of each layer and number.
        random_state: seed or generator.

    Returns:
        Over `(target, layer, n_units, n_images)`: `error`, the mean distance in layers; `value`, the mean similarity
        with the layer of the same number, and `spread`, its deviation over draws; `place`, the mean place.

    Raises:
        InputError: for other numbers of layers, more images than there are, or what the metric refuses.

    Source: as `pseudo_depth`.

    >>> rng = np.random.default_rng(0)
    >>> one, two = rng.normal(size=(2, 30, 50))
    >>> found = depth_calibration([{"a": one, "b": two}], {"a": one, "b": two}, n_units=[20], n_images=[30], n_draws=5)
    >>> found["error"].values.ravel().tolist()
    [0.0, 0.0]
    """
    numbers = list(layers)
    for target in targets:
        if len(target) != len(numbers):
            raise InputError("targets", list(target), f"needs as many layers as the reference ({len(numbers)})")
        for value in target.values():
            _check(np.asarray(value), layers)
    total = len(next(iter(layers.values())))
    if not targets or n_draws < 1 or min(n_units) < 1 or max(n_images) > total:
        mend = f"needs targets, draws, units, and no more than {total} images"
        raise InputError("n_images", (len(targets), n_draws, list(n_units), list(n_images)), mend)
    rng = np.random.default_rng(random_state)
    shape = (len(targets), len(numbers), len(n_units), len(n_images), n_draws)
    place, value = np.empty(shape), np.empty(shape)
    everything = _described(layers, metric)
    for where in np.ndindex(*shape):
        network, number, units, images, draw = where
        whole = np.asarray(list(targets[network].values())[number])
        if draw and n_images[images] == total and n_units[units] >= whole.shape[1]:
            # All of it was taken before.
            place[where], value[where] = place[(*where[:-1], 0)], value[(*where[:-1], 0)]
            continue
        rows = np.sort(rng.permutation(total)[: n_images[images]])
        some = whole[np.ix_(rows, rng.permutation(whole.shape[1])[: n_units[units]])]
        curve = _curve(some, everything if len(rows) == total else _described(layers, metric, rows), metric)
        place[where], value[where] = curve.argmax(), curve[number]
    known = np.arange(len(numbers))[None, :, None, None, None]
    dims = ("target", "layer", "n_units", "n_images")
    return xr.Dataset(
        {
            "error": (dims, np.abs(place - known).mean(axis=-1)),
            "value": (dims, value.mean(axis=-1)),
            "spread": (dims, value.std(axis=-1)),
            "place": (dims, place.mean(axis=-1)),
        },
        coords={
            "layer": np.array(numbers, dtype=object),
            "n_units": list(n_units),
            "n_images": list(n_images),
        },
        attrs={"n_draws": n_draws},
    )


def _described(layers: Mapping[str, Any], metric: Metric, rows: np.ndarray | None = None) -> list[Any]:
    return [metric.describe(np.asarray(x) if rows is None else np.asarray(x)[rows]) for x in layers.values()]


def _curve(values: np.ndarray, described: Sequence[Any], metric: Metric) -> np.ndarray:
    mine = metric.describe(values)
    return np.array([metric.compare(mine, other) for other in described], dtype=np.float64)


def _check(values: np.ndarray, layers: Mapping[str, Any]) -> None:
    if len(layers) < 2:
        raise InputError("layers", list(layers), "needs two layers or more, from shallow to deep")
    shapes = {name: np.shape(layer) for name, layer in layers.items()}
    if values.ndim != 2 or any(len(shape) != 2 or shape[0] != len(values) for shape in shapes.values()):
        raise InputError("layers", (values.shape, shapes), "responses and layers need the same images, (image, unit)")


def _principal(values: Any, n_components: int) -> np.ndarray:
    """Scores on the first principal components."""
    centred = paired(values, values).x
    if not 1 <= n_components < len(centred) / 2:
        raise InputError("n_components", n_components, f"must be 1 or more, and below half of {len(centred)} images")
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    some = s[:n_components] > 1e-10 * s[0]
    return np.asarray(u[:, :n_components][:, some] * s[:n_components][some])
