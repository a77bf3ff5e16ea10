"""What a similarity promises: itself at its best, chance at its floor, and the invariances it declares - no others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.checks.answers import floats, is_activity, rebuild
from multiunit.checks.case import Case, declared_example
from multiunit.checks.contract import promise
from multiunit.core.errors import InputError, MultiunitError
from multiunit.core.method import Method

# Presentations of the planted systems: many enough for chance to fall, few enough for topology and transport.
N = 200
# Shares of the way from the floor to the value of a system with itself.
EXACT, BROKEN, CHANCE = 1e-6, 1e-3, 0.35


def _turn(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x @ np.linalg.qr(rng.normal(size=(x.shape[-1], x.shape[-1])))[0]


def _stretch(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _turn(_turn(x, rng) * np.geomspace(0.1, 1.0, x.shape[-1]), rng)


# What may be done to the units of a system, by the word a record declares it with.
TRANSFORMATIONS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "permutation": lambda x, rng: x[..., np.roll(rng.permutation(x.shape[-1]), 1)],
    "rotation": _turn,
    "reflection": lambda x, rng: x * np.where(np.arange(x.shape[-1]) % 2, 1.0, -1.0),
    "isotropic_scaling": lambda x, rng: 3.7 * x,
    "scaling": lambda x, rng: x * np.geomspace(0.1, 3.0, x.shape[-1]),
    "translation": lambda x, rng: x + 2.0 * rng.normal(size=x.shape[-1]),
    "linear": _stretch,
    "affine": lambda x, rng: _stretch(x, rng) + 2.0 * rng.normal(size=x.shape[-1]),
    "monotonic": lambda x, rng: np.sinh(x),
}


@dataclass(frozen=True)
class SimilarityCase(Case):
    """A comparison with two related systems of its own number of units.

    Args:
        x, y: `(presentation, unit)`, or `(stimulus, repeat, unit)` where the example has repeats: two noisy, curved
            views of the same three latent variables.
        unrelated: as `y`, of other latent variables.
    """

    x: np.ndarray = field(kw_only=True)
    y: np.ndarray = field(kw_only=True)
    unrelated: np.ndarray = field(kw_only=True)

    # A similarity is one number, or `similarity` over what was compared.
    over_units: ClassVar[bool] = True

    @property
    def best(self) -> float:
        """The value of a system with itself: `itself` of the record; else 0 of a `distance`, 1 of a similarity."""
        properties = self.method.properties
        return float(properties.get("itself", 0.0 if properties.get("distance") else 1.0))

    @property
    def span(self) -> float:
        """The size of a difference that matters: from the planted pair's unrelated value to the best."""
        return max(float(np.abs(self.compare(self.x, self.unrelated) - self.best).max()), 1e-3)

    def compare(self, x: Any, y: Any) -> np.ndarray:
        """The value for two systems, put in the places of those of the example."""
        first, second, *rest = self.args
        answer = self.call(_replaced(first, x), _replaced(second, y), *rest, **self.kwargs)
        if isinstance(answer, xr.Dataset):
            answer = answer["similarity"]
        return np.concatenate([np.ravel(part) for part in floats(answer)]).astype(np.float64)


