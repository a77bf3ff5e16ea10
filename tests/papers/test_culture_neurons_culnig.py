import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.culture_neurons_culnig import _by_kinship, _results
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.cultural_facts import cultural_facts
from multiunit.tasks.synthetic_facts import n_tokens


@pytest.fixture(scope="module")
def known():
    """Few items, a network, and the answers that it gives, taken as the right ones."""
    items = cultural_facts(n_matters=2, n_names=1, n_wordings=2)
    net = TinyTransformer(n_tokens(items), max_positions=5, width=8, n_heads=2)
    with torch.no_grad():
        answers = net(torch.as_tensor(np.stack(list(items["stimulus"]))))[:, -1].argmax(1).numpy()
    return TorchSystem(net), items.assign(answer=answers)


def test_accuracy_counts_right_answers_and_silencing_is_undone(known):
    system, items = known
    intact = _results(system, items)
    assert (intact[["culture", "control", "mention", "c0", "c5"]] == 1).all()
    units = [f"layers.{layer}.mlp.down/{unit}" for layer in range(2) for unit in range(32)]
    lesioned = _results(system, items, units)
    assert lesioned["surprise"] != intact["surprise"]
    pd.testing.assert_series_equal(_results(system, items), intact)


def test_kinship_tells_own_related_and_unrelated_apart(known, monkeypatch):
    """The lesion of c0 costs c0 0.8, its family 0.2 and nobody else anything."""
    system, items = known
    cultures = [f"c{k}" for k in range(6)]

    def results(system, items, silenced=()):
        accuracy = pd.Series(1.0, cultures)
        for unit in silenced:
            culture = f"c{unit[-1]}"
            family = [c for c in cultures if int(c[1]) % 2 == int(culture[1]) % 2]
            accuracy[family] -= 0.2
            accuracy[culture] -= 0.6
        return accuracy

    monkeypatch.setattr("multiunit.papers.culture_neurons_culnig._results", results)
    coords = {"unit_id": ("unit", [f"a/{k}" for k in range(6)]), "label": cultures}
    found = xr.Dataset({"selected": (("unit", "label"), np.eye(6, dtype=bool))}, coords)
    np.testing.assert_allclose(_by_kinship(system, items, found, "selected"), (0.8, 0.2, 0.0), atol=1e-12)


def test_smoke_scale_runs_without_a_verdict(smoke_claim):
    """After 60 steps the customs are not known yet, so the claim cannot hold."""
    result = smoke_claim("culture-neurons-culnig")
    assert result.measured["accuracy"] < 0.9
    assert not result.holds
