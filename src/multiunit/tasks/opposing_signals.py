"""A linear rule, and a few examples that share one strong feature, with labels that conflict or agree."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class OpposingSignals(NamedTuple):
    """Args:
    inputs: float32 `(example, feature)`; the first feature is the shared one.
    labels: 0 or 1, `(example,)`.
    group: `(example,)`, 0 for most examples, 1 and 2 for the two halves of the outliers.
    """

    inputs: np.ndarray
    labels: np.ndarray
    group: np.ndarray


def opposing_signals(
    n_examples: int = 400,
    *,
    n_features: int = 20,
    amplitude: float = 6.0,
    fraction: float = 0.1,
    mode: Literal["opposing", "consistent", "none"] = "opposing",
    random_state: int | np.random.Generator = 0,
) -> OpposingSignals:
    """Draw examples whose labels follow a linear rule of normal features, and give some of them a strong one.

    label = 1 if beta . x_b > 0, x_b ~ N(0, 1) and beta of random direction. The shared feature x_o is `amplitude` in a
    `fraction` of the examples and 0 in the others. "opposing": half of the outliers have label 0 (group 1), half label
    1 (group 2). "consistent": all have label 1, and are halved at random. "none": groups as in "opposing", but x_o is 0
    everywhere. The rule holds for the outliers as well.

    Args:
        n_examples: how many.
        n_features: with the shared one.
        amplitude: of the shared feature, in standard deviations of the others.
        fraction: of outliers; their number is made even.
        mode: what the outliers' labels do.
        random_state: seed or generator.

    Raises:
        InputError: for an unknown mode, fewer than two features, or too few examples of a label for that many outliers.

    Source: in the spirit of Rosenfeld & Risteski, arXiv:2311.04163 (abstract read; the toy is reconstructed).

    >>> task = opposing_signals(mode="opposing")
    >>> [sorted(set(task.labels[task.group == g].tolist())) for g in (1, 2)], int((task.inputs[:, 0] == 6).sum())
    ([[0], [1]], 40)
    """
    if mode not in ("opposing", "consistent", "none"):
        raise InputError("mode", mode, "must be opposing, consistent or none")
    if n_features < 2 or not np.isfinite(amplitude):
        raise InputError("n_features" if n_features < 2 else "amplitude", (n_features, amplitude), "at least 2; finite")
    half = round(fraction * n_examples / 2)
    rng = np.random.default_rng(random_state)
    x = rng.normal(size=(n_examples, n_features))
    x[:, 0] = 0
    labels = (x @ rng.normal(size=n_features) > 0).astype(np.int64)
    zeros, ones = (rng.permutation(np.flatnonzero(labels == label)) for label in (0, 1))
    first, second = (ones[:half], ones[half : 2 * half]) if mode == "consistent" else (zeros[:half], ones[:half])
    if half < 1 or min(len(first), len(second)) < half:
        raise InputError("fraction", fraction, f"{2 * half} outliers among {len(zeros)} and {len(ones)} of the labels")
    group = np.zeros(n_examples, dtype=np.int64)
    group[first], group[second] = 1, 2
    if mode != "none":
        x[group > 0, 0] = amplitude
    return OpposingSignals(x.astype(np.float32), labels, group)