def case(method: Method, rng: np.random.Generator) -> Case:
    """The systems of the record's example, else two of 40 presentations; and a planted pair as wide as they are.

    Raises:
        InputError: for declared invariances without two systems to try them on.
    """
    example = declared_example(method, rng)
    args, kwargs = example or ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {})
    if not args and "invariant" in method.properties and {"x", "y"} <= set(kwargs):
        args, kwargs = (kwargs["x"], kwargs["y"]), {k: v for k, v in kwargs.items() if k not in ("x", "y")}
    shapes = [_shape(place) for place in args[:2]]
    if len(shapes) < 2 or not all(shapes):
        if "invariant" in method.properties:
            raise InputError("example", method.name, "declares invariances; its first two arguments must be systems")
        return Case(method, args, kwargs)
    # What else the example holds a row each of its presentations, such as labels, fits no other number.
    n = shapes[0][0]
    fixed = any(np.shape(value)[:1] == (n,) for value in kwargs.values() if not isinstance(value, str | Mapping))
    x, y, unrelated = _views(rng, n if fixed else N // (1 if len(shapes[0]) == 2 else 5), *shapes)
    return SimilarityCase(method, args, kwargs, x=x, y=y, unrelated=unrelated)


def _replaced(place: Any, system: np.ndarray) -> Any:
    """The place of an example with every activity in it replaced by this one."""
    return rebuild(place, lambda item: system if is_activity(item) else item)


def _views(rng: np.random.Generator, n: int, shape: Sequence[int], other_shape: Sequence[int]) -> list[np.ndarray]:
    latent = [rng.normal(size=(n, 3)) for _ in range(2)]
    made = []
    for source, (_, *repeats, units) in ((latent[0], shape), (latent[0], other_shape), (latent[1], other_shape)):
        drive = (source @ rng.normal(size=(3, units))).reshape(n, *[1] * len(repeats), units)
        noise = 0.5 * rng.normal(size=(n, *repeats, units))
        # Positive, skewed and of unequal size, as rates are: no transformation may pass by an accident of symmetry.
        made.append(np.log1p(np.exp(drive + noise)) * rng.uniform(0.6, 1.6, units) + 0.2)
    return made


def _shape(place: Any) -> tuple[int, ...]:
    first = _first(place)
    return () if first is None else tuple(first.shape)


def _first(place: Any) -> Any:
    if isinstance(place, Mapping):
        place = list(place.values())
    if isinstance(place, Sequence) and not isinstance(place, str):
        return next((found for found in map(_first, place) if found is not None), None)
    return place if is_activity(place) and not isinstance(place, pd.DataFrame) else None


def _of_pairs(case: Case) -> bool:
    return isinstance(case, SimilarityCase)


@promise(applies=_of_pairs)
def itself_is_exact(case: SimilarityCase) -> str | None:
    """A system compared with itself gives `itself` of the record: 1, or 0 where `distance=True`."""
    for name, system in (("x", case.x), ("y", case.y)):
        found = case.compare(system, system)
        if not np.abs(found - case.best).max() <= EXACT:
            return f"{name} with itself gives {_far(found, case.best):.9g}, not {case.best:g}"
    return None


@promise(applies=lambda case: _of_pairs(case) and "symmetric" in case.method.properties)
def symmetry_is_as_declared(case: SimilarityCase) -> str | None:
    """Exchanging the systems changes nothing if `symmetric=True`, and something if it is False."""
    there, back = case.compare(case.x, case.y), case.compare(case.y, case.x)
    gap = float(np.abs(there - back).max())
    if case.method.properties["symmetric"]:
        return f"is {there[0]:.9g} one way and {back[0]:.9g} the other" if gap > EXACT * case.span else None
    return f"is declared not symmetric, but both ways give {there[0]:.9g}" if gap <= BROKEN * case.span else None


@promise(applies=lambda case: _of_pairs(case) and "invariant" in case.method.properties)
def declared_invariances_hold(case: SimilarityCase) -> str | None:
    """What the record names under `invariant`, done to either system, leaves the value."""
    return _unknown(case, "invariant") or _found(
        f"{word} of {side} changes it by {gap:.3g}, from {value:.6g}"
        for word in case.method.properties["invariant"]
        for side, gap, value in _changes(case, word)
        if not gap <= EXACT * max(1.0, case.span)
    )


@promise(applies=lambda case: _of_pairs(case) and "not_invariant" in case.method.properties)
def declared_non_invariances_break(case: SimilarityCase) -> str | None:
    """What the record names under `not_invariant`, done to one system or the other, does change the value."""
    for word in case.method.properties["not_invariant"]:
        finding = _unknown(case, "not_invariant")
        if finding:
            return finding
        gaps = [gap for _, gap, _ in _changes(case, word)]
        if max(gaps) <= BROKEN * case.span:
            return f"{word} is declared to change it, but does so by {max(gaps):.3g} at most"
    return None


@promise(applies=_of_pairs)
def unrelated_systems_are_near_the_floor(case: SimilarityCase) -> str | None:
    """Systems of unrelated activity are near `floor` of the record: 0 for a similarity; a distance names its own."""
    properties = case.method.properties
    if properties.get("distance") and "floor" not in properties:
        return None
    floor = float(properties.get("floor", 0.0))
    found = case.compare(case.x, case.unrelated)
    share = np.abs(found - floor).max() / abs(case.best - floor)
    return f"unrelated systems get {_far(found, floor):.3g}, the floor is {floor:g}" if not share <= CHANCE else None


@promise(applies=_of_pairs)
def noise_takes_it_away(case: SimilarityCase) -> str | None:
    """A system is nearer to its copy with a little noise than with much, and to that nearer than to a stranger."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=case.x.shape) * case.x.std(axis=tuple(range(case.x.ndim - 1)))
    # The stranger has the units of x, with the presentations in another order.
    steps = [case.x + 0.1 * noise, case.x + noise, rng.permutation(case.x)]
    gaps = [float(np.abs(case.compare(case.x, other) - case.best).max()) for other in steps]
    little, much, stranger = gaps
    return (
        None
        if little < much < stranger
        else (f"is {little:.3g} from its best with a little noise, {much:.3g} with much, {stranger:.3g} for a stranger")
    )


@promise(applies=_of_pairs)
def degenerate_systems_are_defined(case: SimilarityCase) -> str | None:
    """Constant units, few presentations and infinities give finite numbers or a named error, and no warning."""
    x, y = case.x, case.y
    constant = x.copy()
    constant[..., 0] = 0.1
    doubled = np.repeat(x[..., :1], x.shape[-1], axis=-1)
    infinite = x.copy()
    infinite.flat[0] = np.inf
    missing = x.copy()
    missing.flat[1] = np.nan
    few = min(5, x.shape[-1] - 1)
    tried: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "a constant unit": (constant, y),
        "nothing but constant units": (np.full_like(x, 0.1), y),
        "equal units": (doubled, y),
        "equal presentations": (np.repeat(x[:4], len(x) // 4, axis=0), y[: 4 * (len(x) // 4)]),
        "fewer presentations than units": (x[:few], y[:few]),
        "five presentations": (x[:5], y[:5]),
        "two presentations": (x[:2], y[:2]),
        "an infinity": (infinite, y),
        "NaN": (missing, y),
    }
    for what, (first, second) in tried.items():
        for sides in ((first, second), (second, first)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    found = case.compare(*(side.copy() for side in sides))
            except MultiunitError:
                continue
            except Exception as error:
                return f"{what}: raises {type(error).__name__} ({error}), which is not one of Multiunit's named errors"
            if what == "NaN" and "nan" in case.method.properties:
                continue
            if not np.isfinite(found).all():
                return f"{what}: gives {found[~np.isfinite(found)][0]} instead of a number or a named error"
    return None


def _changes(case: SimilarityCase, word: str) -> list[tuple[str, float, float]]:
    """How far a transformation of x, and one of y, moves the value."""
    change, before = TRANSFORMATIONS[word], case.compare(case.x, case.y)
    moved = (
        ("x", case.compare(change(case.x, np.random.default_rng(3)), case.y)),
        ("y", case.compare(case.x, change(case.y, np.random.default_rng(3)))),
    )
    return [(side, float(np.abs(after - before).max()), float(before[0])) for side, after in moved]


def _unknown(case: SimilarityCase, where: str) -> str | None:
    properties = case.method.properties
    return _found(
        f"{where} names {word!r}, which is none of {', '.join(TRANSFORMATIONS)}"
        for word in properties[where]
        if word not in TRANSFORMATIONS
    )


def _far(found: np.ndarray, from_value: float) -> float:
    gap = np.abs(found - from_value)
    return float(found[int(np.argmax(np.where(np.isnan(gap), np.inf, gap)))])


def _found(findings: Any) -> str | None:
    return next(iter(findings), None)
