"""universal: the best partner of each of 4,224 neurons among 4,224 of another model, beside a full matrix of sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from side_by_side import compare, goal, main, ratio, write

N_LAYERS, WIDTH, BATCH, N_BATCHES = 6, 704, 1024, 8
N_UNITS = N_LAYERS * WIDTH


def _activity() -> list[tuple[np.ndarray, np.ndarray]]:
    """Two batches of both models, which come again and again; every unit has a noisy partner."""
    rng = np.random.default_rng(0)
    order = rng.permutation(N_UNITS)
    batches = []
    for _ in range(2):
        x = rng.standard_exponential((BATCH, N_UNITS), dtype=np.float32)
        batches.append((x, x[:, order] + rng.standard_exponential((BATCH, N_UNITS), dtype=np.float32)))
    return batches


def multiunit() -> Any:
    import torch

    from multiunit.statistics import CrossCorrelation

    batches = [(torch.as_tensor(x), torch.as_tensor(y)) for x, y in _activity()]
    table = pd.DataFrame(index=range(BATCH))

    def work() -> tuple[np.ndarray, np.ndarray]:
        layers = [CrossCorrelation() for _ in range(N_LAYERS)]
        for number in range(N_BATCHES):
            x, y = batches[number % 2]
            for layer, correlation in enumerate(layers):
                correlation.update(x[:, layer * WIDTH : (layer + 1) * WIDTH], table, other=y)
        best, partner = [], []
        while layers:
            matrix = layers.pop(0).result()["correlation"].values
            best.append(matrix.max(axis=1))
            partner.append(matrix.argmax(axis=1))
        return np.concatenate(best), np.concatenate(partner)

    return work, _answer


def full() -> Any:
    """Sums of products of everything with everything in double precision, as a script would keep them."""
    batches = _activity()

    def work() -> tuple[np.ndarray, np.ndarray]:
        products = np.zeros((N_UNITS, N_UNITS))
        sums = np.zeros((4, N_UNITS))
        for number in range(N_BATCHES):
            x, y = (a.astype(np.float64) for a in batches[number % 2])
            products += x.T @ y
            sums += x.sum(0), (x**2).sum(0), y.sum(0), (y**2).sum(0)
        n = N_BATCHES * BATCH
        mean_x, square_x, mean_y, square_y = sums / n
        spread_x, spread_y = np.sqrt(square_x - mean_x**2), np.sqrt(square_y - mean_y**2)
        matrix = (products / n - np.outer(mean_x, mean_y)) / np.outer(spread_x, spread_y)
        return matrix.max(axis=1), matrix.argmax(axis=1)

    return work, _answer


def _answer(found: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    return {"correlation": found[0], "partner": found[1]}


CONTENDERS = {"full float64 matrix": full, "multiunit": multiunit}


def report() -> None:
    setting = compare(__file__, list(CONTENDERS), {}, reference="full float64 matrix", tolerance=1e-5)
    peaks = [setting["contenders"][name]["peak_bytes"] for name in ("multiunit", "full float64 matrix")]
    write(
        "universal",
        work="The largest correlation of each of 4,224 neurons with any of 4,224 others, and whose it is.",
        notes=f"{N_BATCHES * BATCH:,} tokens a round, where the goal speaks of a million: time grows with their "
        "number, memory does not. The activity is made up (two batches that come again), so that only the sums are "
        "measured.",
        settings={f"{N_BATCHES * BATCH:,} tokens": setting},
        goals=[
            goal("multiunit / full float64 matrix", ratio(setting, "multiunit", "full float64 matrix"), at_most=1.0),
            goal("peak memory: multiunit / full float64 matrix", peaks[0] / peaks[1], at_most=0.25),
        ],
        packages=["multiunit", "numpy", "torch"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
