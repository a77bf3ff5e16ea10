"""The shared real data, where it is at hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("worm_activity")` is that folder of `MULTIUNIT_DATA`; the test is skipped where it is missing."""
    root = Path(os.environ.get("MULTIUNIT_DATA", ROOT.parent / "shared" / "data"))

    def folder(name: str) -> Path:
        if not (root / name).exists():
            pytest.skip(f"real data {name!r} not found under MULTIUNIT_DATA ({root.name})")
        return root / name

    return folder
