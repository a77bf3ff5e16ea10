"""The elementary functions that elements are written in: one name for NumPy arrays, torch tensors and plain numbers.

Each function looks at the type of what it is given. A generated kernel puts its own scalar version in the place of
each (`multiunit.dynamics.kernel`), so that the same source runs three ways.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def where(condition: Any, chosen: Any, otherwise: Any) -> Any:
    """`chosen` where the condition holds, `otherwise` elsewhere; both are computed.

    >>> where(np.array([True, False]), 1.0, np.array([5.0, 6.0])).tolist()
    [1.0, 6.0]
    """
    torch = _torch_of(condition, chosen, otherwise)
    if torch is not None:
        return torch.where(torch.as_tensor(condition), chosen, otherwise)
    if isinstance(condition, bool | np.bool_):
        return chosen if condition else otherwise
    return np.where(condition, chosen, otherwise)


def exp(x: Any) -> Any:
    """e to the power of x."""
    torch = _torch_of(x)
    return np.exp(x) if torch is None else torch.exp(x)


def expm1(x: Any) -> Any:
    """exp(x) - 1, exact near zero."""
    torch = _torch_of(x)
    return np.expm1(x) if torch is None else torch.expm1(x)


def exprel(x: Any) -> Any:
    """(exp(x) - 1) / x, which is 1 at zero.

    >>> exprel(np.array([0.0, 1.0])).round(6).tolist()
    [1.0, 1.718282]
    """
    safe = where(x == 0.0, 1.0, x)  # as in `inverse_exprel`
    return where(x == 0.0, 1.0, expm1(safe) / safe)


def inverse_exprel(x: Any) -> Any:
    """x / (exp(x) - 1), which is 1 at zero: the rates of Hodgkin and Huxley without their removable singularity.

    >>> inverse_exprel(np.array([0.0, 1.0])).round(6).tolist()
    [1.0, 0.581977]
    """
    # A number that is no zero stands in for zero, so that neither value nor gradient divides by it.
    safe = where(x == 0.0, 1.0, x)
    return where(x == 0.0, 1.0, safe / expm1(safe))


def log(x: Any) -> Any:
    """The natural logarithm."""
    torch = _torch_of(x)
    return np.log(x) if torch is None else torch.log(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    torch = _torch_of(x)
    return np.tanh(x) if torch is None else torch.tanh(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    torch = _torch_of(x)
    if torch is not None:
        return torch.sigmoid(x)
    small = np.exp(-np.abs(x))  # the sign is taken off, so that exp never overflows
    return where(x < 0.0, small, 1.0) / (1.0 + small)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(6).tolist()
    [0.0, 0.693147, 1000.0]
    """
    torch = _torch_of(x)
    return np.logaddexp(0.0, x) if torch is None else torch.logaddexp(torch.zeros_like(x), x)


def sqrt(x: Any) -> Any:
    """The square root."""
    torch = _torch_of(x)
    return np.sqrt(x) if torch is None else torch.sqrt(x)


def sin(x: Any) -> Any:
    """The sine of x in radians."""
    torch = _torch_of(x)
    return np.sin(x) if torch is None else torch.sin(x)


def cos(x: Any) -> Any:
    """The cosine of x in radians."""
    torch = _torch_of(x)
    return np.cos(x) if torch is None else torch.cos(x)


def arctan(x: Any) -> Any:
    """The inverse of the tangent."""
    torch = _torch_of(x)
    return np.arctan(x) if torch is None else torch.arctan(x)


def floor(x: Any) -> Any:
    """The largest whole number that is not above x."""
    torch = _torch_of(x)
    return np.floor(x) if torch is None else torch.floor(x)


def absolute(x: Any) -> Any:
    """x without its sign."""
    torch = _torch_of(x)
    return np.abs(x) if torch is None else torch.abs(x)


def power(x: Any, exponent: Any) -> Any:
    """x to the power of any exponent."""
    torch = _torch_of(x, exponent)
    return np.power(x, exponent) if torch is None else torch.pow(x, exponent)


def maximum(x: Any, y: Any) -> Any:
    """The larger of the two; NaN if either is."""
    torch = _torch_of(x, y)
    return np.maximum(x, y) if torch is None else torch.maximum(*_both(torch, x, y))


def minimum(x: Any, y: Any) -> Any:
    """The smaller of the two; NaN if either is."""
    torch = _torch_of(x, y)
    return np.minimum(x, y) if torch is None else torch.minimum(*_both(torch, x, y))


def _torch_of(*values: Any) -> Any:
    """The torch module if any of the values is a tensor; torch is never imported for the question."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and any(isinstance(value, torch.Tensor) for value in values) else None


def _both(torch: Any, x: Any, y: Any) -> tuple[Any, Any]:
    like = x if isinstance(x, torch.Tensor) else y
    return tuple(v if isinstance(v, torch.Tensor) else like.new_tensor(v) for v in (x, y))
