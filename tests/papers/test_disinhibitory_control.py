import numpy as np
import torch

from multiunit.learning.disinhibitory_control import exact_inverse
from multiunit.networks.disinhibitory_network import DisinhibitoryNetwork
from multiunit.papers.disinhibitory_control import SIZES, alignment


def test_smoke_scale_runs_and_only_true_feedback_points_down_the_gradient(smoke_claim):
    result = smoke_claim("disinhibitory-control")
    assert result.measured["cosine"] > 0.3
    assert result.control["shuffled_cosine"] < result.measured["cosine"] - 0.2
    assert 0 < result.control["backpropagation_accuracy"] <= 1


def test_feedback_turned_around_points_up_the_gradient():
    net = DisinhibitoryNetwork(SIZES, random_state=0)
    x = torch.rand(100, 196, generator=torch.Generator().manual_seed(0))
    labels = np.arange(100) % 10
    right = alignment(net, x, labels, inverse=exact_inverse, feedback=None)
    wrong = alignment(net, x, labels, inverse=exact_inverse, feedback=lambda weights: [-q for q in weights])
    assert right > 0.3
    assert wrong < -0.3
