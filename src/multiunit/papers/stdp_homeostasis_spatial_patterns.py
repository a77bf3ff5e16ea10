"""One teacher's spike and homeostasis make a neuron detect a spatial pattern; several patterns on one neuron mix.

Claim: trained on a single pattern the neuron is an ideal detector; with more patterns accuracy falls with similarity.

Experiment: 100 inputs, 20 active; 1 to 4 patterns a detector, each shown once with a teacher's spike 2 ms later, among
ten other patterns without it; random patterns, and three with 0, 5, 10 or 15 inputs common to all. Probes: the trained
patterns, random ones, and near misses with 1 to 3 inputs swapped. Accuracy is the mean of hits and correct rejections.
Beside the verdict, mixtures: half of one trained pattern with half of another.

Control: the same stream, the teacher's spike after random patterns of it; and a threshold fixed at 15 in the place of
homeostasis.

Deviations: the paper was read in its abstract only. One-shot learning and that similarity costs accuracy are the
authors' words; sizes, spike-timing constants, threshold rule, probes and the criterion come from the catalogue's
summary. All spikes of a pattern come in one step, so a leaky neuron at rest detects by a sum against its threshold, and
none is simulated. A teacher at a random time after the pattern would still pair with all its inputs alike; so it is
moved to other patterns. Three seeds in the place of five. In a detector of this kind a near miss is a false alarm if
what was swapped in belongs to another pattern; similar patterns have a smaller union, and so should have fewer.

Not shown: the hardware and its network, weight scaling and slow homeostasis towards a target rate, negative weights of
inputs that are no members, leaky integration of spread spikes.
"""

from __future__ import annotations

import numpy as np

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.pattern_detector import homeostatic_threshold, paired_weights

PAPER = Paper(
    id="stdp-homeostasis-spatial-patterns",
    title="Supervised learning of spatial features with STDP and homeostasis using Spiking Neural Networks on "
    "SpiNNaker",
    year=2023,
    source="arXiv:2312.02659",
    level="synthetic",
    uses=(paired_weights, homeostatic_threshold),
)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n = scale.pick(smoke=10, small=200)
    by_number = {k: _scores(n, rng, k=k) for k in (1, 2, 3, 4)}
    overlaps = [_scores(n, rng, k=3, common=c)["false_alarms"] for c in (0, 5, 10, 15)]
    return Claim(
        measured={
            **{f"accuracy_{k}": scores["accuracy"] for k, scores in by_number.items()},
            **{f"false_alarms_{k}": scores["false_alarms"] for k, scores in by_number.items()},
            "mixtures_2": by_number[2]["mixtures"],
            **{f"common_{c}": value for c, value in zip((0, 5, 10, 15), overlaps, strict=True)},
        },
        control={
            "random_teacher_accuracy": _scores(n, rng, k=1, teacher=False)["accuracy"],
            "fixed_threshold_accuracy": _scores(n, rng, k=1, threshold=15.0)["accuracy"],
        },
        criterion="measured.accuracy_1 >= 0.99 "
        "and measured.false_alarms_1 < measured.false_alarms_2 < measured.false_alarms_3 < measured.false_alarms_4 "
        "and measured.common_0 < measured.common_5 < measured.common_10 < measured.common_15 "
        "and control.random_teacher_accuracy <= 0.6 and control.fixed_threshold_accuracy < measured.accuracy_1",
    )


def _scores(
    n: int, rng: np.random.Generator, *, k: int, common: int | None = None, teacher: bool = True,
    threshold: float | None = None,
) -> dict[str, float]:  # fmt: skip
    """Means over n detectors, each of its own patterns."""
    accuracy, alarms, mixed = [], [], []
    for _ in range(n):
        if common is None:
            trained = np.stack([_random(rng) for _ in range(k)])
        else:
            order, own = rng.permutation(100), 20 - common
            trained = np.zeros((k, 100), dtype=bool)
            trained[:, order[:common]] = True
            for i in range(k):
                trained[i, order[common + i * own : common + (i + 1) * own]] = True
        stream = np.concatenate([trained, [_random(rng) for _ in range(10)]])
        taught = np.arange(k) if teacher else k + rng.permutation(10)[:k]
        after = np.full(len(stream), np.nan)
        after[taught] = 0.002
        order = rng.permutation(len(stream))
        weights = paired_weights(stream[order], after[order])
        theta = homeostatic_threshold(weights, trained) if threshold is None else threshold
        near = np.stack([_swapped(trained[i % k], 1 + i % 3, rng) for i in range(30)])
        other = np.stack([_random(rng) for _ in range(30)])
        false = np.concatenate([near @ weights >= theta, other @ weights >= theta])
        accuracy.append((np.mean(trained @ weights >= theta) + 1 - false.mean()) / 2)
        alarms.append(false[:30].mean())
        if k > 1:
            mixtures = np.stack([_mixture(trained[i % k], trained[(i + 1) % k], rng) for i in range(30)])
            mixed.append(np.mean(mixtures @ weights >= theta))
    found = {"accuracy": accuracy, "false_alarms": alarms, "mixtures": mixed}
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _random(rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(100) < 20


def _swapped(pattern: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    changed = pattern.copy()
    changed[rng.choice(np.flatnonzero(pattern), count, replace=False)] = False
    changed[rng.choice(np.flatnonzero(~pattern), count, replace=False)] = True
    return changed


def _mixture(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mixed = np.zeros_like(first)
    mixed[rng.choice(np.flatnonzero(first), 10, replace=False)] = True
    mixed[rng.choice(np.flatnonzero(second & ~mixed), 10, replace=False)] = True
    return mixed
