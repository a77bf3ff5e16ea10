import pickle

import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError, UnsafeFileError
from multiunit.networks import ResNetCifar, load_resnet_cifar, preprocess


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_parameters_are_those_of_the_paper(depth, millions):
    assert sum(p.numel() for p in ResNetCifar(depth).parameters()) / 1e6 == pytest.approx(millions, abs=0.035)


def test_shortcut_subsamples_and_adds_zero_channels():
    block = ResNetCifar(8).layer2[0].eval()
    with torch.no_grad():
        block.bn2.weight.zero_()
        block.bn2.bias.zero_()
        x = torch.rand(1, 16, 4, 4)
        out = block(x)
    torch.testing.assert_close(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


def test_checkpoint_round_trip(tmp_path):
    net = ResNetCifar(8, n_classes=3, random_state=5).eval()
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "net.th")
    again = load_resnet_cifar(tmp_path / "net.th")
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(again(x), net(x))
    assert not again.training


def test_files_that_are_refused(tmp_path):
    (tmp_path / "code.th").write_bytes(pickle.dumps(pytest.raises))
    torch.save({"state_dict": {"module.other": torch.zeros(1)}}, tmp_path / "other.th")
    weights = ResNetCifar(8).state_dict()
    del weights["layer3.0.conv2.weight"]
    torch.save({"state_dict": weights}, tmp_path / "short.th")
    with pytest.raises(UnsafeFileError, match="only tensors"):
        load_resnet_cifar(tmp_path / "code.th")
    with pytest.raises(UnsafeFileError, match="only tensors"):
        load_resnet_cifar(tmp_path / "missing.th")
    with pytest.raises(InputError, match="no layer1"):
        load_resnet_cifar(tmp_path / "other.th")
    with pytest.raises(InputError, match=r"layer3\.0\.conv2\.weight"):
        load_resnet_cifar(tmp_path / "short.th")


def test_images_must_be_bytes():
    with pytest.raises(InputError, match="float64"):
        preprocess(np.zeros((1, 4, 4, 3)))


def test_depth_must_fit():
    with pytest.raises(InputError, match="depth=18"):
        ResNetCifar(18)


def test_published_weights_name_the_images(shared_data):
    """The published accuracy is 0.918 on the original images; these went through JPEG (their contrast peaks at the
    borders of its 8 x 8 blocks), which the network was not trained on: 0.80 was measured."""
    folder = shared_data("cnn_cifar10")
    with np.load(folder / "cifar10_images.npz", allow_pickle=False) as file:
        images, labels = file["x"], file["y"]
    contrast = np.abs(np.diff(images.astype(float), axis=2)).mean(axis=(0, 1, 3))
    borders = np.array([7, 15, 23])
    assert (contrast[borders] > (contrast[borders - 1] + contrast[borders + 1]) / 2).all()
    with torch.no_grad():
        named = load_resnet_cifar(folder / "resnet20.th")(preprocess(images)).argmax(1).numpy()
    assert np.mean(named == labels) >= 0.78
    assert min(np.mean(named[labels == c] == c) for c in range(10)) > 0.6
