"""What a card promises: it runs small, twice the same, and its control is not what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from multiunit.checks.case import Case
from multiunit.checks.contract import promise
from multiunit.core.method import Method
from multiunit.core.paper import Claim, Scale


@dataclass(frozen=True)
class CardCase(Case):
    """A card at smoke scale."""

    over_units: ClassVar[bool] = False

    def call(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        claim = self.method.function(Scale("smoke"), np.random.default_rng(0))
        if not isinstance(claim, Claim):
            return {"type": type(claim).__name__}
        return {"measured": claim.measured, "control": claim.control, "holds": claim.holds}


def case(method: Method, rng: np.random.Generator) -> CardCase:
    return CardCase(method)


@promise()
def control_differs(case: CardCase) -> str | None:
    """The control is no copy of what was measured, and both hold numbers."""
    answer = case.answer()
    if "measured" not in answer:
        return f"claim(...) returns {answer['type']}, not a Claim"
    measured, control = answer["measured"], answer["control"]
    if not measured or not control:
        return "nothing was measured, or there is no control"
    return "every number of the control is the measured one" if dict(measured) == dict(control) else None
