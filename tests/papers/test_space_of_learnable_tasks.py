import numpy as np
import torch

from multiunit.papers.space_of_learnable_tasks import _part, _trained, _walk


def test_smoke_scale_runs_and_training_goes_somewhere(smoke_claim):
    result = smoke_claim("space-of-learnable-tasks")
    assert result.measured["progress_gain"] > 0.05
    assert result.measured["progress_gain"] > result.control["walk_gain"]
    assert result.measured["explained_stress_3"] > result.control["shuffled_stress_3"]


def test_walks_take_steps_of_the_same_size_elsewhere():
    rng = np.random.default_rng(0)
    images, labels = rng.random((50, 64)).astype(np.float32), _part([3, 5])[rng.integers(10, size=50)]
    network, trained = _trained(images, labels, (0, 2, 5), rng)
    assert network.get_submodule("readout").weight.shape == (2, 64)
    walk = _walk(trained, rng)
    for name in trained[0]:
        for k in (1, 2):
            real, other = (run[k][name] - run[k - 1][name] for run in (trained, walk))
            torch.testing.assert_close(real.norm(), other.norm(), rtol=1e-4, atol=1e-6)
            assert real.norm() > 0
    real, other = (run[2]["hidden_1.weight"] - run[0]["hidden_1.weight"] for run in (trained, walk))
    assert abs(float((real * other).sum() / real.norm() / other.norm())) < 0.1
