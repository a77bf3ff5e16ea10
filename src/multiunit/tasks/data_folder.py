"""Where real data lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from multiunit.core.errors import InputError


def data_folder(name: str) -> Path:
    """Give the folder `name` of the real data.

    The environment variable `MULTIUNIT_DATA` says where the data are; without it, `../shared/data` beside the
    source tree.

    Raises:
        InputError: if there is no such folder.

    >>> import tempfile
    >>> before = os.environ.get("MULTIUNIT_DATA")
    >>> os.environ["MULTIUNIT_DATA"] = tempfile.mkdtemp()
    >>> data_folder("worms")
    Traceback (most recent call last):
        ...
    multiunit.core.errors.InputError: name='worms': no such data; set MULTIUNIT_DATA to the folder that holds it
    >>> _ = os.environ.pop("MULTIUNIT_DATA") if before is None else os.environ.update(MULTIUNIT_DATA=before)
    """
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("MULTIUNIT_DATA") or beside) / name
    if not folder.is_dir():
        raise InputError("name", name, "no such data; set MULTIUNIT_DATA to the folder that holds it")
    return folder
