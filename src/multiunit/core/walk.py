"""The walkers: find every method and every paper by reading the package, so that a new file needs no list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from multiunit.core.method import Method
from multiunit.core.paper import Paper


def modules(package: str = "multiunit") -> Iterator[ModuleType]:
    """Import and yield every module of the package; command-line entry points are left alone."""
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def methods(package: str = "multiunit", *, kind: str | None = None) -> list[Method]:
    """Every method of the package, by name; of one kind if asked.

    >>> all(m.kind == "detector" for m in methods(kind="detector"))
    True
    """
    found = {}
    for module in modules(package):
        for value in vars(module).values():
            record = value.__dict__.get("method") if hasattr(value, "__dict__") else None
            if isinstance(record, Method) and record.module == module.__name__ and kind in (None, record.kind):
                found[record.module, record.name] = record
    return sorted(found.values(), key=lambda m: (m.name, m.module))


def papers(package: str = "multiunit") -> list[tuple[Paper, ModuleType]]:
    """Every paper's record and the module of its card, by id."""
    cards = [(m.PAPER, m) for m in modules(package) if isinstance(vars(m).get("PAPER"), Paper)]
    return sorted(cards, key=lambda card: card[0].id)
