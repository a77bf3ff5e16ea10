"""The errors Multiunit raises on purpose. Each names the argument, its value and the mend in one line."""

from __future__ import annotations


class MultiunitError(Exception):
    """Anything a person can mend; the command line prints it in one line and exits with code 2."""


class InputError(MultiunitError, ValueError):
    """An argument has a value that cannot be used.

    >>> print(InputError("by", "langage", "is no presentation column; there are: language, position"))
    by='langage': is no presentation column; there are: language, position
    """

    def __init__(self, argument: str, value: object, mend: str) -> None:
        self.argument, self.value, self.mend = argument, value, mend
        shown = repr(value)
        super().__init__(f"{argument}={shown if len(shown) <= 120 else shown[:117] + '...'}: {mend}")


class SchemaError(InputError):
    """A recording breaks the schema: a dimension, a coordinate or a variable is missing or inconsistent."""


class SiteError(InputError, LookupError):
    """A site or unit name matches nothing in the system."""


class UnsafeFileError(InputError):
    """A file could run code when it is read (a pickle, a path that leaves its archive)."""


class StoreError(MultiunitError, OSError):
    """A store on disk cannot be read or written; whatever stood there before is untouched."""


class MissingDependencyError(MultiunitError, ImportError):
    """An optional library is needed for this call."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"this needs {library}: pip install 'multiunit[{extra}]'")
