"""ap: average precision of every unit of a GPT-2 small over a thousand sentences, beside scikit-learn unit by unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import compare, goal, main, ratio, write

N_UNITS, N_SENTENCES, PART = 36_864, 1000, 3072  # scikit-learn's loop runs over PART units


def _responses(*, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    responses = rng.standard_normal((N_SENTENCES, N_UNITS), dtype=np.float32)
    return np.maximum(responses, 0) if ties else responses, rng.random(N_SENTENCES) < 0.2


def multiunit(*, ties: bool) -> Any:
    from multiunit.maths.rank_scores import rank_scores

    responses, labels = _responses(ties=ties)

    def work() -> np.ndarray:
        return rank_scores(responses, labels[:, None]).average_precision[:, 0]

    return work, lambda scores: {"average_precision": scores[:PART]}


def scikit_learn(*, ties: bool) -> Any:
    from sklearn.metrics import average_precision_score

    responses, labels = _responses(ties=ties)

    def work() -> np.ndarray:
        return np.array([average_precision_score(labels, responses[:, unit]) for unit in range(PART)])

    return work, lambda scores: {"average_precision": scores}


CONTENDERS = {"multiunit": multiunit, "scikit-learn": scikit_learn}


def report() -> None:
    scales = {"scikit-learn": N_UNITS / PART}
    settings = {
        name: compare(__file__, list(CONTENDERS), {"ties": ties}, reference="multiunit", tolerance=1e-8, scales=scales)
        for name, ties in (("all responses differ", False), ("half of them are 0", True))
    }
    write(
        "ap",
        work="Average precision of 36,864 units as detectors of one concept, 1,000 sentences.",
        notes=f"scikit-learn's loop runs over {PART:,} units and its times are multiplied by {N_UNITS // PART}. "
        "multiunit gives the AUROC too.",
        settings=settings,
        goals=[
            goal(f"{name}: scikit-learn / multiunit", ratio(setting, "scikit-learn", "multiunit"), at_least=20)
            for name, setting in settings.items()
        ],
        packages=["multiunit", "numpy", "scikit-learn"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
