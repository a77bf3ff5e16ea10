"""Multifractal analysis of the graph of weights (NeuroMFA): how regular and how varied its wiring is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.sparse import coo_array, csr_array, issparse
from scipy.sparse.csgraph import connected_components, dijkstra

from multiunit.core.errors import InputError
from multiunit.core.method import method

ORDERS = np.round(np.arange(-3, 3.05, 0.1), 1)
# Balls that the scaling is read from: from this many nodes on average to this share of all.
SMALLEST_BALL, LARGEST_BALL = 10, 0.5
# Least r^2 of a fit that deserves the name of a power law.
_LEAST_R2 = 0.9


class Spectrum(NamedTuple):
    """`tau`, `alpha`, `f` and `r2`, each `(q,)`; `alpha0`, `width`, `concave`; the radii and number of nodes used."""

    tau: np.ndarray
    alpha: np.ndarray
    f: np.ndarray
    r2: np.ndarray
    alpha0: float
    width: float
    concave: bool
    radii: np.ndarray
    n_nodes: int


def multifractal_spectrum(
    graph: Any,
    *,
    q: Any = ORDERS,
    n_radii: int = 20,
    smallest_ball: float = SMALLEST_BALL,
    largest_ball: float = LARGEST_BALL,
) -> Spectrum:
    """The spectrum of a graph with edge lengths, from balls grown around every node.

    N_i(r) counts the nodes at a shortest-path distance up to r from i, itself among them; r_max is the largest
    distance. Z_q(r) = sum_i (N_i(r) / N_i(r_max))^q ~ (r / r_max)^tau(q), by least squares of log on log;
    alpha = d tau / dq, f = q alpha - tau. alpha0, the alpha of the largest f, is smaller in a more regular graph; the
    width, alpha's largest less its smallest, is larger in a more varied one. As the sum runs over all nodes,
    tau(0) = 0 and, where tau is concave, the largest f is 0 and alpha0 is alpha at q = 0. Where it is not (balls grow
    apart with their radius), the largest f stands at an end of the orders, and alpha0 jumps there: look at `concave`.

    Args:
        graph: `(node, node)` edge lengths, sparse or dense, 0 where there is no edge; an edge in one direction counts
            for both. Only the largest connected part is used. All distances are held: n^2 numbers.
        q: orders, rising.
        n_radii: radii on a log scale; each is lowered to the next distance that occurs.
        smallest_ball: nodes of the mean ball from which on the scaling is read.
        largest_ball: share of the nodes in the mean ball up to which it is read.

    Raises:
        InputError: for a graph that is not square, negative or infinite lengths, orders that do not rise, or too few
            nodes or distances for a fit.

    A lattice on a torus has two dimensions, everywhere:

    >>> ring = np.roll(np.eye(24), 1, axis=1)
    >>> torus = np.kron(ring, np.eye(24)) + np.kron(np.eye(24), ring)
    >>> found = multifractal_spectrum(torus)
    >>> 1.7 < found.alpha0 < 2.2, found.width < 0.01
    (True, True)
    """
    lengths = csr_array(graph) if issparse(graph) else csr_array(np.asarray(graph, dtype=np.float64))
    if lengths.shape[0] != lengths.shape[1]:
        raise InputError("graph", lengths.shape, "needs (node, node)")
    if not np.isfinite(lengths.data).all() or (lengths.data < 0).any():
        raise InputError("graph", "negative or not finite", "edge lengths are finite and above 0")
    q = np.asarray(q, dtype=np.float64)
    if q.ndim != 1 or len(q) < 3 or (np.diff(q) <= 0).any():
        raise InputError("q", q, "needs at least three rising orders")
    if n_radii < 3 or not 0 < largest_ball < 1 or smallest_ball < 1:
        mend = "at least three radii, a smallest ball of 1 or more nodes and a largest of a share below 1"
        raise InputError("n_radii", (n_radii, smallest_ball, largest_ball), mend)
    _, part = connected_components(lengths, directed=False)
    kept = np.flatnonzero(part == np.bincount(part).argmax()) if len(part) else np.empty(0, int)
    n = len(kept)
    if n * largest_ball <= smallest_ball:
        raise InputError("graph", f"{n} connected nodes", f"too few for balls of {smallest_ball} nodes and more")
    distance = dijkstra(lengths[kept][:, kept], directed=False)
    radii = _radii(distance, n_radii, smallest_ball / n, largest_ball)
    # Rows sorted once: every ball is then one binary search.
    rows = np.sort(distance, axis=1)
    mass = np.stack([np.searchsorted(row, radii, side="right") for row in rows], axis=1) / n
    log_z = np.log(np.mean(mass[None] ** q[:, None, None], axis=2))
    x = np.log(radii / distance.max())
    x = x - x.mean()
    y = log_z - log_z.mean(axis=1, keepdims=True)
    tau = y @ x / (x @ x)
    total = (y**2).sum(axis=1)
    residual = ((y - tau[:, None] * x) ** 2).sum(axis=1)
    # At q = 0 every Z is the same: a flat line fits it exactly.
    r2 = 1 - np.divide(residual, total, out=np.zeros_like(total), where=total > 1e-12)
    alpha = np.gradient(tau, q)
    f = q * alpha - tau
    # Rounding decides where the spectrum of a uniform graph, a single point, is largest.
    concave = bool((np.diff(alpha) < 1e-9).all())
    return Spectrum(tau, alpha, f, r2, float(alpha[f.argmax()]), float(np.ptp(alpha)), concave, radii, n)


def weight_graph(
    matrices: Sequence[Any],
    *,
    nodes_per_layer: int | None = 64,
    shortest: float = 1.0,
    longest: float = 150.0,
    least_edges: int = 10,
    random_state: int | np.random.Generator = 0,
) -> csr_array:
    """The graph of units of consecutive layers: strong weights are short edges, d = 1 / |w|.

    Args:
        matrices: of consecutive layers, each `(unit of the next layer, unit)`, arrays or tensors.
        nodes_per_layer: units drawn from every layer, all if it has fewer; None takes all.
        shortest, longest: edges are kept for `shortest` < d <= `longest`.
        least_edges: nodes are kept with more edges than this.
        random_state: seed or generator of the draw.

    Returns:
        `(node, node)`, symmetric; nodes in the order of the layers.

    Raises:
        InputError: for no matrices, sizes that do not follow on each other, or weights that are not finite.

    >>> weight_graph([np.array([[0.5, 0.0], [0.1, 2.0]])], least_edges=0).toarray().tolist()
    [[0.0, 2.0, 10.0], [2.0, 0.0, 0.0], [10.0, 0.0, 0.0]]
    """
    weights = [np.asarray(m.detach().cpu().double() if hasattr(m, "detach") else m, dtype=float) for m in matrices]
    if not weights:
        raise InputError("matrices", "(none)", "give the weights of at least one layer")
    for number, w in enumerate(weights):
        if w.ndim != 2 or not w.size or (number and w.shape[1] != weights[number - 1].shape[0]):
            mend = f"matrix {number} needs (unit of the next layer, unit), and as many units as the one before gives"
            raise InputError("matrices", [m.shape for m in weights], mend)
        if not np.isfinite(w).all():
            raise InputError("matrices", f"matrix {number}: NaN or infinity", "weights must be finite")
    rng = np.random.default_rng(random_state)
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    drawn = [np.sort(rng.permutation(size)[: nodes_per_layer or size]) for size in sizes]
    first = np.cumsum([0, *map(len, drawn)])
    n = int(first[-1])
    pieces = []
    for number, w in enumerate(weights):
        part = np.abs(w[np.ix_(drawn[number + 1], drawn[number])])
        length = np.divide(1.0, part, out=np.full(part.shape, np.inf), where=part > 0)
        post, pre = np.nonzero((length > shortest) & (length <= longest))
        pieces.append((pre + first[number], post + first[number + 1], length[post, pre]))
    pre, post, length = (np.concatenate(part) for part in zip(*pieces, strict=True))
    one_way = coo_array((length, (pre, post)), shape=(n, n)).tocsr()
    graph = csr_array(one_way + one_way.T)
    kept = np.flatnonzero(np.diff(graph.indptr) > least_edges)
    return csr_array(graph[kept][:, kept])


def emergence(width: Any, alpha0: Any) -> np.ndarray:
    """The degree of emergence along training, E(t) = (w(t) / w(0)) ln(alpha0(0) / alpha0(t)).

    Args:
        width, alpha0: `(checkpoint,)`, the first one being the start.

    >>> emergence([1.0, 2.0], [2.0, 2.0 / np.e]).round(6).tolist()
    [0.0, 2.0]
    """
    w, a = np.asarray(width, dtype=np.float64), np.asarray(alpha0, dtype=np.float64)
    if w.shape != a.shape or w.ndim != 1 or not len(w) or not (w[0] > 0 and (a > 0).all()):
        raise InputError("width", (w, a), "needs one width and one alpha0 above 0 for every checkpoint")
    return w / w[0] * np.log(a[0] / a)


def _example(rng: np.random.Generator) -> tuple[tuple[list[np.ndarray]], dict[str, Any]]:
    return ([rng.normal(size=(30, 20)) / 10, rng.normal(size=(20, 30)) / 10],), {"n_samples": 2, "nodes_per_layer": 16}


@method(
    kind="population",
    source="arXiv:2402.09099",
    example=_example,
    exceptions={"permuting_units_permutes": "the units that make a sample are drawn by their place in the layer"},
)
def multifractal_analysis(
    matrices: Sequence[Any],
    *,
    nodes_per_layer: int | None = 64,
    n_samples: int = 5,
    q: Any = ORDERS,
    n_radii: int = 20,
    shortest: float = 1.0,
    longest: float = 150.0,
    least_edges: int = 10,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """The multifractal spectrum of a network's weights, over graphs of an equal number of units from every layer.

    As `weight_graph` (d = 1 / |w|) and `multifractal_spectrum`, for `n_samples` draws of units. Along training,
    `emergence` joins the widths and the alpha0 of the checkpoints into one number.

    Args:
        matrices: of consecutive layers, each `(unit of the next layer, unit)`.
        nodes_per_layer, shortest, longest, least_edges: as `weight_graph`.
        n_samples: draws.
        q, n_radii: as `multifractal_spectrum`.
        random_state: seed or generator of the draws.

    Returns:
        over `q`: `tau`, `alpha`, `f`, means over the samples, and `r2`, the least of them; over `sample`: `alpha0`,
        `width`, `concave`, `n_nodes`, and `power_law`, whether all fits have r^2 of 0.9 or more. Without it numbers say
        little.

    Raises:
        InputError: as `weight_graph` and `multifractal_spectrum`.

    Source: Xiao et al. 2024, arXiv:2402.09099. Reconstructed from its definitions; which radii its fits use is unsure:
    here they run from balls of ten nodes to balls of half of them.
    """
    if n_samples < 1:
        raise InputError("n_samples", n_samples, "must be at least 1")
    rng = np.random.default_rng(random_state)
    keep = {"shortest": shortest, "longest": longest, "least_edges": least_edges}
    spectra = [
        multifractal_spectrum(
            weight_graph(matrices, nodes_per_layer=nodes_per_layer, random_state=rng, **keep),  # type: ignore[arg-type]
            q=q,
            n_radii=n_radii,
        )
        for _ in range(n_samples)
    ]
    mean = {name: ("q", np.mean([getattr(s, name) for s in spectra], axis=0)) for name in ("tau", "alpha", "f")}
    each = {
        name: ("sample", np.array([getattr(s, name) for s in spectra]))
        for name in ("alpha0", "width", "concave", "n_nodes")
    }
    r2 = np.array([s.r2 for s in spectra])
    fits = {"r2": ("q", r2.min(axis=0)), "power_law": ("sample", (r2 >= _LEAST_R2).all(axis=1))}
    return xr.Dataset({**mean, **each, **fits}, coords={"q": np.asarray(q, dtype=float)})


def _radii(distance: np.ndarray, n_radii: int, smallest: float, largest: float) -> np.ndarray:
    """Radii on a log scale between the distances that hold these shares of all pairs, as distances that occur."""
    occurring = np.unique(distance)
    low, high = np.quantile(distance, [smallest, largest], method="higher")
    if low > 0:
        wanted = np.geomspace(low, high, n_radii)
        # Rounding must not lower the ends themselves.
        radii = np.unique(occurring[np.searchsorted(occurring, wanted * (1 + 1e-12), side="right") - 1])
        if len(radii) >= 3:
            return radii
    raise InputError("graph", f"distances {low:.3g} to {high:.3g}", "too few different distances for a power law")
