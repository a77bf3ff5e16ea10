"""The pages that need real data say what the code prints today."""

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "real_data"


@pytest.mark.parametrize(
    ("page", "folder"),
    [("atlas_to_intervention.md", "lm_stories260k"), ("rdm92.md", "rdm92"), ("worm_circuit.md", "worm_connectome")],
)
def test_a_page_prints_what_it_says(page, folder, shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data(folder).parent))
    found = doctest.testfile(str(PAGES / page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 10
    assert found.failed == 0
