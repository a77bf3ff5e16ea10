"""`Paper`, `Scale` and `Claim`: what a card says, at which size it was tried, and whether it held."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from multiunit.core.errors import InputError

Level = Literal["synthetic", "trained", "data"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Paper:
    """One paper: what it is, and what its card can show.

    Args:
        level: `synthetic` (a toy), `trained` (a small network trained on the spot) or `data` (real data or weights).
        uses: the methods that the card runs.
        needs: folders of the shared data that the card reads; it cannot run without them.
    """

    id: str
    title: str
    year: int
    source: str
    level: Level
    uses: tuple[Callable[..., Any], ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """How large a card runs: `smoke` shows that it works, `small` is what a verdict rests on.

    >>> Scale("smoke").pick(smoke=10, small=1000)
    10
    """

    name: Literal["smoke", "small"]

    def pick(self, *, smoke: Value, small: Value) -> Value:
        return smoke if self.name == "smoke" else small


@dataclass(frozen=True)
class Claim:
    """What was measured, what the control gave, and the criterion that compares them.

    The criterion is arithmetic and comparisons over `measured.NAME` and `control.NAME`; `holds` evaluates it. A
    value that is not finite never holds.

    >>> claim = Claim({"loss": 3.0}, {"loss": 0.5}, "measured.loss >= 3 * control.loss and measured.loss > 0")
    >>> claim.holds
    True
    >>> Claim({"loss": float("nan")}, {}, "measured.loss < 3 or measured.loss >= 3").holds
    False
    """

    measured: Mapping[str, float]
    control: Mapping[str, float]
    criterion: str

    def __post_init__(self) -> None:
        _evaluate(self.criterion, {"measured": self.measured, "control": self.control})

    @property
    def holds(self) -> bool:
        used = _names(self.criterion)
        values = {"measured": self.measured, "control": self.control}
        if not all(math.isfinite(values[where][name]) for where, name in used):
            return False
        return bool(_evaluate(self.criterion, values))


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b if b else math.inf * a if a else math.nan,
}
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}


def _names(criterion: str) -> list[tuple[str, str]]:
    tree = ast.parse(criterion, mode="eval")
    return [
        (n.value.id, n.attr) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
    ]


def _evaluate(criterion: str, values: Mapping[str, Mapping[str, float]]) -> Any:
    def visit(node: ast.AST) -> Any:
        match node:
            case ast.Expression(body):
                return visit(body)
            case ast.BoolOp(op, parts):
                results = [visit(part) for part in parts]
                return all(results) if isinstance(op, ast.And) else any(results)
            case ast.Compare(left, ops, rights):
                terms = [visit(left), *map(visit, rights)]
                return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, terms, terms[1:], strict=False))
            case ast.BinOp(left, op, right):
                return _BINARY[type(op)](visit(left), visit(right))
            case ast.UnaryOp(ast.USub(), operand):
                return -visit(operand)
            case ast.Call(ast.Name("abs"), [argument]):
                return abs(visit(argument))
            case ast.Attribute(ast.Name(where), name) if where in values:
                if name not in values[where]:
                    raise InputError("criterion", criterion, f"{where}.{name} was not given")
                return values[where][name]
            case ast.Constant(bool() | int() | float() as number):
                return number
        raise InputError(
            "criterion", criterion, "may hold numbers, + - * /, comparisons, and/or, abs, measured.X, control.X"
        )

    try:
        return visit(ast.parse(criterion, mode="eval"))
    except (SyntaxError, KeyError) as error:
        raise InputError("criterion", criterion, f"cannot be read: {error}") from error
