"""`Case`: one method with inputs to try it on - what every promise is asked of."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import Method


@dataclass(frozen=True)
class Case:
    """A method and one set of inputs. The kinds refine it where a call is more than calling the function.

    Args:
        method: the record of the method under test.
        args, kwargs: the inputs of the call.
    """

    method: Method
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    # The inputs have a unit axis that the answer follows; promises about units are asked only then.
    over_units: ClassVar[bool] = True
    # Inputs without presentations are legitimate.
    takes_empty: ClassVar[bool] = False
    # Variables drawn at random over the units: they need not follow a permutation of the units.
    random_variables: ClassVar[tuple[str, ...]] = ()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.method.function(*args, **kwargs)

    def answer(self) -> Any:
        """The method's answer to copies of the inputs."""
        return self.call(*copy.deepcopy(self.args), **copy.deepcopy(dict(self.kwargs)))


def fill(method: Method, offered: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every argument of the method that has no default, taken by name from what the kind offers.

    Raises:
        InputError: for an argument the kind knows nothing about; the record can declare an example.
    """
    given = {}
    for name, parameter in inspect.signature(method.function).parameters.items():
        if parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        if name not in offered:
            raise InputError(
                "method",
                method.name,
                f"the default case of kind {method.kind!r} has no value for {name!r}; "
                "declare @method(..., example=callable(rng) -> (args, kwargs))",
            )
        given[name] = offered[name]
    return given


def declared_example(method: Method, rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The inputs that the record declares under `example`, if it does."""
    example: Callable[[np.random.Generator], tuple[Any, Any]] | None = method.properties.get("example")
    if example is None:
        return None
    args, kwargs = example(rng)
    return tuple(args), dict(kwargs)
