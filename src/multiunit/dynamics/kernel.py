"""Kernels: an element's function compiled for many units at once.

The kernel's source is made from the syntax tree of the step function and written to a file of its own, because numba
keeps compiled code only for functions that stand in files. Nothing is pickled by us, and nothing in the arithmetic is
reordered: without `exp` and its relatives a kernel gives the bits that NumPy gives.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from multiunit.core.atomic import new_file
from multiunit.core.errors import InputError, StoreError
from multiunit.dynamics import elementary
from multiunit.dynamics.element import Element, element_of
from multiunit.dynamics.kernel_functions import FAST_EXP, FUNCTIONS, library_source

ELEMENTARY = {getattr(elementary, name): name for name in (*FUNCTIONS, *FAST_EXP) if not name.startswith("_")}
PRECISIONS = ("float64", "float32")

_HEAD = '''"""Generated from the element {name} by multiunit.dynamics.kernel; made anew when it is missing."""
import math

import numpy as np
from numba import njit

_real = np.{precision}
_inlined = njit(error_model="numpy", forceinline=True)
_fused = njit(error_model="numpy", forceinline=True, fastmath={{"contract"}})
_compiled = njit(error_model="numpy", nogil=True, cache=True)
'''


@dataclass(frozen=True)
class Kernel:
    """An element's compiled functions.

    Args:
        element: the element.
        precision: `float64` or `float32`, of all arrays and numbers given.
        varying: the parameters that are arrays over units.
        inputs: the inputs that are arguments.
        source: the source of the module.
        module: the imported module. It holds

            - `_step(*states, *inputs, *parameters, dt)`: one unit, to be called from other compiled code;
            - `update(*states, *inputs, spiked, *parameters, dt)`: arrays over units, changed in place; `spiked` (uint8)
              says who spikes, and its length how many units are updated. Slices of arrays may be given.
            - `run(...)`: many steps of units without coupling, for `multiunit.dynamics.simulate`.
    """

    element: Element
    precision: str
    varying: tuple[str, ...]
    inputs: tuple[str, ...]
    source: str
    module: ModuleType

    @property
    def update(self) -> Callable[..., None]:
        return self.module.update

    @property
    def step(self) -> Callable[..., Any]:
        return self.module._step


def compile_element(
    thing: Any,
    *,
    precision: str = "float64",
    varying: Collection[str] = (),
    without: Collection[str] = (),
    library_exp: bool = False,
) -> Kernel:
    """Compile an element for many units.

    Args:
        thing: an element's function or record.
        precision: `float64` or `float32`; in float32 all constants of the equations are float32 as well.
        varying: names of the parameters that differ between units.
        without: names of inputs that are always 0 and no arguments of the kernel; an engine that adds impulses to
            their state itself leaves them out.
        library_exp: take `exp` of the C library (exact to half a unit in the last place, several times slower) and
            not the polynomial (see `multiunit.dynamics.kernel_functions`).

    Returns:
        The kernel. Compilation itself happens at the first call, and is kept by numba in the folder of the source.

    Raises:
        InputError: if the function uses what a kernel cannot hold; the message names it.
        StoreError: if the cache folder cannot be written.

    >>> import numpy as np
    >>> from multiunit.dynamics.chialvo import chialvo
    >>> kernel = compile_element(chialvo)
    >>> x, y, spiked = np.zeros(3), np.zeros(3), np.zeros(3, np.uint8)
    >>> kernel.update(x, y, np.zeros(3), spiked, *chialvo.element.parameters.values(), chialvo.element.dt)
    >>> np.allclose((x, y), np.reshape(chialvo(0.0, 0.0, 0.0)[:2], (2, 1)))
    True
    """
    record = element_of(thing)
    if precision not in PRECISIONS:
        raise InputError("precision", precision, f"is one of {', '.join(PRECISIONS)}")
    record.with_parameters(dict.fromkeys(varying, 0.0))
    unknown = [name for name in without if name not in record.inputs]
    if unknown:
        raise InputError("without", unknown[0], f"{record.name} has the inputs {', '.join(record.inputs) or 'none'}")
    varies = tuple(name for name in record.parameters if name in set(varying))
    left = tuple(name for name in record.inputs if name not in set(without))
    source = kernel_source(record, precision=precision, varying=varies, inputs=left, library_exp=library_exp)
    return Kernel(record, precision, varies, left, source, load_module(source, name=record.name))


def kernel_source(
    record: Element,
    *,
    precision: str,
    varying: Sequence[str],
    inputs: Sequence[str],
    library_exp: bool = False,
) -> str:
    """The source of the module that `compile_element` imports; a circuit can build its own around it."""
    translation = Translation()
    step = translation.function(record.function, name="_step", n_returned=len(record.states) + record.spikes)
    body = "\n\n".join([*(f"@_inlined\n{text}" for text in translation.sources), f"@_inlined\n{step}"])
    library = library_source(translation.used, precision=precision, library_exp=library_exp)
    head = _HEAD.format(name=record.name, precision=precision)
    return "\n".join([head, library, body, _update(record, varying, inputs), _run(record, inputs)]) + "\n"


def load_module(source: str, *, name: str) -> ModuleType:
    """Import source text as a module from a file in the cache folder, named after a hash of the text.

    The folder is `kernels` in the folder of the environment variable `MULTIUNIT_CACHE`, else in `~/.cache/multiunit`.

    Raises:
        StoreError: if the file cannot be written.
    """
    key = hashlib.sha256(source.encode()).hexdigest()[:24]
    module_name = f"multiunit_kernel_{name}_{key}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    folder = Path(os.environ.get("MULTIUNIT_CACHE") or Path.home() / ".cache" / "multiunit") / "kernels"
    path = folder / f"{module_name}.py"
    # A file that was cut short or changed by hand is written again: what is imported is always this text.
    if not path.is_file() or path.read_text(encoding="utf-8") != source:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make {folder}: {error.strerror}; set MULTIUNIT_CACHE to another folder"
            ) from error
        with new_file(path, mode="w") as file:
            file.write(source)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # numba looks the module up by name when it loads compiled code from its cache.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _update(record: Element, varying: Sequence[str], inputs: Sequence[str]) -> str:
    here = [f"{name}[_i]" for name in record.states]
    here += [f"{name}[_i]" if name in inputs else "_real(0.0)" for name in record.inputs]
    parameters = [f"{name}[_i]" if name in varying else name for name in record.parameters]
    changed = ", ".join([*(f"{name}[_i]" for name in record.states), *(["_spiked[_i]"] if record.spikes else [])])
    return f"""
