import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fake_quantisation import FakeQuantisation, fake_quantise


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_every_number_goes_to_the_nearest_level(bits, signed):
    x = np.random.default_rng(0).normal(size=200)
    x = x if signed else np.abs(x)
    n = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    levels = np.linspace(-n if signed else 0, n, (2 if signed else 1) * n + 1) * np.abs(x).max() / n
    nearest = levels[np.abs(x[:, None] - levels).argmin(1)]
    found = fake_quantise(torch.from_numpy(x), bits=bits, signed=signed)
    np.testing.assert_allclose(found.numpy(), nearest, atol=1e-12)


def test_each_slice_by_itself_and_a_limit_for_all():
    x = torch.randn(3, 4, 5, generator=torch.manual_seed(0)) * torch.tensor([0.1, 1.0, 10.0])[:, None, None]
    found = fake_quantise(x, bits=4, axis=0)
    assert torch.equal(found, torch.stack([fake_quantise(part, bits=4) for part in x]))
    assert not torch.equal(found, fake_quantise(x, bits=4))
    assert torch.equal(fake_quantise(x, bits=4, axis=-3), found)
    assert float(fake_quantise(x, bits=4, limit=1.0).abs().max()) == 1.0
    assert torch.equal(fake_quantise(torch.zeros(3), bits=4), torch.zeros(3))
    assert torch.equal(fake_quantise(-x.abs(), bits=4, signed=False), torch.zeros_like(x))


def test_gradient_passes_within_the_limits_only():
    x = torch.tensor([-2.0, -0.4, 0.3, 2.0], requires_grad=True)
    fake_quantise(x, bits=4, limit=1.0).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_training_with_three_levels_finds_planted_signs():
    planted = torch.tensor([[1.0, -1.0, 0.0, 1.0]])
    x = torch.randn(64, 4, generator=torch.manual_seed(0))
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.2, 0.2, 0.2, 0.2]]))
    nn.utils.parametrize.register_parametrization(layer, "weight", FakeQuantisation(bits=2, limit=1.0))
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        (layer(x) - x @ planted.T).square().mean().backward()
        optimiser.step()
    assert torch.equal(layer.weight, planted)


def test_bad_input():
    x = torch.zeros(2, 2)
    for given, message in (
        ({"bits": 1}, "bits=1"),
        ({"bits": 0, "signed": False}, "bits=0"),
        ({"bits": 4, "limit": 0.0}, "limit"),
        ({"bits": 4, "axis": 0, "limit": 1.0}, "limit"),
        ({"bits": 4, "axis": 2}, "axis=2"),
    ):
        with pytest.raises(InputError, match=message):
            fake_quantise(x, **given)
    with pytest.raises(InputError, match="bits=1"):
        FakeQuantisation(bits=1)
