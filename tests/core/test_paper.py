"""`Claim.holds` is computed from the criterion and nothing else."""

import pytest

from multiunit.core.errors import InputError
from multiunit.core.paper import Claim


@pytest.mark.parametrize(
    ("criterion", "holds"),
    [
        ("measured.a > control.a", True),
        ("measured.a > 3 * control.a", False),
        ("0 < control.a <= measured.a - 1", True),
        ("measured.a > 5 or abs(-control.a) == 1", True),
        ("measured.a / control.zero > 100", True),
    ],
)
def test_criterion(criterion, holds):
    assert Claim({"a": 2.0}, {"a": 1.0, "zero": 0.0}, criterion).holds is holds


@pytest.mark.parametrize(
    "criterion", ["__import__('os')", "measured.b > 1", "measured.a >", "measured.a ** 9 > 1", "x > 1"]
)
def test_anything_else_is_refused(criterion):
    with pytest.raises(InputError, match="criterion"):
        Claim({"a": 2.0}, {}, criterion)