@_compiled
def update({", ".join([*record.states, *inputs, "_spiked", *record.parameters, "dt"])}):
    for _i in range(_spiked.size):
        {changed} = _step({", ".join([*here, *parameters, "dt"])})


_update = update
"""


def _run(record: Element, inputs: Sequence[str]) -> str:
    states = list(record.states)
    # Loops instead of slices: numba compiles them in a third of the time.
    spread = "\n".join(
        f"""        _row = _t % {name}.shape[0]
        for _i in range(_spiked.size):
            _{name}_now[_i] = {name}[_row, _i % {name}.shape[1]]"""
        for name in inputs
    )
    keep = "\n".join(
        f"""            if _{name}_samples.shape[0]:
                for _i in range(_spiked.size):
                    _{name}_samples[_row, _i] = {name}[_i]"""
        for name in states
    )
    now = [f"_{name}_now" for name in inputs]
    arguments = [*states, *(f"_{name}_samples" for name in states), *inputs, *now]
    arguments += ["_spiked", "_words", "_spike_step", "_spike_unit", "_n_spikes", "_first", "_n_steps", "_every"]
    return f"""
@_compiled
def run({", ".join([*arguments, *record.parameters, "dt"])}):
    # Ends early, and says where, when the next step's spikes might not fit; `_words` is `_spiked` by eight.
    for _t in range(_first, _n_steps):
        if _n_spikes + _spiked.size > _spike_step.size:
            return _t, _n_spikes
{spread}
        _update({", ".join([*states, *now, "_spiked", *record.parameters, "dt"])})
        for _w in range(_words.size):
            if _words[_w]:
                for _i in range(8 * _w, min(8 * _w + 8, _spiked.size)):
                    if _spiked[_i]:
                        _spike_step[_n_spikes] = _t
                        _spike_unit[_n_spikes] = _i
                        _n_spikes += 1
        if (_t + 1) % _every == 0:
            _row = (_t + 1) // _every - 1
{keep}
    return _n_steps, _n_spikes
