import torch

from multiunit.networks.spiking_convolutional import SpikingConvNet
from multiunit.papers.membrane_potential_batchnorm import _spiking, _with_negative_gammas, folded_agreement


def test_agreement_is_full_with_signs_and_not_without():
    net = SpikingConvNet(_spiking("channel"), side=8, channels=(2, 4), n_steps=2)
    images = torch.rand(20, 1, 8, 8, generator=torch.manual_seed(0))
    net(images)
    assert folded_agreement(net, images) == folded_agreement(net, images, ignore_sign=True) == 1.0
    flipped = _with_negative_gammas(net)
    assert folded_agreement(flipped, images) == 1.0
    assert folded_agreement(flipped, images, ignore_sign=True) < 0.9
    assert (net.spikes_1.membrane.norm.weight > 0).all()


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("membrane-potential-batchnorm")
    assert result.measured["folded_agreement"] >= 0.9999
    assert result.control["sign_ignored_agreement"] < 0.9
    assert all(0 < value <= 1 for value in (*result.measured.values(), *result.control.values()))
