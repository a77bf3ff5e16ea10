from itertools import combinations

import numpy as np
import pytest
import torch

from multiunit.core import InputError, Recording
from multiunit.core.errors import SiteError
from multiunit.networks import TinyTransformer
from multiunit.similarity.compare_layers import compare_layers
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.max_correlation import max_correlation
from multiunit.systems import TorchSystem


@pytest.fixture
def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 5))


@pytest.fixture
def stimuli():
    return np.random.default_rng(0).normal(size=(120, 6)).astype("float32")


def test_every_pair_of_layers_holds_its_score(net, stimuli, tmp_path):
    system, seen = TorchSystem(net), []
    found = compare_layers(
        system,
        system,
        metric=linear_cka,
        stimuli=stimuli,
        n_bootstraps=20,
        folder=tmp_path,
        progress=lambda *numbers: seen.append(numbers),
    )
    alone = {site: system.record(stimuli, site).activity for site in ("0", "1", "2")}
    for layer in alone:
        for other in alone:
            cell = found.sel(layer=layer, other_layer=other)
            assert float(cell["score"]) == pytest.approx(linear_cka(alone[layer], alone[other]), abs=1e-6)
            assert float(cell["low"]) <= float(cell["score"]) + 0.02
    assert float(np.diag(found["score"]).min()) == pytest.approx(1)
    assert float(abs(found["shuffled"]).max()) < 0.2
    assert found["n_units"].values.tolist() == [8, 8, 5]
    assert seen == [(n, 9) for n in range(1, 10)]
    assert not list(tmp_path.iterdir())


def test_a_system_is_set_beside_a_recording_of_other_order(net, stimuli):
    order = np.random.default_rng(1).permutation(120)[:90]
    measured = Recording.from_activity(
        TorchSystem(net).record(stimuli, "1").activity[order] * 2,
        units={"site": ["V1"] * 5 + ["IT"] * 3},
        presentations={"stimulus_id": order},
    )
    found = compare_layers(
        TorchSystem(net), measured, metric=max_correlation, stimuli=stimuli, other_sites="V1", n_bootstraps=5
    )
    assert found.attrs["n_presentations"] == 90
    assert found["score"].shape == (3, 1)
    expected = TorchSystem(net).record(stimuli[order], "2").activity
    assert float(found["score"][2, 0]) == pytest.approx(max_correlation(expected, measured.activity[:, :5]), abs=1e-6)


def test_tokens_of_a_sequence_stay_together():
    module = TinyTransformer(12, max_positions=16, width=8, n_heads=2, n_layers=1, mlp_width=10)
    rng = np.random.default_rng(2)
    tokens = [rng.integers(12, size=n) for n in (5, 16, 9, 7, 7, 12)]
    sizes = set()

    def metric(x, y):
        sizes.add(len(x))
        return linear_cka(x, y)

    system = TorchSystem(module)
    site = str(system.sites().index[0])
    compare_layers(system, system, metric=metric, stimuli=tokens, sites=site, other_sites=site, n_bootstraps=30)
    lengths = np.array([5, 16, 9, 7, 7, 12])
    threes = {int(lengths[list(c)].sum()) for c in combinations(range(6), 3)}
    assert 56 in sizes
    assert sizes - {56} <= threes
    assert len(sizes) > 5
    pooled = TorchSystem(module, pool="mean")
    with pytest.raises(InputError, match="pool over tokens"):
        compare_layers(system, pooled, metric=metric, stimuli=tokens, sites=site, other_sites=site)


def test_a_silent_layer_is_named_and_the_others_are_scored(net, stimuli):
    with torch.no_grad():
        net[0].weight.zero_()
    found = compare_layers(TorchSystem(net), TorchSystem(net), metric=linear_cka, stimuli=stimuli, n_bootstraps=3)
    assert np.isnan(found["score"]).all()
    assert len(found.attrs["refused"]) == 9
    assert "no unit varies" in found.attrs["refused"][0]


def test_what_is_refused(net, stimuli):
    with pytest.raises(InputError, match="needs stimuli"):
        compare_layers(TorchSystem(net), TorchSystem(net), metric=linear_cka)
    with pytest.raises(SiteError, match="matches none"):
        compare_layers(TorchSystem(net), TorchSystem(net), metric=linear_cka, stimuli=stimuli, sites="x*")
