"""cka: unbiased linear CKA of two layers in one pass, beside the matrices of all pairs of presentations."""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import compare, goal, main, ratio, write

N_UNITS, BATCH = (1024, 2048), 1000
SUMS = 8 * (N_UNITS[0] * N_UNITS[1] + N_UNITS[0] ** 2 + N_UNITS[1] ** 2)  # bytes


def _layers(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((n, 50), dtype=np.float32)
    return [
        latent @ rng.standard_normal((50, units), dtype=np.float32) / 7
        + rng.standard_normal((n, units), dtype=np.float32)
        for units in N_UNITS
    ]


def multiunit(*, n: int) -> Any:
    import pandas as pd

    from multiunit.similarity.streaming_cka import StreamingCKA

    x, y = _layers(n)

    def work() -> float:
        cka = StreamingCKA()
        for start in range(0, n, BATCH):
            rows = slice(start, start + BATCH)
            cka.update(x[rows], pd.DataFrame(index=range(len(x[rows]))), other=y[rows])
        return float(cka.result()["linear_cka"])

    return work, lambda value: {"cka": np.array(value)}


def gram(*, n: int) -> Any:
    """Song et al. 2012 with n x n kernels."""
    x, y = _layers(n)

    def hsic(k: np.ndarray, h: np.ndarray) -> float:
        rows_k, rows_h = k.sum(axis=1), h.sum(axis=1)
        middle = rows_k.sum() * rows_h.sum() / ((n - 1) * (n - 2))
        return float((np.vdot(k, h) + middle - 2 / (n - 2) * (rows_k @ rows_h)) / (n * (n - 3)))

    def work() -> float:
        kernels = []
        for activity in (x, y):
            wide = activity.astype(np.float64)
            kernels.append(wide @ wide.T)
            np.fill_diagonal(kernels[-1], 0)
        k, h = kernels
        return hsic(k, h) / float(np.sqrt(hsic(k, k) * hsic(h, h)))

    return work, lambda value: {"cka": np.array(value)}


CONTENDERS = {"multiunit": multiunit, "Gram matrices": gram}


def report() -> None:
    both = list(CONTENDERS)
    settings = {
        "500 presentations": compare(__file__, both, {"n": 500}, reference="multiunit", tolerance=1e-10),
        "5,000 presentations": compare(__file__, both, {"n": 5000}, reference="multiunit", tolerance=1e-10),
        "50,000 presentations": compare(
            __file__, ["multiunit"], {"n": 50_000}, reference="multiunit", tolerance=1e-10, once=True
        ),
    }
    least, most = (settings[f"{n} presentations"]["contenders"]["multiunit"]["peak_bytes"] for n in ("5,000", "50,000"))
    write(
        "cka",
        work="Unbiased linear CKA of 1,024 and 2,048 units, float32 activity in batches of 1,000.",
        notes="The activity itself is held before the work begins. Two Gram matrices of 50,000 presentations would "
        "take 40 GB, so that this setting has no peer.",
        settings=settings,
        goals=[
            goal("50,000: memory / (p q + p^2 + q^2 numbers)", most / SUMS, at_most=4),
            goal("memory at 50,000 / at 5,000", most / least, at_most=1.2),
            goal(
                "5,000: Gram matrices / multiunit",
                ratio(settings["5,000 presentations"], "Gram matrices", "multiunit"),
                at_least=1,
            ),
        ],
        packages=["multiunit", "numpy", "torch"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
