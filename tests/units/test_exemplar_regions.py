import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.systems import TorchSystem
from multiunit.units.exemplar_regions import activation_maps, exemplar_regions


@pytest.fixture
def seen():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 2))
    images = np.random.default_rng(0).normal(size=(70, 1, 6, 6)).astype(np.float32)
    return TorchSystem(net, batch_size=16), images


def test_maps_are_what_the_convolution_gives(seen):
    system, images = seen
    with torch.no_grad():
        expected = system.module[0](torch.as_tensor(images)).movedim(1, -1)
    rows, maps = zip(*activation_maps(system, images, site="0"), strict=True)
    assert np.concatenate(rows).tolist() == list(range(70))
    torch.testing.assert_close(torch.cat(maps), expected)


def test_images_are_the_strongest_and_masks_hold_the_wanted_share(seen):
    system, images = seen
    with torch.no_grad():
        maps = system.module[0](torch.as_tensor(images)).numpy()
    found = exemplar_regions(system, images, site="0", k=5, quantile=0.9)
    strongest = maps.max(axis=(2, 3))
    for unit in range(4):
        assert found["image"].values[unit].tolist() == np.argsort(-strongest[:, unit])[:5].tolist()
        assert (maps[:, unit] > found["level"].values[unit]).mean() == pytest.approx(0.1, abs=0.02)
        for rank, image in enumerate(found["image"].values[unit]):
            expected = maps[image, unit] > found["level"].values[unit]
            np.testing.assert_array_equal(found["mask"].values[unit, rank], expected)


def test_what_is_refused(seen):
    system, images = seen
    with pytest.raises(InputError, match="site='3'"):
        exemplar_regions(system, images, site="3")
    for options in ({"k": 0}, {"quantile": 1.0}):
        with pytest.raises(InputError, match=next(iter(options))):
            exemplar_regions(system, images, site="0", **options)
