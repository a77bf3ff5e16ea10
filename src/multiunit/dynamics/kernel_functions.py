"""The scalar versions of the elementary functions, as source text: what a generated kernel begins with.

They are text and not functions because a kernel must stand alone in its file, in the precision it is made for. `_real`
is that precision. Exponentials are polynomials without branches, which the compiler turns into vector instructions; a
call of the C library would be one unit at a time. Within them, and only there, a product and a sum may be one rounded
operation (`_fused`), which is faster and no less exact.

`exp` splits x into k ln 2 + r, |r| <= ln(2) / 2, with ln 2 in two parts (Cody and Waite 1980), and takes the Taylor
polynomial of r, of degree 13 (float64) or 7 (float32). Measured against mpmath over [-708, 709] (float64) and [-87, 88]
(float32) its error is below 1 unit in the last place, those of `expm1`, `exprel` and `softplus` below 2, those
of `sigmoid` and `tanh` below 3. Above 709.43 (88.37) it is infinite, below -708.74 (-87.68) zero; NaN stays NaN.
"""

from __future__ import annotations

import math

# Constants of the two precisions: the bounds of exp, the two parts of ln 2, and where the exponent of a number begins.
_PRECISION = {
    "float64": ("int64", -709.0895, 709.7, 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1023, 52, 13),
    "float32": ("int32", -87.9, 88.7, 0.693359375, -2.12194440e-4, 127, 23, 7),
}


def _exponential(precision: str) -> str:
    """exp(x) as the two numbers q and s of exp(x) = q s + s, so that exp(x) - 1 = q s + (s - 1) is exact near zero."""
    integer, low, high, ln2_high, ln2_low, bias, shift, degree = _PRECISION[precision]
    terms = "\n".join(f"    p = p * r + _real({1 / math.factorial(k)!r})" for k in range(degree - 1, 1, -1))
    return f"""
@_fused
def _exponential(x):
    x = _real({low}) if x < _real({low}) else x
    x = _real({high}) if x > _real({high}) else x
    k = np.floor(x * _real({1 / math.log(2)!r}) + _real(0.5))
    r = x - k * _real({ln2_high!r}) - k * _real({ln2_low!r})
    p = _real({1 / math.factorial(degree)!r})
{terms}
    q = p * r * r + r
    # Integers of another width than the number's would keep the loop from being vectorised.
    s = np.{integer}((np.{integer}(k) + np.{integer}({bias})) << np.{integer}({shift})).view(np.{precision})
    return q, s
"""


FAST_EXP = {
    "exp": """
@_fused
def exp(x):
    q, s = _exponential(x)
    return (q + _real(1.0)) * s
""",
    "expm1": """
@_fused
def expm1(x):
    q, s = _exponential(x)
    small, large = q * s + (s - _real(1.0)), (q + _real(1.0)) * s
    return large if s > _real(1e20) else small
""",
}
LIBRARY_EXP = {
    "exp": """
@_inlined
def exp(x):
    return _real(math.exp(x))
""",
    "expm1": """
@_inlined
def expm1(x):
    return _real(math.expm1(x))
""",
}

# name -> (what it calls, its source)
FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "where": (
        (),
        """
@_inlined
def where(condition, chosen, otherwise):
    return chosen if condition else otherwise
""",
    ),
    "exprel": (
        ("expm1",),
        """
@_inlined
def exprel(x):
    safe = _real(1.0) if x == _real(0.0) else x
    found = expm1(safe) / safe
    return _real(1.0) if x == _real(0.0) else found
""",
    ),
    "inverse_exprel": (
        ("expm1",),
        """
@_inlined
def inverse_exprel(x):
    safe = _real(1.0) if x == _real(0.0) else x
    found = safe / expm1(safe)
    return _real(1.0) if x == _real(0.0) else found
""",
    ),
    "sigmoid": (
        ("exp",),
        """
@_inlined
def sigmoid(x):
    small = exp(-abs(x))
    return (small if x < _real(0.0) else _real(1.0)) / (_real(1.0) + small)
""",
    ),
    "tanh": (
        ("expm1",),
        """
@_inlined
def tanh(x):
    # Beyond 20 the quotient is 1 in either precision, and expm1 must not reach infinity.
    y = _real(20.0) if x > _real(20.0) else x
    y = _real(-20.0) if y < _real(-20.0) else y
    e = expm1(_real(2.0) * y)
    return e / (e + _real(2.0))
""",
    ),
    "softplus": (
        ("exp",),
        """
@_inlined
def softplus(x):
    return (x if x > _real(0.0) else _real(0.0)) + _real(math.log1p(exp(-abs(x))))
""",
    ),
    "maximum": (
        (),
        """
@_inlined
def maximum(x, y):
    return y if (x < y or y != y) else x
""",
    ),
    "minimum": (
        (),
        """
@_inlined
def minimum(x, y):
    return y if (x > y or y != y) else x
""",
    ),
    "absolute": (
        (),
        """
@_inlined
def absolute(x):
    return abs(x)
""",
    ),
    "_square": (
        (),
        """
@_inlined
def _square(x):
    return x * x
""",
    ),
    "floor": (
        (),
        """
@_inlined
def floor(x):
    return _real(np.floor(x))
""",
    ),
    "power": (
        (),
        """
@_inlined
def power(x, exponent):
    return _real(x**exponent)
""",
    ),
    **{
        name: (
            (),
            f"""
@_inlined
def {name}(x):
    return _real(math.{library}(x))
""",
        )
        for name, library in {"log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "arctan": "atan"}.items()
    },
}


def library_source(names: set[str], *, precision: str, library_exp: bool = False) -> str:
    """The source of these functions and of those that they call, in an order in which they can be compiled.

    >>> print(library_source({"where"}, precision="float64").strip().splitlines()[1])
    def where(condition, chosen, otherwise):
    """
    exponentials = LIBRARY_EXP if library_exp else FAST_EXP
    needed = names | {called for name in names if name in FUNCTIONS for called in FUNCTIONS[name][0]}
    parts = [_exponential(precision)] if needed & set(exponentials) and not library_exp else []
    parts += [exponentials[name] for name in sorted(needed & set(exponentials))]
    parts += [FUNCTIONS[name][1] for name in sorted(needed - set(exponentials))]
    return "".join(parts)
