"""Each card runs once at smoke scale, for all tests that look at it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from multiunit.core.paper import Claim, Scale
from multiunit.core.walk import papers


@pytest.fixture(scope="session")
def smoke_claim(shared_data: Callable[[str], Path]) -> Callable[[str], Claim]:
    """`smoke_claim("wave-rnn")` is what that card claims at smoke scale; skipped where its data are missing."""
    cards = {paper.id: (paper, module) for paper, module in papers()}

    @cache
    def run(name: str) -> Claim:
        paper, module = cards[name]
        with pytest.MonkeyPatch.context() as environment:
            for folder in paper.needs:
                environment.setenv("MULTIUNIT_DATA", str(shared_data(folder).parent))
            return module.claim(Scale("smoke"), np.random.default_rng(0))

    return run
