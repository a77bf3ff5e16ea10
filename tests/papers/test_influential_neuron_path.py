import numpy as np
import pandas as pd

from multiunit.networks.tiny_vit import TinyViT
from multiunit.papers.influential_neuron_path import _overlaps, _probability
from multiunit.units.neuron_path import path_of_strongest, path_overlap


def test_overlap_within_and_between_digits():
    overlap = path_overlap(np.array([[[0], [1]], [[0], [1]], [[2], [3]]]))
    assert _overlaps(overlap, np.array([4, 4, 7])) == (1.0, 0.0)
    assert _overlaps(overlap, np.array([4, 7, 4])) == (0.0, 0.5)


def test_a_path_at_its_own_gain_changes_nothing_and_leaves_no_trace():
    net = TinyViT(image_size=8, patch_size=4, n_channels=1, width=8, n_heads=2, n_layers=1)
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"stimulus": list(rng.random((3, 1, 8, 8), dtype=np.float32)), "label": [0, 5, 9]})
    path = path_of_strongest({"layers.0.mlp.down": rng.random((3, 32))}, per_layer=32)
    intact = _probability(net, images)
    np.testing.assert_array_equal(_probability(net, images, path, 1.0), intact)
    assert np.abs(_probability(net, images, path, 0.0) - intact).max() > 1e-4
    np.testing.assert_array_equal(_probability(net, images), intact)


def test_smoke_scale_runs_and_the_random_path_does_less(smoke_claim):
    result = smoke_claim("influential-neuron-path")
    assert result.measured["probability"] < 0.3  # one epoch: the digits are hardly known yet
    assert result.measured["joint_attribution"] > result.control["random_joint_attribution"]
    assert result.measured["drop"] > result.control["random_drop"]
