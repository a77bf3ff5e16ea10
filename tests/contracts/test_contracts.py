"""Every method keeps the promises of its kind."""

import pytest

from multiunit.checks import case_of, check, promises
from multiunit.core import methods
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.systems.digits_network import digits_network

# Functions around any metric, of scores, of learning curves, of correlations, and elements: none of them takes activity
# `(presentation, unit)`, and each has tests of its own; tests/dynamics walks the elements.
WITHOUT_UNITS = ("inference", "causal", "learning", "matching", "dynamics")
RECORDS = [record for record in methods() if record.kind not in WITHOUT_UNITS]
ASKED = [(record, promise.name) for record in RECORDS for promise in promises(record.kind)]


def test_nothing_is_left_out():
    kinds = {record.kind for record in methods()}
    kinds_of_units = {"statistic", "detector", "measure", "population", "similarity", "features", "encoding"}
    assert kinds <= kinds_of_units | set(WITHOUT_UNITS)
    assert len(RECORDS) >= 29


@pytest.fixture(scope="module")
def cases():
    return {}


@pytest.mark.parametrize(("record", "promise"), ASKED, ids=[f"{record.name}-{promise}" for record, promise in ASKED])
def test_the_promise_is_kept(record, promise, cases):
    check(record, only=promise)


@pytest.mark.parametrize("record", RECORDS, ids=[record.name for record in RECORDS])
def test_exceptions_are_few_and_give_a_reason(record):
    exceptions = record.properties.get("exceptions", {})
    assert len(exceptions) <= 2
    assert all(len(reason) > 10 for reason in exceptions.values())
    case_of(record)


def test_systems_keep_the_promises_about_edits():
    system, stimuli = digits_network()
    kept = check(system, stimuli=stimuli.head(70))
    assert {"empty_edit_is_the_identity", "no_trace_is_left", "nothing_acts_backwards"} <= set(kept)
    module = TinyTransformer(12, max_positions=16, width=16, n_heads=2, n_layers=2, mlp_width=20)
    import numpy as np

    rng = np.random.default_rng(0)
    tokens = [rng.integers(12, size=n) for n in (5, 16, 9, 2)]
    assert "edits_reach_what_comes_after" in check(TorchSystem(module), stimuli=tokens)
