"""Cues that tell what will come, when, and how likely; at some trial, all of that changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def what_when(
    n_trials: int,
    *,
    latencies: Sequence[Sequence[float]],
    probabilities: Sequence[Sequence[float]],
    switch_at: Sequence[int] = (),
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Trials of a cue and one of two outcomes, which follows it after the latency of that cue in that block.

    Args:
        n_trials: rows.
        latencies: for each block, for each cue, seconds from cue to outcome.
        probabilities: likewise, of outcome 0; outcome 1 comes otherwise.
        switch_at: the first trial of the second block, of the third, ...
        random_state: seed or generator.

    Returns:
        One row a trial: `cue`, `block`, `latency`, `probability`, `outcome` (0 or 1).

    Raises:
        InputError: for blocks or cues that do not fit, or what is no probability or latency.

    Source: reconstructed from the abstract of Yamada & Chao, arXiv:2510.14382.

    >>> frame = what_when(4, latencies=[[0.2], [0.4]], probabilities=[[1.0], [0.0]], switch_at=[2])
    >>> frame["latency"].tolist(), frame["outcome"].tolist()
    ([0.2, 0.2, 0.4, 0.4], [0, 0, 1, 1])
    """
    when, likely = np.asarray(latencies, dtype=float), np.asarray(probabilities, dtype=float)
    if when.ndim != 2 or when.shape != likely.shape or not when.shape[1]:
        raise InputError("probabilities", likely.shape, f"needs (block, cue), as latencies have, {when.shape}")
    if not (when > 0).all() or not ((likely >= 0) & (likely <= 1)).all():
        raise InputError("probabilities", likely.tolist(), "needs numbers from 0 to 1, and latencies above 0")
    changes = list(switch_at)
    if n_trials < 1 or len(changes) != len(when) - 1 or changes != sorted(changes):
        raise InputError("switch_at", changes, f"needs a rising trial for each of {len(when)} blocks but the first")
    rng = np.random.default_rng(random_state)
    cue = rng.integers(when.shape[1], size=n_trials)
    block = np.searchsorted(changes, np.arange(n_trials), side="right")
    p = likely[block, cue]
    outcome = (rng.random(n_trials) >= p).astype(int)
    columns = {"cue": cue, "block": block, "latency": when[block, cue], "probability": p, "outcome": outcome}
    return pd.DataFrame(columns)


def outcome_pulses(trials: pd.DataFrame, times: np.ndarray, *, width: float = 0.03) -> np.ndarray:
    """What each trial shows: a Gaussian pulse of height 1 at the latency, in the channel of the outcome.

    Args:
        trials: as `what_when` gives them.
        times: `(time,)`, seconds after the cue.
        width: standard deviation, s.

    Returns:
        `(trial, time, outcome)`.

    >>> frame = what_when(1, latencies=[[0.2]], probabilities=[[1.0]])
    >>> outcome_pulses(frame, np.array([0.0, 0.2])).round(3).tolist()
    [[[0.0, 0.0], [1.0, 0.0]]]
    """
    return _pulses(trials, times, width) * (trials["outcome"].to_numpy()[:, None, None] == np.arange(2))


def expected_pulses(trials: pd.DataFrame, times: np.ndarray, *, width: float = 0.03) -> np.ndarray:
    """What each trial would show on average: the pulses of both outcomes, each as high as it is likely.

    Arguments and shape as for `outcome_pulses`.

    >>> frame = what_when(1, latencies=[[0.2]], probabilities=[[0.75]])
    >>> expected_pulses(frame, np.array([0.2])).tolist()
    [[[0.75, 0.25]]]
    """
    p = trials["probability"].to_numpy()
    return _pulses(trials, times, width) * np.stack([p, 1 - p], axis=1)[:, None]


def _pulses(trials: pd.DataFrame, times: np.ndarray, width: float) -> np.ndarray:
    if not width > 0:
        raise InputError("width", width, "needs a time above 0")
    apart = np.asarray(times, dtype=float)[None] - trials["latency"].to_numpy()[:, None]
    return np.exp(-0.5 * (apart / width) ** 2)[:, :, None]
