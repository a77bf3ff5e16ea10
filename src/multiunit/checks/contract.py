"""`check`: ask a method to keep every promise of its kind."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from multiunit.checks.case import Case
from multiunit.core.errors import InputError
from multiunit.core.method import Method
from multiunit.core.paper import Paper
from multiunit.core.system import System


class ContractError(AssertionError):
    """A method breaks a promise; the message says which one, and the numbers that show it."""

    def __init__(self, method: str, promise: str, finding: str) -> None:
        self.method, self.promise, self.finding = method, promise, finding
        super().__init__(f"{method} breaks the promise {promise!r}: {finding}")


@dataclass(frozen=True)
class Promise:
    """One promise of a kind: a function of a case that returns what breaks it, or None.

    Args:
        name: the function's name.
        kind: the file it stands in: a kind of method, or `generic` for every kind.
        breach: `breach(case) -> str | None`, the finding with its numbers.
        applies: whether the promise means anything for a case.
    """

    name: str
    kind: str
    breach: Callable[[Any], str | None] = field(repr=False)
    applies: Callable[[Any], bool] = field(repr=False)


def promise(*, applies: Callable[[Any], bool] = lambda case: True) -> Callable[[Callable[[Any], str | None]], Promise]:
    """Make a promise of a function `breach(case) -> str | None`."""

    def attach(breach: Callable[[Any], str | None]) -> Promise:
        return Promise(breach.__name__, breach.__module__.rpartition(".")[2], breach, applies)

    return attach


def promises(kind: str) -> list[Promise]:
    """The promises of a kind: those of the file named after it, and the generic ones.

    >>> "merge_of_splits_equals_whole" in [p.name for p in promises("statistic")]
    True
    """
    rooms = [_room("generic"), _room(kind)]
    return [p for room in rooms if room is not None for p in vars(room).values() if isinstance(p, Promise)]


def case_of(thing: Any, *, kind: str | None = None, stimuli: Any = None, random_state: int = 0) -> Case:
    """The case on which a method, a card or a system is tried.

    Args:
        thing: a decorated function or class, its record, a plain function or class (give its `kind`), the module
            of a card, or a `System` (give `stimuli`).
        kind: the kind of a function that carries no record.
        stimuli: what a system is run on.
    """
    rng = np.random.default_rng(random_state)
    if isinstance(thing, ModuleType):
        paper = vars(thing).get("PAPER")
        if not isinstance(paper, Paper):
            raise InputError("thing", thing.__name__, "the module of a card holds PAPER = Paper(...)")
        record = Method(paper.id, "card", paper.source, thing.claim)
    elif not isinstance(thing, type) and isinstance(thing, System):
        from multiunit.checks.intervention import system_case

        if stimuli is None:
            raise InputError("stimuli", None, "give the stimuli on which the system is run")
        return system_case(thing, stimuli)
    else:
        found = thing if isinstance(thing, Method) else getattr(thing, "method", None)
        if isinstance(found, Method):
            record = found
        elif kind is None:
            raise InputError("kind", None, f"{thing!r} carries no @method record; name its kind")
        else:
            record = Method(thing.__name__, kind, "", thing, MappingProxyType({}))
    room = _room(record.kind)
    if room is None or not hasattr(room, "case"):
        room = _room("generic")
    return room.case(record, rng)  # type: ignore[union-attr]


def check(
    thing: Any, *, kind: str | None = None, only: str | None = None, stimuli: Any = None, random_state: int = 0
) -> tuple[str, ...]:
    """Ask a method, a card or a system to keep the promises of its kind.

    A record can declare what does not hold as `exceptions={promise: reason}`. Such a promise must really be
    broken: an exception that is no longer needed fails the check as well.

    Args:
        thing: a function or class decorated with `@method`, its record, the module of a card, or a `System`.
            A plain function is taken with its `kind`.
        kind: `measure`, `statistic`, `detector`, `similarity`, `intervention`, ... for a function without a record.
        only: the name of one promise, to ask nothing else.
        stimuli: what a system is run on.
        random_state: seed of the generated inputs.

    Returns:
        The names of the promises that were asked.

    Raises:
        ContractError: naming the broken promise and the numbers.
        InputError: when no inputs can be made for the method; it can declare `example=callable(rng) -> (args, kwargs)`.

    >>> from multiunit.statistics import Moments
    >>> len(check(Moments)) > 10
    True
    >>> def loudest(recording, variable):
    ...     '''The largest activity of each unit, without its name.'''
    ...     return recording.activity.max(axis=0)
    >>> check(loudest, kind="measure", only="labels_survive")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    multiunit.checks.contract.ContractError: loudest breaks the promise 'labels_survive': the answer is ndarray, ...
    """
    case = case_of(thing, kind=kind, stimuli=stimuli, random_state=random_state)
    record = case.method
    asked = promises(record.kind)
    exceptions = record.properties.get("exceptions", {})
    known = {p.name for p in asked}
    unknown = [name for name in (*exceptions, *([only] if only else [])) if name not in known]
    if unknown:
        raise InputError("promise", unknown[0], f"kind {record.kind!r} promises {', '.join(sorted(known))}")
    kept = []
    for one in asked:
        if only not in (None, one.name) or not one.applies(case):
            continue
        finding = one.breach(case)
        if one.name in exceptions:
            if finding is None:
                raise ContractError(
                    record.name, one.name, "is declared as an exception but holds; delete the exception"
                )
        elif finding is not None:
            raise ContractError(record.name, one.name, finding)
        kept.append(one.name)
    return tuple(kept)


def _room(kind: str) -> ModuleType | None:
    name = f"multiunit.checks.{kind}"
    return importlib.import_module(name) if kind.isidentifier() and importlib.util.find_spec(name) else None
