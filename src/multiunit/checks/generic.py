"""What every method promises, whatever its kind."""

from __future__ import annotations

import copy
import random
import sys
from typing import Any

import numpy as np
import xarray as xr

from multiunit.checks.answers import (
    as_float32,
    difference,
    emptied,
    floats,
    n_units,
    take_units,
    with_nan,
)
from multiunit.checks.case import Case, declared_example
from multiunit.checks.contract import promise
from multiunit.core.errors import InputError, MultiunitError
from multiunit.core.method import Method
from multiunit.core.recording import Recording


def case(method: Method, rng: np.random.Generator) -> Case:
    """The case of a kind that has no file of its own: the inputs must come with the record."""
    example = declared_example(method, rng)
    if example is None:
        raise InputError(
            "method",
            method.name,
            f"kind {method.kind!r} has no default case; declare @method(..., example=callable(rng) -> (args, kwargs))",
        )
    return Case(method, *example)


def _over_units(case: Case) -> bool:
    return case.over_units and n_units([*case.args, *case.kwargs.values()]) is not None


def _labelled(case: Case) -> bool:
    return _over_units(case) and _labels([*case.args, *case.kwargs.values()]) is not None


@promise()
def inputs_unmutated(case: Case) -> str | None:
    """The inputs are the same after the call."""
    args, kwargs = copy.deepcopy((case.args, dict(case.kwargs)))
    case.call(*args, **kwargs)
    return difference(list(args), list(case.args), name="args") or difference(kwargs, dict(case.kwargs), name="kwargs")


@promise()
def global_rng_untouched(case: Case) -> str | None:
    """The call neither draws from nor seeds the generators of `random`, NumPy and torch that everybody shares."""
    before = _generator_states()
    case.answer()
    after = _generator_states()
    touched = [name for name in before if name in after and before[name] != after[name]]
    return f"the global generator of {', '.join(touched)} changed" if touched else None


@promise()
def same_seed_same_answer(case: Case) -> str | None:
    """Two calls with the same `random_state` give the same answer, whatever the global generators hold."""
    first = case.answer()
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        np.random.seed(987)  # noqa: NPY002
        random.seed(987)
        if torch is not None:
            torch.manual_seed(987)
        second = case.answer()
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        if torch is not None:
            torch.set_rng_state(torch_state)
    return difference(first, second)


@promise(applies=_over_units)
def permuting_units_permutes(case: Case) -> str | None:
    """Another order of the units gives the same answer in that order."""
    inputs = [case.args, dict(case.kwargs)]
    size = n_units(inputs)
    assert size is not None
    order = np.random.default_rng(1).permutation(size)
    args, kwargs = take_units(copy.deepcopy(inputs), order)
    permuted, expected = case.call(*args, **kwargs), _in_order(case.answer(), order)
    if isinstance(permuted, xr.Dataset):
        random_ones = [name for name in case.random_variables if name in permuted]
        permuted, expected = permuted.drop_vars(random_ones), expected.drop_vars(random_ones)
    return difference(permuted, expected, tolerance=1e-8)


@promise(applies=_labelled)
def labels_survive(case: Case) -> str | None:
    """The answer over units carries the `unit_id` and `site` of the input."""
    answer = case.answer()
    if not isinstance(answer, xr.Dataset | xr.DataArray) or "unit" not in answer.dims:
        return f"the answer is {type(answer).__name__}, not labelled over 'unit'"
    for name, expected in _labels([*case.args, *case.kwargs.values()]).items():  # type: ignore[union-attr]
        if name not in answer.coords:
            return f"the answer has no coordinate {name!r}"
        found = answer[name].values.astype(str)
        if found.tolist() != expected.astype(str).tolist():
            return f"{name} reads {found[:3].tolist()}..., the input's is {expected[:3].tolist()}..."
    return None


