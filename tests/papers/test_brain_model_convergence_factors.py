import numpy as np
import torch

from multiunit.papers.brain_model_convergence_factors import TIME, _layers, _network, _sensors


def test_smoke_scale_runs_and_breaking_the_pairing_breaks_the_score(smoke_claim):
    result = smoke_claim("brain-model-convergence-factors")
    assert result.measured["score"] > result.control["permuted_score"] + 0.15
    assert result.measured["score"] > result.control["untrained_score"] - 0.05


def test_sensors_show_each_area_at_its_time():
    rng = np.random.default_rng(0)
    area = np.repeat(np.arange(4), 10)
    signal = rng.normal(size=(500, 40)) * (area == 2)
    power = _sensors(signal, area, rng).std(axis=(0, 1))
    assert TIME[power.argmax()] == 0.2


def test_layers_of_a_network_are_its_four_stages():
    network = _network(2, 0)
    layers = _layers(network, torch.randn(3, 3, 32, 32))
    assert [x.shape for x in layers.values()] == [(3, 32), (3, 64), (3, 128), (3, 64)]
    assert torch.equal(network[0][0].weight, _network(2, 0)[0][0].weight)
