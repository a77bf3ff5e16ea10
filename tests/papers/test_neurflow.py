import numpy as np
import pytest
import torch

from multiunit.networks.resnet_cifar import ResNetCifar
from multiunit.papers.neurflow import START, _activity, _stages, _survival, _weights_and_falls, _with_crops
from multiunit.units.neuron_groups import core_units, group_circuit


@pytest.fixture(scope="module")
def pieces():
    net = ResNetCifar(8).eval()
    images = torch.randn(24, 3, 16, 16, generator=torch.manual_seed(0))
    return net, images, _stages(net, images)


def test_the_pieces_compute_what_the_network_computes(pieces):
    net, images, stages = pieces
    system, stimuli = stages["linear"]
    with torch.no_grad():
        assert np.allclose(system.record(stimuli, "linear").activity, net(images).numpy(), atol=1e-5)
    (tail, middle), (_, late) = stages["layer3"], stages["linear"]
    assert np.allclose(tail.record(middle, "layer3.0").activity, late.mean(axis=(2, 3)), atol=1e-5)


def test_crops_come_from_their_image():
    images = torch.arange(3.0)[:, None, None, None].expand(3, 1, 8, 8)
    found = _with_crops(images, np.random.default_rng(0))
    assert found.shape == (6, 1, 8, 8)
    assert torch.equal(found[3:], images)


def test_survival_and_falls(pieces):
    system, stimuli = pieces[2]["linear"]
    targets = ["linear/0", "linear/1"]
    plain = _activity(system, stimuli, targets, [])
    before = np.argsort(-plain[:, 0])[:6]
    assert _survival(system, stimuli, "linear/0", before, []) == 1.0
    everything = [f"{START}/{index}" for index in range(64)]
    assert _survival(system, stimuli, "linear/0", before, everything) < 1.0
    options = {"n_top": 6, "n_core": 2, "n_steps": 2}
    circuit = group_circuit(system, stimuli, targets=targets, sites=[START], **options)
    weights, falls = _weights_and_falls(circuit, system, stimuli, targets, plain, 6)
    assert weights.shape == falls.shape
    assert (np.abs(weights).sum(axis=1) > 0).all()
    core = core_units(system, stimuli, target="linear/0", site=START, **options)
    assert set(core["unit_id"].values[core["selected"].values]) <= set(circuit.edges["source"])


def test_smoke_scale_runs_on_the_real_network(smoke_claim):
    result = smoke_claim("neurflow")
    assert result.measured["edge_r"] > abs(result.control["permuted_r"]) + 0.2
    assert 0 <= result.measured["survival"] <= 1
