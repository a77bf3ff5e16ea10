"""shape: Procrustes distances of all of many systems, beside netrep's formula pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import compare, goal, main, ratio, write

N_SYSTEMS, N_PRESENTATIONS, N_UNITS, PART = 100, 2000, 256, 20  # the formula's loop runs over the pairs of PART systems
N_PAIRS, N_PART = N_SYSTEMS * (N_SYSTEMS - 1) // 2, PART * (PART - 1) // 2


def _systems(*, shared: bool) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    size = (N_PRESENTATIONS, N_UNITS)
    if not shared:
        return [rng.standard_normal(size) for _ in range(N_SYSTEMS)]
    # As of networks on the same images: a spectrum that falls as 1 / rank, the leading directions shared.
    base = rng.standard_normal(size) / np.arange(1, N_UNITS + 1)
    turns = (np.linalg.qr(rng.standard_normal((N_UNITS, N_UNITS)))[0] for _ in range(N_SYSTEMS))
    return [(base + 0.01 * rng.standard_normal(size)) @ turn for turn in turns]


def multiunit(*, shared: bool) -> Any:
    from multiunit.similarity.pairwise_shape import pairwise_shape

    systems = {str(number): system for number, system in enumerate(_systems(shared=shared))}

    def work() -> np.ndarray:
        return np.asarray(pairwise_shape(systems))

    return work, lambda distance: {"distance": distance[:PART, :PART]}


def formula(*, shared: bool) -> Any:
    """LinearMetric(alpha=1).fit_score of netrep, written out: centre, turn, angle."""
    systems = _systems(shared=shared)[:PART]

    def one(x: np.ndarray, y: np.ndarray) -> float:
        mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
        u, _, vt = np.linalg.svd((x - mean_x).T @ (y - mean_y))
        # netrep multiplies both turns by the (here identical) whitening as well; that is left out in its favour.
        turned_x, turned_y = ((x - mean_x) @ u).ravel(), ((y - mean_y) @ vt.T).ravel()
        return float(np.arccos(turned_x @ turned_y / (np.linalg.norm(turned_x) * np.linalg.norm(turned_y))))

    def work() -> np.ndarray:
        distance = np.zeros((PART, PART))
        for i in range(PART):
            for j in range(i):
                distance[i, j] = distance[j, i] = one(systems[i], systems[j])
        return distance

    return work, lambda distance: {"distance": distance}


CONTENDERS = {"multiunit": multiunit, "netrep's formula": formula}


def report() -> None:
    scales = {"netrep's formula": N_PAIRS / N_PART}
    settings = {
        name: compare(
            __file__, list(CONTENDERS), {"shared": shared}, reference="multiunit", tolerance=1e-8, scales=scales
        )
        for name, shared in (("unrelated systems", False), ("one shape and noise", True))
    }
    write(
        "shape",
        work="Procrustes distances (angles) of all pairs of 100 systems, 2,000 presentations of 256 units.",
        notes=f"The formula's loop runs over the pairs of {PART} systems; its times are multiplied by "
        f"{N_PAIRS / N_PART:.1f}, the pairs of {N_SYSTEMS} per pair of {PART}.",
        settings=settings,
        goals=[
            goal(f"{name}: netrep's formula / multiunit", ratio(setting, "netrep's formula", "multiunit"), at_least=4)
            for name, setting in settings.items()
        ],
        packages=["multiunit", "numpy", "scipy"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