"""


class Translation:
    """Python functions over `elementary` become functions over scalars; those that they call come along."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.used: set[str] = set()
        self._names: dict[Any, str] = {}

    def function(self, function: Callable[..., Any], *, name: str, n_returned: int | None = None) -> str:
        tree = syntax_tree(function)
        tree.name, tree.decorator_list, tree.returns = name, [], None
        arguments = tree.args
        arguments.args = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        arguments.posonlyargs, arguments.kwonlyargs, arguments.kw_defaults, arguments.defaults = [], [], [], []
        for argument in arguments.args:
            argument.annotation = None
        if ast.get_docstring(tree) is not None:
            tree.body = tree.body[1:]
        tree = _ToScalars(self, function, {a.arg for a in arguments.args}).visit(tree)
        returned = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
        if n_returned is not None:
            last = returned[-1].value if returned else None
            n_found = len(last.elts) if isinstance(last, ast.Tuple) else n_returned
            if last is None or n_found != n_returned or (n_returned == 1 and isinstance(last, ast.Tuple)):
                mend = "its one state itself" if n_returned == 1 else f"{n_returned} values: states, then who spikes"
                raise InputError("function", function.__name__, f"must return {mend}")
        return ast.unparse(ast.fix_missing_locations(tree))

    def called(self, function: Callable[..., Any]) -> str:
        """The name under which another function can be called in the kernel."""
        if function in ELEMENTARY:
            self.used.add(ELEMENTARY[function])
            return ELEMENTARY[function]
        if function not in self._names:
            self._names[function] = name = f"_{function.__name__.lstrip('_')}_{len(self._names)}"
            self.sources.append(self.function(function, name=name))
        return self._names[function]


class _ToScalars(ast.NodeTransformer):
    """Constants in the kernel's precision, functions by their name in the kernel; the rest as it is, or refused."""

    def __init__(self, translation: Translation, function: Callable[..., Any], local: set[str]) -> None:
        self.translation, self.function = translation, function
        scope = inspect.getclosurevars(function)
        self.outside = {**scope.builtins, **scope.globals, **scope.nonlocals}
        self.local = local

    def refuse(self, what: str, mend: str) -> InputError:
        return InputError("function", self.function.__name__, f"uses {what}, which a kernel cannot hold; {mend}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.local |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            mend = "write where(condition, a, b)" if isinstance(node, ast.If) else "write one expression after another"
            raise self.refuse(f"the statement {ast.unparse(node).splitlines()[0]!r}", mend)
        if isinstance(node, ast.IfExp | ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            raise self.refuse(repr(ast.unparse(node)), "write where(...), &, | and ~, which arrays take as well")
        if isinstance(node, ast.Attribute):
            raise self.refuse(repr(ast.unparse(node)), "import the function from multiunit.dynamics.elementary")
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            return node
        if not isinstance(node.value, int | float):
            raise self.refuse(repr(node.value), "only numbers are constants")
        return self._number(float(node.value))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.local or isinstance(node.ctx, ast.Store):
            return node
        value = self.outside.get(node.id)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(float(value))
        raise self.refuse(repr(node.id), "make it an argument, a number of the module, or a function")

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name):
            return self.generic_visit(node)
        called = self.outside.get(node.func.id)
        called = elementary.absolute if called is abs else called
        if not inspect.isfunction(called):
            raise self.refuse(f"{node.func.id}(...)", "import its like from multiunit.dynamics.elementary")
        # A kernel knows no keywords: what is given by name is put in its place.
        try:
            bound = inspect.signature(called).bind(*node.args, **{k.arg or "**": k.value for k in node.keywords})
        except TypeError as error:
            raise self.refuse(repr(ast.unparse(node)), str(error)) from error
        bound.apply_defaults()
        given = [v if isinstance(v, ast.AST) else ast.Constant(v) for v in bound.arguments.values()]
        name = self.translation.called(called)
        return ast.Call(ast.Name(name, ast.Load()), [self.visit(value) for value in given], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Pow):
            if not (isinstance(node.right, ast.Constant) and node.right.value == 2):
                raise self.refuse(repr(ast.unparse(node)), "write a product, or power(x, exponent)")
            base = self.visit(node.left)
            # NumPy squares by one multiplication as well, so both give the same bits.
            self.translation.used.add("_square")
            return ast.Call(ast.Name("_square", ast.Load()), [base], [])
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Invert):
            return ast.UnaryOp(ast.Not(), self.visit(node.operand))
        return self.generic_visit(node)

    @staticmethod
    def _number(value: float) -> ast.AST:
        return ast.Call(ast.Name("_real", ast.Load()), [ast.Constant(value)], [])


def syntax_tree(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax tree of a function's definition.

    Raises:
        InputError: if its source cannot be read, or it is a lambda.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise InputError(
            "function", function.__name__, "its source cannot be read; define it in a file or a notebook"
        ) from error
    tree = ast.parse(text).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise InputError("function", function.__name__, "must be defined by def, not by lambda")
    return tree
