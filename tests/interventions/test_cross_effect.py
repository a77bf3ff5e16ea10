"""The causal table finds the planted dissociation, and the controls of a set are drawn from where it lies."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.interventions import cross_effect, matched_sets
from multiunit.systems import TorchSystem

TABLE = pd.DataFrame(
    {"site": ["0"] * 8 + ["1"] * 8, "mean": np.tile(np.linspace(0, 1, 8), 2)},
    index=[f"{site}/{unit}" for site in "01" for unit in range(8)],
)


def test_controls_are_disjoint_and_of_the_same_site():
    drawn = matched_sets({"x": ["0/1", "0/2"]}, units=TABLE, n_controls=4, random_state=1)["x"]
    assert len(drawn) == 4
    assert all(len(control) == 2 and not {"0/1", "0/2"} & set(control) for control in drawn)
    assert all(unit.startswith("0/") for control in drawn for unit in control)
    with pytest.raises(InputError, match="units"):
        matched_sets({"x": ["2/0"]}, units=TABLE)


def test_a_planted_double_dissociation():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(4).repeat(2, 1))
        net[0].bias.zero_()
        net[2].weight.zero_()
        net[2].weight[0, 0], net[2].weight[1, 1] = 3.0, 5.0
    system = TorchSystem(net)
    x = torch.rand(20, 4, generator=torch.Generator().manual_seed(0)) + 0.5

    def output(k):
        def task(edits):
            with system.edited(edits) as module, torch.no_grad():
                return module(x)[:, k].numpy()

        return task

    sets = {"left": ["1/0"], "right": ["1/1"]}
    controls = {name: [["1/2"], ["1/3"], ["1/6"]] for name in sets}
    found = cross_effect(sets, {"first": output(0), "second": output(1)}, controls=controls)
    effect = found["effect"].sel(condition="selected").values
    np.testing.assert_allclose(effect, [[-3 * x[:, 0].mean(), 0], [0, -5 * x[:, 1].mean()]], atol=1e-5)
    assert (found["effect"].sel(condition="control") == 0).all()
    assert found["controls_beyond"].values.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert found["high"].sel(set="left", task="first", condition="difference") < 0


@pytest.mark.parametrize(
    ("scores", "words"),
    [(lambda edits: np.zeros(3 + len(edits)), "always"), (lambda edits: np.full(3, np.nan), "finite")],
)
def test_scores_that_cannot_be_compared_are_refused(scores, words):
    with pytest.raises(InputError, match=words):
        cross_effect({"a": ["0/1"]}, {"t": scores}, controls={"a": [["0/2"]]})


def test_a_set_without_controls_is_refused():
    with pytest.raises(InputError, match="matched_sets"):
        cross_effect({"a": ["0/1"]}, {"t": lambda edits: np.zeros(3)}, controls={})
