"""`Method`: the record that a decorator attaches to a function or class, and that the walker finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class Method:
    """What a method is, where it comes from and what it promises.

    Args:
        name: the function's or class's name.
        kind: the question it answers: `detector`, `measure`, `similarity`, `statistic`, ...
        source: where the equation comes from, such as `"arXiv:2402.16438"` or `"skaggs1993"`.
        function: the decorated function or class itself.
        properties: promises that the contract checks test, such as `symmetric=True`.
    """

    name: str
    kind: str
    source: str
    function: Callable[..., Any] = field(repr=False, hash=False)
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def module(self) -> str:
        return self.function.__module__

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n\n")[0].replace("\n", " ")


def method(*, kind: str, source: str, **properties: Any) -> Callable[[Decorated], Decorated]:
    """Attach a `Method` record to a function or class; nothing else happens to it.

    >>> @method(kind="measure", source="here", symmetric=True)
    ... def twice(x):
    ...     '''Two times x.'''
    ...     return 2 * x
    >>> twice(3), twice.method.kind, twice.method.summary
    (6, 'measure', 'Two times x.')
    """

    def attach(decorated: Decorated) -> Decorated:
        record = Method(decorated.__name__, kind, source, decorated, MappingProxyType(dict(properties)))
        decorated.method = record  # type: ignore[attr-defined]
        return decorated

    return attach
