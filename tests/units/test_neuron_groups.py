import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.edit import Ablate
from multiunit.core.errors import InputError, SiteError
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.neuron_groups import core_units, facet_edges, group_circuit, group_shown, ward_clusters


@pytest.fixture
def planted():
    """Two outputs: the first driven by units 0 and 1 and held back by 2, the second by 4 and 5."""
    net = nn.Sequential(nn.ReLU(), nn.Linear(8, 2, bias=False))
    net[1].weight.data.copy_(torch.tensor([[3.0, 3, -2, 0, 0, 0, 0.1, 0], [0, 0, 0, 0, 3.0, 3, 0, 0.1]]))
    stimuli = np.random.default_rng(0).random((200, 8)).astype(np.float32)
    return TorchSystem(net), stimuli


def test_the_planted_core_is_found_and_matters(planted):
    system, stimuli = planted
    found = core_units(system, stimuli, target="1/1", site="0", n_top=20, n_core=2)
    core = found["unit_id"].values[found["selected"].values].tolist()
    assert core == ["0/4", "0/5"]
    assert not (found["selected"] & found["control"]).any()
    control = found["unit_id"].values[found["control"].values].tolist()
    assert len(control) == 2
    before = set(found["exemplar"].values)

    def survives(silenced):
        after = system.record(stimuli, "1", edits=[Ablate(silenced)]).activity[:, 1]
        return len(before & set(np.argsort(-after)[:20])) / 20

    assert survives(core) < 0.4 < 0.8 < survives(control)


def test_scores_are_those_of_a_linear_readout(planted):
    system, stimuli = planted
    found = core_units(system, stimuli, target="1/0", site="0", n_top=10, n_core=3)
    rows = found["exemplar"].values
    weight = system.module[1].weight.detach().numpy()[0]
    expected = (stimuli[rows] * weight).mean(axis=0)
    assert np.allclose(found["attribution"], expected, atol=1e-5)
    assert np.allclose(found["score"], np.abs(expected), atol=1e-5)
    output = stimuli @ weight
    assert output[rows].tolist() == sorted(output, reverse=True)[:10]
    assert found["attribution"].values[2] < 0


