import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Scale
from multiunit.papers.multifaceted_feature_visualization import _covered, claim


class FirstPixel(nn.Module):
    """A judge that takes the first pixel for the class."""

    def forward(self, images):
        return torch.eye(10)[images[:, 0, 0, 0].long()]


def test_a_class_is_covered_by_a_picture_of_its_own_unit_only():
    def picture(*classes):
        return torch.stack([torch.full((1, 1, 1), float(c)) for c in classes])

    both = [picture(unit, unit + 5) for unit in range(5)]
    assert _covered(FirstPixel(), both) == 1.0
    assert _covered(FirstPixel(), [picture(unit, unit) for unit in range(5)]) == 0.5
    assert _covered(FirstPixel(), both[1:] + both[:1]) == 0.0


def test_facets_of_the_real_network_are_its_hidden_classes(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("cnn_cifar10").parent))
    state = torch.get_rng_state()
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert torch.equal(state, torch.get_rng_state())
    assert result.measured["ari"] > 0.5
    assert abs(result.control["ari"]) < 0.1
    assert result.measured["covered"] > result.control["one_mean"]
    assert result.control["one_mean"] <= 0.5
