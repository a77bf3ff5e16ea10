"""Write files and folders so that whatever happens, the old one or the new one stands there, whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from multiunit.core.errors import StoreError


@contextmanager
def new_file(path: str | Path, *, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file under a temporary name that takes the place of `path` when the block ends well.

    Raises:
        StoreError: if it cannot be written; what stood there is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder under a temporary name that takes the place of `path` when the block ends well.

    Raises:
        StoreError: if it cannot be written; what stood there is untouched.
    """
    path = Path(path)
    temporary, old = (path.with_name(f".{path.name}.{word}") for word in ("new", "old"))
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for place in [*temporary.rglob("*"), temporary]:
            _sync(place)
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.rename(old)
        temporary.rename(path)
        _sync(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def recovered(path: str | Path) -> Path:
    """The folder itself, or the one before it if the machine died between the two renames of `new_folder`."""
    path = Path(path)
    old = path.with_name(f".{path.name}.old")
    return old if not path.exists() and old.is_dir() else path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
