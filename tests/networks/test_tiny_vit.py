import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks import TinyViT


def test_order_of_patches_matters_only_through_positions():
    net = TinyViT(image_size=4, patch_size=2, n_channels=1, width=8, n_heads=2, n_layers=2, random_state=1)
    x = torch.rand(1, 1, 4, 4)
    swapped = torch.cat([x[..., 2:], x[..., :2]], dim=-1)
    with torch.no_grad():
        assert not torch.allclose(net(x), net(swapped), atol=1e-6)
        net.position_embedding.zero_()
        torch.testing.assert_close(net(x), net(swapped), atol=1e-6, rtol=1e-5)


def test_seed_and_global_generator():
    state = torch.random.get_rng_state()
    a, b = (TinyViT(image_size=4, patch_size=2, width=8, n_heads=2, n_layers=1).class_token for _ in range(2))
    assert torch.equal(a, b)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="patch_size=3"):
        TinyViT(image_size=8, patch_size=3)
    with pytest.raises(InputError, match="images"):
        TinyViT(image_size=8, patch_size=4)(torch.zeros(1, 1, 8, 8))
