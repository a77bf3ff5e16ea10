"""Is a system order-preserving: does more input ever give less output, and which paths could make it so?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from multiunit.core.errors import InputError


def order_violations(
    f: Callable[[np.ndarray], np.ndarray],
    *,
    low: np.ndarray,
    high: np.ndarray,
    n_pairs: int = 2000,
    tolerance: float = 1e-9,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """How often raising one input lowers an output.

    For input i, pairs x <= x' that differ in i alone, x uniform in the box and x'_i uniform between x_i and the top:
    share of pairs with f(x')_j < f(x)_j - tolerance. A function is monotone if and only if all shares are 0 for all
    pairs; a sample can show violations, not their absence.

    Args:
        f: `(pair, input)` to `(pair, output)`.
        low, high: the box, `(input,)`.
        n_pairs: pairs for each input.
        tolerance: smaller falls are taken as rounding.
        random_state: seed or generator.

    Returns:
        `(input, output)`, from 0 (never falls) to 1 (always falls).

    Raises:
        InputError: for a box that is empty, or a function that gives another shape or numbers that are not finite.

    Source: the order that non-negative networks keep, Wang et al., arXiv:2208.03211.

    >>> found = order_violations(lambda x: x[:, :1] - x[:, 1:], low=np.zeros(2), high=np.ones(2))
    >>> found.tolist()
    [[0.0], [1.0]]
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if low.ndim != 1 or low.shape != high.shape or not (low < high).all():
        raise InputError("low", low.tolist(), "needs one number an input, each below high")
    if n_pairs < 1:
        raise InputError("n_pairs", n_pairs, "must be at least 1")
    rng = np.random.default_rng(random_state)
    shares = []
    for i in range(len(low)):
        x = rng.uniform(low, high, size=(n_pairs, len(low)))
        raised = x.copy()
        raised[:, i] = rng.uniform(x[:, i], high[i])
        before, after = np.asarray(f(x)), np.asarray(f(raised))
        if before.ndim != 2 or len(before) != n_pairs or not (np.isfinite(before) & np.isfinite(after)).all():
            raise InputError("f", before.shape, f"must give finite numbers, ({n_pairs}, output)")
        shares.append((after < before - tolerance).mean(axis=0))
    return np.array(shares)


def path_balance(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Are all paths from an input to an output excitatory, all inhibitory, or both?

    With P and N the sums of |product of weights| over paths of even and odd numbers of negative weights:
    (P - N) / (P + N), which is 1 where no path inverts, so that with rising activations the output rises with the
    input, -1 where all do, and 0 where no path exists. A recurrent matrix given k times stands for walks of k steps.

    Args:
        weights: matrices `(from, to)`, in the order in which they act.

    Returns:
        `(input, output)`.

    Raises:
        InputError: for matrices that do not follow on each other.

    >>> path_balance([np.array([[1.0, -1.0], [2.0, 0.0]]), np.array([[1.0], [1.0]])]).tolist()
    [[0.0], [1.0]]
    """
    chain = [np.asarray(w, dtype=float) for w in weights]
    if not chain or any(w.ndim != 2 or not np.isfinite(w).all() for w in chain):
        raise InputError("weights", [w.shape for w in chain], "needs at least one finite matrix (from, to)")
    even, odd = np.maximum(chain[0], 0), np.maximum(-chain[0], 0)
    for w in chain[1:]:
        if len(w) != even.shape[1]:
            raise InputError("weights", w.shape, f"needs {even.shape[1]} rows, as the matrix before has columns")
        plus, minus = np.maximum(w, 0), np.maximum(-w, 0)
        even, odd = even @ plus + odd @ minus, even @ minus + odd @ plus
        # Only the ratio counts; long walks would overflow.
        largest = max(even.max(), odd.max()) or 1.0
        even, odd = even / largest, odd / largest
    total = even + odd
    return np.divide(even - odd, total, out=np.zeros_like(total), where=total > 0)
