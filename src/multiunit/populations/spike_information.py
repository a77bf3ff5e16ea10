"""Information rate of a spike train by the direct method: the entropy of its words less that of their noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class SpikeInformation(NamedTuple):
    """Bits a second: `rate` = `total` - `noise`, for endless words; `word_total`, `word_noise` `(word,)` by length."""

    rate: float
    total: float
    noise: float
    word_total: np.ndarray
    word_noise: np.ndarray


def spike_information(
    spikes: Any, *, dt: float, word_lengths: Sequence[int] = (1, 2, 3, 4), n_parts: int = 4
) -> SpikeInformation:
    """How much a spike train says about a stimulus that was repeated, whatever it says and however.

    rate = lim over L of [H(words of L bins) - mean_t H(words that begin at t, over repeats)] / (L dt). Two
    extrapolations:

    sample size: entropies of few words are too low. H is taken of all words, of halves, thirds, ... up to `n_parts`
    parts, means over the parts, and H_0 of the fit H = H_0 + H_1 k + H_2 k^2, k the number of parts. The parts are
    groups of repeats for the noise and stretches of time for the total, as that is what each has few of;

    word length: a straight line through H / L against 1 / L, to 1 / L = 0. For a train that is a Markov chain, H / L
    is such a line.

    Words may overlap. Long words need many repeats, or the noise is still too low and the rate too high: of trains that
    say nothing, with a spike in a tenth of the bins, 60 repeats lose 4 % of the noise with words of 6 bins and 1.5 %
    with 4; 240 repeats lose 0.8 % and 0.1 %. Repeats that are shifted against each other show what is left.

    Args:
        spikes: `(repeat, time)`, bools or counts in bins.
        dt: seconds a bin.
        word_lengths: bins, at least two lengths.
        n_parts: 3 or more; the smallest part holds 1 / `n_parts` of the data.

    Returns:
        `rate`, `total`, `noise`: extrapolated in both ways; `word_total`, `word_noise`: bits/s for each word length,
        extrapolated in sample size.

    Raises:
        InputError: for another shape, values that are not counts, fewer than two word lengths or three parts, fewer
            repeats or too little time for that many parts, or words of more than 2^20 kinds.

    Source: Strong et al. 1998, doi:10.1103/PhysRevLett.80.197; reconstructed - the article was not read again, and
    there the fit is of second order in the inverse of the sample size, too, while parts of time are ours.

    >>> rng = np.random.default_rng(0)
    >>> stimulus = rng.random(2000) < 0.5
    >>> spikes = stimulus ^ (rng.random((100, 2000)) < 0.11)    # flips carry off half of the bit
    >>> found = spike_information(spikes, dt=0.01)
    >>> round(found.total / 100, 1), round(found.noise / 100, 1), round(found.rate / 100, 1)
    (1.0, 0.5, 0.5)
    """
    counts = np.asarray(spikes)
    if counts.ndim != 2 or counts.dtype.kind not in "biu" or not counts.size or counts.min() < 0:
        raise InputError("spikes", (counts.shape, str(counts.dtype)), "needs (repeat, time), bools or counts")
    if not dt > 0:
        raise InputError("dt", dt, "needs seconds a bin, above 0")
    lengths = np.asarray(word_lengths, dtype=np.int64)
    if lengths.ndim != 1 or len(np.unique(lengths)) != len(lengths) or len(lengths) < 2 or lengths.min() < 1:
        raise InputError("word_lengths", list(word_lengths), "needs two different lengths or more, of 1 bin or more")
    if n_parts < 3:
        raise InputError("n_parts", n_parts, "a curve of second order needs three sizes of parts or more")
    n_repeats, n_bins = counts.shape
    if n_repeats < 2 * n_parts or n_bins - lengths.max() + 1 < n_parts:
        raise InputError("spikes", counts.shape, f"too few repeats or bins for {n_parts} parts, of two repeats or more")
    n_kinds = int(counts.max()) + 1
    if lengths.max() * np.log2(n_kinds) > 20:
        raise InputError("word_lengths", int(lengths.max()), f"makes more than 2^20 words of {n_kinds} counts; shorten")
    counts = counts.astype(np.int64)
    parts = np.arange(1, n_parts + 1)
    per_word = np.empty((2, len(lengths)))
    for place, length in enumerate(lengths):
        n_times = n_bins - length + 1
        words = sum(counts[:, i : i + n_times] * n_kinds**i for i in range(length))
        assert isinstance(words, np.ndarray)
        n_words = n_kinds**length
        columns = np.ascontiguousarray(words.T)
        noise = [np.mean([_entropy(p, n_words) for p in np.array_split(columns, k, axis=1)]) for k in parts]
        total = [
            np.mean([_entropy(p.reshape(1, -1), n_words) for p in np.array_split(columns, k, axis=0)]) for k in parts
        ]
        per_word[:, place] = [np.polyfit(parts, h, 2)[-1] / (length * dt) for h in (total, noise)]
    total_rate, noise_rate = (float(np.polyfit(1 / lengths, h, 1)[-1]) for h in per_word)
    return SpikeInformation(total_rate - noise_rate, total_rate, noise_rate, per_word[0], per_word[1])


@njit(cache=True)
def _entropy(words: Any, n_words: int) -> float:
    """Mean over rows of the entropy of what stands in a row, in bits."""
    n_rows, n = words.shape
    counts = np.zeros(n_words, np.int64)
    total = 0.0
    for r in range(n_rows):
        for i in range(n):
            counts[words[r, i]] += 1
        for i in range(n):
            c = counts[words[r, i]]
            if c:
                total -= c * np.log2(c / n)
                counts[words[r, i]] = 0
    return total / (n_rows * n)
