"""Many systems, or the layers of two, in one picture: who is like whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.plots.palette import BLUE, GREY, figure, plain

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_MOST_WORDS = 40  # rows or columns whose numbers or names can still be read
_MOST_NUMBERS = 12


def layer_heatmap(scores: xr.DataArray, *, title: str = "") -> Figure:
    """Draw one score of every layer of a system, by row, with every layer of another, by column, in their order.

    Few cells carry their numbers; the best partner of each row is outlined. The scale is even in brightness and has no
    red beside green.

    Args:
        scores: `(layer, other_layer)`, or any two dimensions with names. `attrs["distance"]`: smaller is more alike.
        title: of the picture.

    Raises:
        InputError: for another shape, or no finite score.
    """
    values = _matrix(scores)
    drawn = figure(2.2 + 0.34 * _shown(values.shape[1]), 1.6 + 0.3 * _shown(values.shape[0]))
    axes = drawn.subplots()
    _heat(axes, scores, values, range(values.shape[0]), range(values.shape[1]))
    best = (np.nanargmin if scores.attrs.get("distance") else np.nanargmax)(_filled(values, scores), axis=1)
    for row, column in enumerate(best):
        if np.isfinite(values[row, column]):
            axes.add_patch(_outline(row, int(column)))
    axes.set_title(_literal(title), fontsize=9, loc="left")
    axes.set_ylabel(str(scores.dims[0]).replace("_", " "), fontsize=8)
    axes.set_xlabel(str(scores.dims[1]).replace("_", " "), fontsize=8)
    return drawn


def similarity_matrix(scores: xr.DataArray, *, title: str = "") -> Figure:
    """Draw the scores of all of many systems: a tree, the matrix in the order of the tree, and a map.

    The score of two systems is the mean of both ways; its distance d is the score itself if `attrs["distance"]`, else
    the largest score less it. The tree joins by average d. The map is classical scaling: coordinates sqrt(lambda) v of
    the two largest eigenvalues of -1/2 C d^2 C, C centring; its labels tell the share of the positive eigenvalues.

    Args:
        scores: `(system, other_system)`, as `compare_many` and `pairwise_shape` give.
        title: of the picture.

    Raises:
        InputError: for a matrix that is not square, fewer than two systems, or a score that is not finite.
    """
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import squareform

    values = _matrix(scores)
    if values.shape[0] != values.shape[1] or len(values) < 2 or not np.isfinite(values).all():
        raise InputError("scores", values.shape, "needs a finite score of every two of at least two systems")
    names = [str(name) for name in scores[scores.dims[0]].values]
    distances = as_distances(values, distance=bool(scores.attrs.get("distance", False)))
    size = 0.26 * _shown(len(values))
    drawn = figure(7.2 + size, 2.0 + size)
    tree_axes, heat_axes, map_axes = drawn.subplots(1, 3, width_ratios=[1.1, 1.6 + size, 3.0])
    tree = dendrogram(linkage(squareform(distances, checks=False), "average"), no_plot=True)
    order = tree["leaves"]
    for height, place in zip(tree["dcoord"], tree["icoord"], strict=True):
        tree_axes.plot(height, (np.array(place) - 5) / 10, color=BLUE, lw=1)
    tree_axes.set_ylim(len(values) - 0.5, -0.5)
    tree_axes.set_xlim(1.05 * max(distances.max(), 1e-12), 0)
    tree_axes.set_yticks([])
    tree_axes.spines["left"].set_visible(False)
    plain(tree_axes, x="distance", title=_literal(title))
    _heat(heat_axes, scores, values, order, order)
    points, share = principal_coordinates(distances)
    map_axes.plot(*points.T, "o", ms=4, color=BLUE)
    for name, (x, y) in zip(names, points, strict=True):
        map_axes.annotate(_short(name), (x, y), xytext=(3, 3), textcoords="offset points", fontsize=6)
    map_axes.axhline(0, color=GREY, lw=0.4)
    map_axes.axvline(0, color=GREY, lw=0.4)
    map_axes.set_aspect("equal", adjustable="datalim")
    plain(map_axes, x=f"first coordinate ({share[0]:.0%})", y=f"second coordinate ({share[1]:.0%})", title="map")
    return drawn


def as_distances(scores: np.ndarray, *, distance: bool) -> np.ndarray:
    """Symmetric distances with a zero diagonal: the scores, or the largest of them less the scores.

    >>> as_distances(np.array([[1.0, 0.5], [0.7, 1.0]]), distance=False).round(2).tolist()
    [[0.0, 0.4], [0.4, 0.0]]
    """
    even = (scores + scores.T) / 2
    found = np.maximum(even if distance else even.max() - even, 0.0)
    np.fill_diagonal(found, 0.0)
    return found


def principal_coordinates(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two coordinates of every system, `(system, 2)`, and the share of each in all positive eigenvalues.

    Source: Torgerson 1952.

    >>> line = np.array([0.0, 1.0, 3.0])
    >>> points, share = principal_coordinates(np.abs(line[:, None] - line))
    >>> np.abs(np.diff(points[:, 0])).round(9).tolist(), share.round(9).tolist()
    ([1.0, 2.0], [1.0, 0.0])
    """
    n = len(distances)
    centring = np.eye(n) - 1.0 / n
    size, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    size, vectors = np.maximum(size[::-1], 0.0), vectors[:, ::-1]
    total = size.sum() or 1.0
    return (vectors * np.sqrt(size))[:, :2], (size / total)[:2]


def _heat(axes: Any, scores: xr.DataArray, values: np.ndarray, rows: Any, columns: Any) -> None:
    shown = values[np.ix_(list(rows), list(columns))]
    # Distances run the other way, so that bright is alike in both.
    smaller_is_alike = bool(scores.attrs.get("distance", False))
    image = axes.imshow(shown, cmap="cividis_r" if smaller_is_alike else "cividis", interpolation="none", aspect="auto")
    for axis, order, dim in ((axes.yaxis, rows, scores.dims[0]), (axes.xaxis, columns, scores.dims[1])):
        names = [_short(str(name)) for name in scores[dim].values[list(order)]]
        step = 1 + (len(names) - 1) // _MOST_WORDS
        axis.set_ticks(range(0, len(names), step), names[::step])
    axes.tick_params(labelsize=6, length=0)
    axes.tick_params(axis="x", rotation=90)
    axes.spines[:].set_visible(False)
    if max(shown.shape) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(shown):
            if np.isfinite(value):
                dark = image.norm(value) < 0.5
                colour = "white" if dark != smaller_is_alike else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=5, color=colour)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.ax.tick_params(labelsize=6)
    bar.set_label(str(scores.attrs.get("metric", scores.name or "score")).rpartition(".")[2], fontsize=7)


def _matrix(scores: xr.DataArray) -> np.ndarray:
    values = np.asarray(scores.values, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).any():
        raise InputError("scores", values.shape, "needs (row, column) with a finite score")
    return values


def _filled(values: np.ndarray, scores: xr.DataArray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.inf if scores.attrs.get("distance") else -np.inf)


def _outline(row: int, column: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="white", lw=1.2)


def _shown(n: int) -> int:
    return min(max(n, 4), 2 * _MOST_WORDS)


def _short(name: str) -> str:
    return _literal(name if len(name) <= 30 else f"...{name[-27:]}")


def _literal(text: str) -> str:
    return text.replace("$", r"\$")
