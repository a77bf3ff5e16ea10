import pytest
import torch

from multiunit.core import SiteError
from multiunit.networks.tiny_vit import TinyViT
from multiunit.systems import TorchSystem
from multiunit.systems.unit_maps import unit_maps


def test_maps_are_the_modules_own_and_pool_to_what_is_recorded():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(108, 2))
    images = torch.randn(10, 1, 8, 8)
    system = TorchSystem(net, batch_size=4)
    found = list(unit_maps(system, images, ["1", "3"]))
    assert [len(batch["1"]) for batch in found] == [4, 4, 2]
    maps = torch.cat([batch["1"] for batch in found])
    with torch.no_grad():
        torch.testing.assert_close(maps, net[:2](images))
        torch.testing.assert_close(torch.cat([b["3"] for b in found])[:, :, 0, 0], net(images))
    torch.testing.assert_close(maps.mean((2, 3)), torch.as_tensor(system.record(images, "1").activity))


def test_tokens_of_a_transformer_are_laid_out_without_the_class_token():
    net = TinyViT(image_size=8, patch_size=2, n_channels=1, width=16, n_heads=2, n_layers=1)
    images = torch.randn(2, 1, 8, 8)
    found = next(unit_maps(TorchSystem(net), images, "layers.0"))["layers.0"]
    seen = []
    handle = net.layers[0].register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        net(images)
    handle.remove()
    assert torch.equal(found[:, :, 1, 2], seen[0][:, 1 + 1 * 4 + 2])


def test_a_site_without_places_is_refused():
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.line = torch.nn.Linear(2, 2)

        def forward(self, x):
            return self.line(x)

    with pytest.raises(SiteError, match="no maps"):
        next(unit_maps(TorchSystem(Odd()), torch.zeros(1, 2, 2, 2, 2), "line"))
