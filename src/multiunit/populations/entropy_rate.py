"""Entropy rate of a sequence of symbols: how well a model that was trained on its beginning predicts its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def entropy_rate(symbols: Any, *, order: int = 5, holdout: float = 0.2) -> float:
    """Bits a symbol that an n-gram model of the first part of a sequence needs for the rest: held-out cross-entropy.

    -mean log2 P_order(s_t | h), h the `order` symbols before t, interpolated as Witten and Bell do:
    P_k(s | h) = [c(h s) + T(h) P_{k-1}(s | h')] / [c(h) + T(h)], c(h) how often the last k symbols h were seen in the
    first part, T(h) how many different symbols followed them, h' the last k - 1; P_{-1} = 1 / number of symbols. Where
    h was never seen, P_k = P_{k-1}.

    An upper bound of the entropy rate of a stationary source, up to chance: no model does better on average than the
    source's own probabilities, and a sequence too short to learn from gives more bits. So do contexts that tell
    nothing: 500,000 random letters of 27 have log2 27 = 4.75 bits at order 0, and 5.6 at order 5. Compare orders.

    Args:
        symbols: `(time,)`, anything that can be sorted; numbers are faster than strings. What occurs anywhere counts
            as known.
        order: symbols looked back, n - 1 of the n-gram; 0 for the frequencies of symbols alone.
        holdout: share at the end that is predicted.

    Returns:
        Bits a symbol.

    Raises:
        InputError: for another shape, NaN, a negative order, or a part that is too short: neither may be empty, and
            the first has to hold more symbols than `order`.

    Source: Witten & Bell 1991, doi:10.1109/18.87000, method C, in the interpolated form of Chen & Goodman 1999.

    >>> entropy_rate(np.tile([0, 1, 2, 3], 5000), order=0)    # four symbols, equally often
    2.0
    >>> round(entropy_rate(np.tile([0, 1, 2, 3], 5000), order=1), 2)    # each tells the next
    0.0
    """
    values = np.asarray(symbols)
    if values.ndim != 1:
        raise InputError("symbols", values.shape, "needs (time,)")
    if values.dtype.kind in "fc" and np.isnan(values).any():
        raise InputError("symbols", "NaN", "drop what is missing first")
    if order < 0:
        raise InputError("order", order, "needs 0 symbols looked back, or more")
    if not 0 < holdout < 1:
        raise InputError("holdout", holdout, "a share between 0 and 1")
    n = len(values)
    n_train = n - round(holdout * n)
    if not order < n_train < n:
        raise InputError("symbols", n, f"too few to train on more than {order} and to predict one at least")
    names, number = np.unique(values, return_inverse=True)
    n_symbols = len(names)
    probability = np.full(n - n_train, 1 / n_symbols)
    # Numbers of the contexts at k, k + 1, ..., n - 1: all there is to know of the k symbols before.
    context = np.zeros(n, dtype=np.int64)
    for k in range(order + 1):
        seen = n_train - k
        _, gram = np.unique(context * n_symbols + number[k:], return_inverse=True)
        n_grams = np.bincount(gram[:seen], minlength=gram.max() + 1)
        first = np.zeros(len(n_grams), dtype=np.int64)
        first[gram] = context
        n_contexts = np.bincount(context[:seen], minlength=context.max() + 1)
        n_followers = np.bincount(first[n_grams > 0], minlength=len(n_contexts))
        count, followers = n_contexts[context[seen:]], n_followers[context[seen:]]
        mixed = n_grams[gram[seen:]] + followers * probability
        probability = np.divide(mixed, count + followers, out=probability, where=count > 0)
        # An n-gram that ends at t - 1 is the longer context at t.
        context = gram[:-1]
    return float(-np.log2(probability).mean()) + 0.0
