"""Word vectors by counting: which words stand near which, and the few dimensions that say most of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import svds

from multiunit.core.errors import InputError


def ppmi(tokens: Any, *, n_words: int, window: int = 5, smoothing: float = 0.75) -> csr_array:
    """Positive pointwise mutual information of words and the words around them.

    ppmi_wc = max(0, log(p_wc / (p_w q_c))), with p_wc the share of pairs (word, context within `window` places on
    either side), p_w its sum over contexts, and q_c proportional to (sum_w p_wc)^smoothing, which keeps rare contexts
    from counting too much.

    Args:
        tokens: `(place,)`, numbers of words in the order of the text; -1 for what is no word of interest, which takes
            its place but is not counted. Texts are kept apart by `window` times -1.
        n_words: words; tokens are below it.
        window: places on either side.
        smoothing: 1 for plain mutual information.

    Returns:
        sparse `(word, context)`, symmetric in what is counted though not in value unless `smoothing` is 1.

    Raises:
        InputError: for tokens out of range, no pair at all, or arguments out of range.

    Source: Levy, Goldberg & Dagan 2015, TACL 3:211.

    >>> bool(np.isclose(ppmi([0, 1, -1, 2, 3], n_words=4, window=1, smoothing=1).toarray()[0, 1], np.log(4)))
    True
    """
    words = np.asarray(tokens)
    if words.ndim != 1 or words.dtype.kind not in "iu" or not words.size:
        raise InputError("tokens", words.shape, "needs whole numbers, (place,)")
    if words.min() < -1 or words.max() >= n_words:
        raise InputError("tokens", (int(words.min()), int(words.max())), f"go from -1 to n_words - 1 ({n_words - 1})")
    if window < 1:
        raise InputError("window", window, "must be at least 1")
    if not 0 <= smoothing <= 1:
        raise InputError("smoothing", smoothing, "must be from 0 to 1")
    counts = csr_array((n_words, n_words), dtype=np.float64)
    for away in range(1, window + 1):
        left, right = words[:-away], words[away:]
        both = (left >= 0) & (right >= 0)
        counts = counts + coo_array((np.ones(both.sum()), (left[both], right[both])), shape=counts.shape).tocsr()
    pairs = (counts + counts.T).tocoo()
    if not pairs.nnz:
        raise InputError("tokens", words.shape, "no two words stand within the window of each other")
    of_word = pairs.sum(axis=1)
    # A word without neighbours is no context: 0 to the power 0 would make it one.
    of_context = np.power(of_word, smoothing, out=np.zeros_like(of_word), where=of_word > 0)
    expected = of_word[pairs.row] * (of_context / of_context.sum())[pairs.col]
    value = np.log(pairs.data / expected)
    kept = value > 0
    return coo_array((value[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape).tocsr()


def word_vectors(
    tokens: Any, *, n_words: int, n_components: int, window: int = 5, smoothing: float = 0.75
) -> np.ndarray:
    """Word vectors of a text: the leading singular vectors of its `ppmi`.

    M = U S V', vectors U sqrt(S), the strongest dimension first. The first columns of many are therefore the vectors of
    fewer dimensions: one call serves a sweep of sizes.

    Args:
        tokens, n_words, window, smoothing: as for `ppmi`.
        n_components: dimensions, fewer than words.

    Returns:
        `(word, component)`; a word that never stands near another is 0.

    Raises:
        InputError: as `ppmi` does, for dimensions out of range, or if no word tells more than chance of another.

    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization"; square root of S and
    smoothing as in Levy, Goldberg & Dagan 2015, TACL 3:211.

    >>> topic, first, second = np.random.default_rng(0).integers(2, size=(3, 500))
    >>> text = np.stack([2 * topic + first, 4 + 2 * topic + second, np.full(500, -1)], axis=1).ravel()
    >>> v = word_vectors(text, n_words=8, n_components=2, window=1)    # 0 and 1 stand before 4 and 5, 2 and 3 do not
    >>> bool(v[0] @ v[1] > 0.5), bool(abs(v[0] @ v[2]) < 0.01)
    (True, True)
    """
    if not 1 <= n_components < n_words:
        raise InputError("n_components", n_components, f"must be at least 1, and below the number of words, {n_words}")
    matrix = ppmi(tokens, n_words=n_words, window=window, smoothing=smoothing)
    if not matrix.nnz:
        raise InputError("tokens", np.shape(tokens), "no word tells of another; give a longer text")
    # A start that is not random: the same text gives the same vectors.
    u, s, _ = svds(matrix, k=n_components, v0=np.ones(n_words))
    order = np.argsort(-s)
    u = u[:, order] * np.sqrt(s[order])
    # Singular vectors have no sign of their own; the largest entry of each is made positive.
    return np.asarray(u * np.sign(u[np.abs(u).argmax(axis=0), np.arange(n_components)]))
