"""Planted units are told apart: of the skill, of the task, of the name, and of one culture."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from multiunit.core import InputError
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.culture_neurons import GENERAL, culture_neurons, needs, skill_score, skill_scores
from multiunit.units.detect import detect
from multiunit.units.question import Question

CULTURES = ["es", "jp", "kr"]


def scores(planted, groups=CULTURES, n_units=40, seed=0):
    """Small noise, and the planted values: unit -> one number, or one for each group."""
    mean = np.random.default_rng(seed).normal(0, 0.01, (n_units, len(groups)))
    for unit, value in planted.items():
        mean[unit] = value
    site = np.array(["mlp"] * 30 + ["q_proj"] * 10, dtype=object)[:n_units]
    coords = {"unit_id": ("unit", [f"{s}/{j}" for j, s in enumerate(site)]), "site": ("unit", site), "group": groups}
    sums = {"n": ("group", np.full(len(groups), 8)), "mean_activity": ("unit", np.arange(float(n_units)))}
    return xr.Dataset({"mean": (("unit", "group"), mean)} | sums, coords)


# Unit 0 knows all cultures, 1 knows the task, 2 the names, 3 one culture alone, 4 one culture best but all well.
GIVEN = {
    "culture": scores({0: 1.0, 1: 1.0, 2: 1.0, 3: [0.0, 0.9, 0.0], 4: [0.55, 0.5, 0.5]}),
    "control": scores({0: 0.0, 1: 1.0, 3: 0.0, 4: 0.0}, seed=1),
    "mention": scores({2: 1.0}, seed=2),
}


def chosen(found, label):
    return np.flatnonzero(found["selected"].sel(label=label).values).tolist()


def test_the_general_unit_is_neither_that_of_the_task_nor_that_of_the_name():
    found = culture_neurons(**GIVEN, top_general=0.05, top_specific=0.05, drop=0.025)
    assert chosen(found, GENERAL) == [0]
    assert found["label"].values.tolist() == [GENERAL, *CULTURES]
    assert not (found["selected"] & found["control"]).any()


def test_without_the_subtractions_both_come_in():
    nothing = {name: GIVEN[name].assign(mean=0 * GIVEN[name]["mean"]) for name in ("control", "mention")}
    found = culture_neurons(culture=GIVEN["culture"], **nothing, top_general=0.075, drop=0.0)
    assert chosen(found, GENERAL) == [0, 1, 2]


def test_a_specific_unit_stands_out_among_the_cultures():
    found = culture_neurons(**GIVEN, top_general=0.05, top_specific=0.1, drop=0.025)
    assert 3 in chosen(found, "jp")
    assert 0 not in chosen(found, "jp")  # strong for all alike, z = 0
    assert 3 not in chosen(found, "es")
    z = found["z"].values
    s = (GIVEN["culture"]["mean"] - GIVEN["control"]["mean"].values).values
    assert (z[:2] == 0).all()
    np.testing.assert_allclose(z[2:], (s[2:] - s[2:].mean(1, keepdims=True)) / s[2:].std(1, keepdims=True))
    assert 4 in chosen(found, "es")
    assert 4 not in chosen(culture_neurons(**GIVEN, top_specific=0.1, drop=0.025, least_z=1.5), "es")


def test_control_items_by_culture_and_in_one_group():
    pooled = scores({1: 1.0}, groups=["all"], seed=1)
    found = culture_neurons(**(GIVEN | {"control": pooled}), top_general=0.05, drop=0.025)
    assert chosen(found, GENERAL) == [0]
    other_order = GIVEN["mention"].isel(group=[2, 0, 1])
    np.testing.assert_array_equal(
        culture_neurons(**(GIVEN | {"mention": other_order}), top_specific=0.1)["selected"],
        culture_neurons(**GIVEN, top_specific=0.1)["selected"],
    )


def test_each_kind_of_site_has_its_own_share():
    culture = scores({0: 1.0, 1: 0.9, 35: 0.1, 36: 0.05})
    nothing = {name: GIVEN[name].assign(mean=0 * GIVEN[name]["mean"]) for name in ("control", "mention")}
    found = culture_neurons(culture=culture, **nothing, top_general={"*[qkv]_proj": 0.1, "*": 1 / 30}, drop=0.0)
    assert chosen(found, GENERAL) == [0, 35]
    with pytest.raises(InputError, match="top_general"):
        culture_neurons(culture=culture, **nothing, top_general={"*[qkv]_proj": 0.1})


def test_scores_over_a_system_equal_a_slow_computation():
    net = TinyTransformer(9, max_positions=5, width=8, n_heads=2, n_layers=2, random_state=0)
    items = pd.DataFrame(
        {
            "stimulus": [np.array([1, 2, 3]), np.array([4, 5, 6, 7, 8]), np.array([2, 2]), np.array([0, 1, 5])],
            "answer": [3, 1, 0, 7],
            "culture": ["kr", "jp", "kr", "jp"],
        }
    )
    site = "layers.0.mlp.down"
    slow = []
    for tokens, answer in zip(items["stimulus"], items["answer"], strict=True):
        kept = []
        handle = net.layers[0].mlp.down.register_forward_pre_hook(lambda _, args, kept=kept: kept.append(args[0]))
        p = net(torch.as_tensor(tokens)[None])[0, -1].softmax(0)[answer]
        handle.remove()
        (slope,) = torch.autograd.grad(p, kept[0])
        slow.append((p * (kept[0] * slope)[0].amax(0)).detach().numpy())
    slow = np.stack(slow)
    found = skill_scores(TorchSystem(net, batch_size=8), items, by="culture", sites=site)
    assert found["group"].values.tolist() == ["jp", "kr"]
    np.testing.assert_allclose(found["mean"], np.stack([slow[[1, 3]].mean(0), slow[[0, 2]].mean(0)], 1), rtol=1e-4)
    clipped = skill_scores(TorchSystem(net), items, sites=site, clip=True)
    np.testing.assert_allclose(clipped["mean"][:, 0], np.maximum(slow, 0).mean(0), rtol=1e-4, atol=1e-9)
    mean = TorchSystem(net).record(list(items["stimulus"]), site).activity.mean(0)
    np.testing.assert_allclose(clipped["mean_activity"], mean, rtol=1e-4, atol=1e-7)


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="culture"):
        culture_neurons(**(GIVEN | {"culture": GIVEN["culture"].isel(group=[0])}))
    with pytest.raises(InputError, match="mention"):
        culture_neurons(**(GIVEN | {"mention": GIVEN["mention"].isel(group=[0, 1])}))
    with pytest.raises(InputError, match="general"):
        culture_neurons(**(GIVEN | {"culture": GIVEN["culture"].assign_coords(group=[GENERAL, "jp", "kr"])}))
    a = torch.ones(2, 3)
    with pytest.raises(InputError, match="gradient"):
        skill_score(a, a[:1], probability=torch.ones(1), sequence=torch.zeros(2, dtype=torch.long))
    with pytest.raises(InputError, match="sequence"):
        skill_score(a, a, probability=torch.ones(2), sequence=torch.zeros(2, dtype=torch.long))
    assert needs(Question(by="culture", labels=("jp", "kr"))) is None
    with pytest.raises(InputError, match="does not concern"):
        detect(culture_neurons, TorchSystem(torch.nn.Linear(1, 1)), stimuli=np.ones((2, 1)), question=Question())