def test_targets_inside_a_network_of_maps():
    """A channel that reads one channel of the layer below, in a convolutional network whose output is elsewhere."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    net(torch.zeros(1, 1, 8, 8))
    net[2].weight.data[1] = 0
    net[2].weight.data[1, 3] = 1.0
    images = np.random.default_rng(0).normal(size=(30, 1, 8, 8)).astype(np.float32)
    found = core_units(TorchSystem(net), images, target="2/1", site="1", n_top=8, n_core=1, n_steps=5)
    assert found["unit_id"].values[found["selected"].values].tolist() == ["1/3"]
    assert (found["score"].values[:3] == 0).all()
    assert net[2].weight.grad is None


def test_tokens_need_a_pool_and_padding_counts_nowhere():
    net = TinyTransformer(9, max_positions=12, width=16, n_heads=2, n_layers=2, mlp_width=20)
    rng = np.random.default_rng(0)
    tokens = [rng.integers(9, size=n) for n in (3, 12, 7, 9, 5, 8)]
    options = {"target": "layers.1.mlp.down/3", "site": "layers.0.mlp.down", "n_top": 3, "n_core": 4, "n_steps": 3}
    with pytest.raises(InputError, match="pool"):
        core_units(TorchSystem(net), tokens, **options)
    together = core_units(TorchSystem(net, pool="mean"), tokens, **options)
    alone = core_units(TorchSystem(net, pool="mean", batch_size=1), tokens, **options)
    assert together["exemplar"].values.tolist() == alone["exemplar"].values.tolist()
    assert np.allclose(together["score"], alone["score"], rtol=1e-3)


def test_a_circuit_of_two_layers_keeps_the_branches_apart():
    """Outputs 0 and 1 read units 0-1 and 2-3 of the layer below, which read inputs 0-1 and 2-3."""
    net = nn.Sequential(nn.ReLU(), nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    net[1].weight.data.copy_(torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)))
    net[3].weight.data.copy_(torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]))
    rng = np.random.default_rng(0)
    stimuli = rng.random((80, 4)).astype(np.float32)
    stimuli[:40, :2] *= 0.05
    stimuli[40:, 2:] *= 0.05
    circuit = group_circuit(
        TorchSystem(net), stimuli, targets=["3/0", "3/1"], sites=["2", "0"], n_top=10, n_core=2, max_facets=1
    )
    edges = circuit.edges.groupby("target")["source"].apply(set).to_dict()
    assert edges["3/0"] == {"2/0", "2/1"}
    assert edges["3/1"] == {"2/2", "2/3"}
    assert edges["2/0"] == {"0/0", "0/1"}
    assert edges["2/3"] == {"0/2", "0/3"}
    groups = {frozenset(circuit.members(group)) for group in circuit.nodes["group"].unique()}
    assert {frozenset({"2/0", "2/1"}), frozenset({"2/2", "2/3"})} <= groups
    assert {frozenset({"0/0", "0/1"}), frozenset({"0/2", "0/3"})} <= groups
    graph = circuit.to_networkx()
    assert set(graph.nodes) == set(circuit.nodes["group"])
    for lower, higher in graph.edges:
        sides = {unit.rpartition("/")[2] in ("0", "1") for unit in graph.nodes[lower]["units"]}
        above = {unit in ("3/0", "2/0", "2/1") for unit in graph.nodes[higher]["units"]}
        if len(above) == 1:
            assert sides == above
    sizes = circuit.edges.groupby(["target", "target_facet"])["weight"].apply(lambda w: w.abs().sum())
    assert np.allclose(sizes, 1)
    total = circuit.groups.groupby("target")["weight"].sum()
    assert total.max() <= circuit.edges.groupby("target_group")["weight"].sum().max() + 1e-9
    with pytest.raises(InputError, match="group"):
        circuit.members("2#9")


def test_a_unit_of_two_facets_has_edges_for_each():
    """The output is the larger of two units: half of its strongest stimuli owe it to the one, half to the other."""

    class Larger(nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.out = nn.ReLU(), nn.Linear(1, 1, bias=False)
            self.out.weight.data.fill_(1.0)

        def forward(self, x):
            return self.out(self.into(x)[:, :2].amax(1, keepdim=True))

    rng = np.random.default_rng(0)
    stimuli = 0.1 * rng.random((60, 5)).astype(np.float32)
    stimuli[:10, 0] += 2
    stimuli[10:20, 1] += 2
    circuit = group_circuit(TorchSystem(Larger()), stimuli, targets=["out/0"], sites=["into"], n_top=20, n_core=2)
    top = circuit.nodes[circuit.nodes["site"] == "out"]
    assert top["n_exemplars"].tolist() == [10, 10]
    weights = circuit.edges.pivot(index="target_facet", columns="source", values="weight")
    assert sorted(np.round(weights.to_numpy(), 3).tolist()) == [[0.0, 1.0], [1.0, 0.0]]


def test_ward_clusters_choose_their_number():
    rng = np.random.default_rng(1)
    centres = np.repeat(np.eye(3) * 10, [5, 9, 7], axis=0)
    found = ward_clusters(centres + rng.normal(size=centres.shape) * 0.1)
    assert np.bincount(found).tolist() == [9, 7, 5]
    assert len(set(found[5:14])) == 1
    assert ward_clusters(np.ones((6, 2))).tolist() == [0] * 6
    assert ward_clusters(np.array([[0.0], [9.0]])).tolist() == [0, 0]
    assert ward_clusters(np.arange(6.0)[:, None], max_clusters=1).tolist() == [0] * 6
    with pytest.raises(InputError, match="vectors"):
        ward_clusters(np.array([[np.nan]]))
    with pytest.raises(InputError, match="max_clusters"):
        ward_clusters(np.ones((3, 1)), max_clusters=0)


def test_edges_of_a_facet_without_attribution_are_zero():
    assert facet_edges(np.zeros((2, 3)), np.array([0, 0])).tolist() == [[0, 0, 0]]


def test_a_concept_shows_only_if_all_its_units_are_active():
    activity = np.array([[2.0, 2.0, 0.0], [2.0, 0.0, 2.0], [0.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    shown = group_shown(activity, np.array([True, True, False]))
    assert shown[0] == pytest.approx(2.0, rel=1e-3)
    assert (shown[1:] < 0.01).all()


def test_errors_name_the_argument(planted):
    system, stimuli = planted
    options = {"target": "1/0", "site": "0", "n_top": 5, "n_core": 2}
    for change, error, name in (
        ({"n_top": 201}, InputError, "n_top"),
        ({"n_core": 9}, InputError, "n_core"),
        ({"target": "1/7"}, SiteError, "target"),
        ({"site": "elsewhere"}, SiteError, "sites"),
    ):
        with pytest.raises(error, match=name):
            core_units(system, stimuli, **(options | change))
    for targets, sites in ((["1/0", "0/0"], ["0"]), (["1/0"], []), (["1/0"], ["1"])):
        with pytest.raises(InputError, match="targets"):
            group_circuit(system, stimuli, targets=targets, sites=sites, n_top=5, n_core=2)