@promise(applies=_over_units)
def float32_close_to_float64(case: Case) -> str | None:
    """Single precision in gives nearly the same numbers (`float32_tolerance` of the record, 1e-3 unless declared)."""
    tolerance = case.method.properties.get("float32_tolerance", 1e-3)
    args, kwargs = as_float32([case.args, dict(case.kwargs)])
    return difference(
        _double(case.call(*args, **kwargs)), _double(case.answer()), tolerance=tolerance, floats_only=True
    )


@promise(applies=_over_units)
def nan_is_named(case: Case) -> str | None:
    """NaN in the activity raises a named error, unless the record declares `nan="what it means"`."""
    return _refuses(case, with_nan, "nan")


@promise(applies=lambda case: _over_units(case) and not case.takes_empty)
def empty_is_named(case: Case) -> str | None:
    """No presentations raise a named error, unless the record declares `empty="what comes out"`."""
    return _refuses(case, emptied, "empty")


@promise(applies=_over_units)
def single_unit_is_defined(case: Case) -> str | None:
    """A single unit gives finite numbers or a named error, unless the record declares `single_unit="..."`."""
    args, kwargs = take_units([case.args, dict(case.kwargs)], np.array([0]))
    try:
        answer = case.call(*copy.deepcopy(args), **copy.deepcopy(kwargs))
    except MultiunitError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__} ({error}), which is not one of Multiunit's named errors"
    if "single_unit" in case.method.properties:
        return None
    whole = sum(int((~np.isfinite(x)).sum()) for x in floats(case.answer()))
    unknown = sum(int((~np.isfinite(x)).sum()) for x in floats(answer))
    return f"gives {unknown} numbers that are not finite" if unknown and not whole else None


def _refuses(case: Case, spoil: Any, declared: str) -> str | None:
    inputs = [case.args, dict(case.kwargs)]
    args, kwargs = spoil(copy.deepcopy(inputs))
    if difference(args, case.args) is None and difference(kwargs, dict(case.kwargs)) is None:
        return None  # nothing to spoil, as in a recording of spikes alone
    try:
        answer = case.call(*args, **kwargs)
    except MultiunitError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__} ({error}), which is not one of Multiunit's named errors"
    if declared in case.method.properties:
        return None
    unknown = sum(int((~np.isfinite(x)).sum()) for x in floats(answer))
    return (
        f"gives an answer with {unknown} numbers that are not finite instead of a named error; "
        f"declare {declared}=... in the record if that is meant"
    )


def _generator_states() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    states: dict[str, Any] = {"random": random.getstate(), "numpy": (kind, keys.tobytes(), *rest)}  # type: ignore[attr-defined]
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def _labels(value: Any) -> dict[str, np.ndarray] | None:
    if isinstance(value, Recording):
        value = value.dataset
    if isinstance(value, xr.Dataset | xr.DataArray) and "unit_id" in value.coords:
        return {name: value[name].values for name in ("unit_id", "site") if name in value.coords}
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((found for found in map(_labels, value) if found is not None), None)
    return None


def _in_order(answer: Any, order: np.ndarray) -> Any:
    """The answer with every axis over units in another order."""
    if isinstance(answer, np.ndarray) or hasattr(answer, "detach"):
        for axis in [axis for axis, size in enumerate(answer.shape) if size == len(order)]:
            answer = (
                np.take(answer, order, axis=axis)
                if isinstance(answer, np.ndarray)
                else answer.index_select(axis, answer.new_tensor(order).long())
            )
        return answer
    if isinstance(answer, xr.Dataset | xr.DataArray | Recording):
        return take_units(answer, order)
    return answer


def _double(answer: Any) -> Any:
    if isinstance(answer, xr.Dataset):
        return answer.assign({n: v.astype(float) for n, v in answer.data_vars.items() if v.dtype.kind == "f"})
    if isinstance(answer, xr.DataArray | np.ndarray) and answer.dtype.kind == "f":
        return answer.astype(float)
    return answer
