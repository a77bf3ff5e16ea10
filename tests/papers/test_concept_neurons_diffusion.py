import numpy as np
import pandas as pd
import pytest

from multiunit.networks.tiny_diffusion import TinyDiffusion
from multiunit.papers.concept_neurons_diffusion import _loss, _loss_of


def test_the_loss_is_the_same_every_time_and_depends_on_the_seed_only():
    net = TinyDiffusion(4, n_words=2, n_context=1, n_levels=5)
    rows = pd.DataFrame({"stimulus": [np.ones(4, np.float32)] * 3, "prompt": [np.zeros(1, np.int64)] * 3})
    assert _loss(net, rows, 7) == _loss(net, rows, 7)
    assert _loss(net, rows, 7) != _loss(net, rows, 8)
    few = _loss_of(net, rows)
    assert few(np.random.default_rng(0)).item() == few(np.random.default_rng(0)).item()
    assert few(np.random.default_rng(0)).requires_grad


def test_smoke_scale_runs_and_the_control_differs(smoke_claim):
    result = smoke_claim("concept-neurons-diffusion")
    assert result.measured["subject_change"] < result.control["opposite_change"]
    assert result.measured["subject_change"] != result.control["random_change"]
    assert result.measured["bytes_saved"] == pytest.approx(0.95, abs=0.001)
