"""Recursive least squares: the ridge solution kept up to date, one example after the other."""

from __future__ import annotations

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class RecursiveLeastSquares:
    """A linear readout that is, after every example, the best one for all examples so far.

    P <- (P - P x x' P / (f + x' P x)) / f,  W <- W + P x (y - x' W)';  P = I / alpha and W = 0 at the start.
    With f = 1, W is at all times the ridge solution (X'X + alpha I)^-1 X'Y; with f below 1 an example of n steps ago
    counts f^n, and so does the penalty.

    Args:
        n_inputs, n_outputs: sizes of x and y.
        alpha: penalty, above 0; small ones learn fast at the start.
        forgetting: f, above 0 and up to 1.

    Attributes: `weights` `(input, output)`; `covariance`, P, `(input, input)`.

    Raises:
        InputError: for values out of their range, or examples that do not fit.

    Source: Sussillo & Abbott, Neuron 63 (2009), equations 4 to 6 (f = 1); Haykin, Adaptive Filter Theory (2002), for f.

    >>> line = RecursiveLeastSquares(2, alpha=1e-6)
    >>> for x in (0.0, 1.0, 2.0):
    ...     error = line.update([1.0, x], 3.0 + 2.0 * x)
    >>> line.weights.round(3).tolist()
    [[3.0], [2.0]]
    """

    def __init__(self, n_inputs: int, n_outputs: int = 1, *, alpha: float = 1.0, forgetting: float = 1.0) -> None:
        if n_inputs < 1 or n_outputs < 1:
            raise InputError("n_inputs", (n_inputs, n_outputs), "needs an input and an output at least")
        if not 0 < alpha < np.inf:
            raise InputError("alpha", alpha, "needs a penalty above 0")
        if not 0 < forgetting <= 1:
            raise InputError("forgetting", forgetting, "needs a number above 0 and up to 1")
        self.alpha, self.forgetting = float(alpha), float(forgetting)
        self.weights = np.zeros((n_inputs, n_outputs))
        self.covariance = np.empty((n_inputs, n_inputs))
        self.forget_certainty()

    def forget_certainty(self) -> None:
        """Set P to its start, so that the next examples count as if they were the first; the weights stay."""
        self.covariance[:] = np.eye(len(self.covariance)) / self.alpha

    def predict(self, x: np.ndarray) -> np.ndarray:
        """`(..., input)` to `(..., output)`."""
        return np.asarray(x, dtype=float) @ self.weights

    def update(self, x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
        """Learn one example, x `(input,)` and y `(output,)`; returns the error before, y - x' W, `(output,)`."""
        x, y = np.asarray(x, dtype=float), np.atleast_1d(np.asarray(y, dtype=float))
        if x.shape != self.weights.shape[:1] or y.shape != self.weights.shape[1:]:
            raise InputError("x", (x.shape, y.shape), f"needs inputs and outputs of sizes {self.weights.shape}")
        error = y - x @ self.weights
        if not np.isfinite(error).all():
            raise InputError("x", "not finite", "an example that is not finite would spoil all weights")
        rls_step(self.covariance, self.weights, x, error, self.forgetting)
        return error


@njit(cache=True)
def rls_step(covariance: np.ndarray, weights: np.ndarray, x: np.ndarray, error: np.ndarray, forgetting: float) -> None:
    """The two equations of `RecursiveLeastSquares`, in place; for loops that are compiled themselves."""
    n, n_outputs = weights.shape
    px = covariance @ x
    gain = 1.0 / (forgetting + px @ x)
    kept = 1.0 / forgetting
    for i in range(n):
        # The product in brackets is the same for (i, j) and (j, i) to the last bit: a difference between both halves
        # of P would grow by 1 / f in every step.
        for j in range(n):
            covariance[i, j] = (covariance[i, j] - gain * (px[i] * px[j])) * kept
        # P x after the update is px / (forgetting + x' P x).
        for k in range(n_outputs):
            weights[i, k] += gain * px[i] * error[k]
