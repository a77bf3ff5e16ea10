"""Attention to some blocks of the past, drawn at random, near ones more often or not."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def block_probabilities(n_blocks: int, *, share: float, kind: str = "near") -> np.ndarray:
    """Probability that a block at distance D from the diagonal is attended to, for an expected share of all blocks.

    p(0) = 1, p(D) = min(1, a w(D)), with w(D) = 1 / (1 + D) for `near`, 1 for `uniform`, 1 / (1 + n_blocks - D) for
    `far`. There are n_blocks - D blocks at distance D in the lower triangle; a is such that
    sum_D (n_blocks - D) p(D) is `share` of all of them.

    Args:
        n_blocks: blocks on the diagonal.
        share: of the blocks of the lower triangle, at least that of the diagonal, 2 / (n_blocks + 1), and at most 1.
        kind: which distances are favoured: `near`, `uniform` or `far`.

    Returns:
        p, `(distance,)`.

    Raises:
        InputError: for no blocks, an unknown kind, or a share out of range.

    Source: Li, arXiv:2410.18441, proposes a distribution over block distances; its form is reconstructed.

    >>> block_probabilities(4, share=0.6, kind="uniform").round(3).tolist()
    [1.0, 0.333, 0.333, 0.333]
    """
    if n_blocks < 1:
        raise InputError("n_blocks", n_blocks, "must be at least 1")
    distance = np.arange(n_blocks)
    weights = {"near": 1 / (1 + distance), "uniform": np.ones(n_blocks), "far": 1 / (1 + n_blocks - distance)}
    if kind not in weights:
        raise InputError("kind", kind, f"must be one of {', '.join(weights)}")
    least = 2 / (n_blocks + 1)
    if not least <= share <= 1:
        raise InputError("share", share, f"from {least:.3g}, the diagonal's, to 1")
    number, weight = (n_blocks - distance)[1:], weights[kind][1:]
    wanted = share * n_blocks * (n_blocks + 1) / 2 - n_blocks
    # The expected number grows with a; 60 halvings leave nothing between the ends.
    low, high = 0.0, n_blocks + 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (number * np.minimum(1, middle * weight)).sum() < wanted:
            low = middle
        else:
            high = middle
    return np.concatenate([[1.0], np.minimum(1, high * weight)])


def block_attention_mask(
    probabilities: np.ndarray, *, block: int, random_state: int | np.random.Generator = 0
) -> np.ndarray:
    """Draw which blocks of the past each block of queries attends to.

    Args:
        probabilities: `(distance,)` in blocks, as from `block_probabilities`; that of 0 is 1.
        block: tokens in a block.
        random_state: seed or generator.

    Returns:
        Bool `(token, token)`, true where token i may attend to token j; only where j <= i, and always within a block.

    Raises:
        InputError: for what are no probabilities, a diagonal that may be left out, or an empty block.

    Source: as `block_probabilities`.

    >>> block_attention_mask(np.array([1.0, 0.0]), block=2).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]
    """
    p = np.asarray(probabilities, float)
    if p.ndim != 1 or not p.size or not ((p >= 0) & (p <= 1)).all():
        raise InputError("probabilities", p, "needs probabilities, one for each distance")
    if p[0] != 1:
        raise InputError("probabilities", p, "each block attends to itself; the first one must be 1")
    if block < 1:
        raise InputError("block", block, "must be at least 1")
    rng = np.random.default_rng(random_state)
    n = len(p)
    distance = np.arange(n)[:, None] - np.arange(n)
    kept = (rng.random((n, n)) < p[np.abs(distance)]) & (distance >= 0)
    return np.kron(kept, np.ones((block, block), bool)) & np.tri(n * block, dtype=bool)
