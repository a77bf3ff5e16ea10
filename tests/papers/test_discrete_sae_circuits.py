import numpy as np

from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.discrete_sae_circuits import _area, _lost
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.repeated_pairs import repeated_pairs


def test_a_head_that_writes_nothing_costs_nothing_and_all_others_are_told_apart_by_their_loss():
    net = TinyTransformer(20, max_positions=10, width=16, n_heads=4, n_layers=2, tied=False, random_state=0)
    net.layers[1].attention.output.weight.data[:, :4] = 0
    prompts = repeated_pairs(20, n_names=20, length=10)
    lost = _lost(TorchSystem(net), prompts)
    assert lost.shape == (8,)
    assert abs(lost[4]) < 1e-5
    assert (np.abs(np.delete(lost, 4)) > 1e-4).all()


def test_area_needs_heads_of_both_kinds():
    assert _area(np.array([True, False]), np.array([2.0, 1.0])) == 1.0
    assert np.isnan(_area(np.array([True, True]), np.array([2.0, 1.0])))


def test_smoke_scale_has_learned_nothing_yet_and_does_not_hold(smoke_claim):
    result = smoke_claim("discrete-sae-circuits")
    assert result.measured["accuracy"] < 0.5
    assert not result.holds
