"""NARMA: a nonlinear series that a reservoir has to follow from its random input."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def narma(
    inputs: np.ndarray, *, order: int = 10, coefficients: tuple[float, float, float, float] = (0.3, 0.05, 1.5, 0.1)
) -> np.ndarray:
    """The answer to inputs of a nonlinear autoregressive moving average of some order, from rest.

    y(t+1) = a y(t) + b y(t) sum_{i<order} y(t-i) + c u(t-order+1) u(t) + d; what stands at t in the answer is y(t+1),
    the first value that u(t) reaches.

    Args:
        inputs: `(time,)`; as a rule uniform between 0 and 0.5.
        order: steps it looks back.
        coefficients: a, b, c, d; (0.2, 0.04, 1.5, 0.001) is usual for order 30.

    Returns:
        `(time,)`.

    Raises:
        InputError: for inputs of another shape, or a series that runs away, as it sometimes does; draw other inputs.

    Source: Atiya & Parlos, IEEE Trans. Neural Networks 11 (2000). Reconstructed: from public code, not from the paper.

    >>> narma(np.zeros(4)).round(4).tolist()    # d, then a d + b d^2 + d, ...
    [0.1, 0.1305, 0.1407, 0.1448]
    """
    inputs = np.asarray(inputs, dtype=float)
    if inputs.ndim != 1 or not len(inputs) or not np.isfinite(inputs).all():
        raise InputError("inputs", inputs.shape, "needs finite (time,)")
    if order < 1:
        raise InputError("order", order, "needs one step or more")
    a, b, c, d = coefficients
    u = np.concatenate([np.zeros(order - 1), inputs])
    y = np.zeros(order + len(inputs))
    for t in range(len(inputs)):
        recent = y[t : t + order]
        y[t + order] = a * recent[-1] + b * recent[-1] * recent.sum() + c * u[t] * u[t + order - 1] + d
        if not abs(y[t + order]) < 1e3:
            raise InputError("inputs", f"step {t}", "the series runs away; draw other inputs, between 0 and 0.5")
    return y[order:]
