import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.hyperbolic_linear import HyperbolicLinear, HyperbolicLogits
from multiunit.networks.poincare_ball import from_tangent, mobius_sum, poincare_distance, to_tangent


@pytest.fixture
def points():
    return from_tangent(torch.as_tensor(np.random.default_rng(0).normal(size=(30, 2))).float())


def test_without_a_bias_the_map_is_linear_in_the_tangent_and_a_bias_moves_it(points):
    layer = HyperbolicLinear(2, 3, random_state=1)
    torch.testing.assert_close(to_tangent(layer(points)), to_tangent(points) @ layer.weight.T, atol=1e-5, rtol=1e-4)
    plain = layer(points)
    layer.bias.data = torch.tensor([0.5, -0.2, 0.1])
    moved = layer(points)
    torch.testing.assert_close(moved, mobius_sum(plain, from_tangent(layer.bias).expand(30, 3)))
    assert (moved.norm(dim=-1) < 1).all()


def test_a_small_curvature_is_the_flat_layer(points):
    layer = HyperbolicLinear(2, 3, curvature=1e-8)
    layer.bias.data = torch.tensor([0.5, -0.2, 0.1])
    torch.testing.assert_close(layer(points), points @ layer.weight.T + layer.bias, atol=1e-5, rtol=1e-4)
    logits = HyperbolicLogits(2, 4, curvature=1e-8)
    logits.offset.data = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    flat = 4 * ((points[:, None] - logits.offset) * logits.normal).sum(-1)
    torch.testing.assert_close(logits(points), flat, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("curvature", [0.5, 1.0])
def test_logits_are_the_distances_to_the_geodesic_through_the_offset(points, curvature):
    points = points.double() / curvature**0.5
    layer = HyperbolicLogits(2, 1, curvature=curvature, random_state=2).double()
    layer.offset.data = torch.tensor([[0.4, -0.3]], dtype=torch.float64)
    normal = layer.normal[0]
    along = torch.stack([-normal[1], normal[0]]) / normal.norm()
    steps = torch.linspace(-6, 6, 40_001, dtype=torch.float64)[:, None] * along
    on_plane = from_tangent(layer.offset, curvature=curvature).expand(len(steps), 2)
    geodesic = mobius_sum(on_plane, from_tangent(steps, curvature=curvature), curvature=curvature)
    near = torch.stack([poincare_distance(point, geodesic, curvature=curvature).min() for point in points])
    found = layer(points)[:, 0]
    torch.testing.assert_close(found.abs(), 2 * normal.norm() * near, atol=1e-3, rtol=1e-3)
    assert (found > 0).any()
    assert (found < 0).any()


def test_a_tree_of_classes_is_learned():
    rng = np.random.default_rng(0)
    angle = np.repeat(np.arange(6) * np.pi / 3, 20)
    v = np.c_[np.cos(angle), np.sin(angle)] + 0.2 * rng.normal(size=(120, 2))
    x, labels = from_tangent(torch.as_tensor(v).float()), torch.arange(6).repeat_interleave(20)
    net = torch.nn.Sequential(HyperbolicLinear(2, 5), HyperbolicLogits(5, 6))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(150):
        loss = torch.nn.functional.cross_entropy(net(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (net(x).argmax(1) == labels).float().mean() > 0.95


@pytest.mark.parametrize("layer", [HyperbolicLinear, HyperbolicLogits])
def test_weights_follow_the_seed_and_errors_name_the_argument(layer):
    one, same, other = (next(iter(layer(3, 2, random_state=seed).parameters())) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    with pytest.raises(InputError, match="n_in"):
        layer(0, 2)
    with pytest.raises(InputError, match="curvature"):
        layer(2, 2, curvature=0.0)
