import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.rosetta_neurons import claim


def test_smoke_scale_runs_and_breaking_the_pairing_breaks_the_agreement(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("cnn_cifar10").parent))
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["agreement"] > result.control["permuted_agreement"] + 0.1
    assert result.measured["shared_units"] > 0
