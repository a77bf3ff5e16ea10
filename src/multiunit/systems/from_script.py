"""A system that a script of one's own makes: `file.py:name`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from multiunit.core.errors import InputError


def from_script(path: str | Path, name: str) -> Any:
    """Run a Python file, as `python file.py` would, and take from it what has this name.

    For circuits, which no file format holds. The file runs with all rights of whoever runs this: name only your own.

    Args:
        path: the file; `if __name__ == "__main__":` does not run.
        name: of a system, a module or a circuit in it.

    Returns:
        What has that name.

    Raises:
        InputError: for a file that does not exist, or has no such name; whatever the file raises.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("source", str(path), "no such file; name a Python file as file.py:name")
    spec = importlib.util.spec_from_file_location(f"multiunit_script_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Functions that are compiled look their module up by name.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    if not hasattr(module, name):
        names = [n for n in vars(module) if not n.startswith("_")]
        raise InputError("source", f"{path}:{name}", f"the file has no such name; it has {', '.join(names) or 'none'}")
    return getattr(module, name)
