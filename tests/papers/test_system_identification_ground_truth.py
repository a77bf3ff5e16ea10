import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.system_identification_ground_truth import claim


def test_a_target_finds_itself_and_permuted_targets_are_not_identified(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("mnist").parent))
    shared_data("cnn_cifar10")
    result = claim(Scale("smoke"), np.random.default_rng(0))
    # Ten networks, so that chance is 0.1. An encoding model of forty stimuli does no better than that.
    assert result.control["cka_itself_found"] >= 0.7
    assert max(result.control["cka_permuted"], result.control["encoding_permuted"]) <= 0.5
    assert result.measured["cka_digits"] > result.control["cka_permuted"]
    assert 0 <= result.measured["cka_motif_auc"] <= 1
