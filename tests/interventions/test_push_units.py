import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError, SiteError
from multiunit.interventions.push_units import push_units
from multiunit.systems.torch_system import TorchSystem


@pytest.fixture
def system():
    torch.manual_seed(0)
    return TorchSystem(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 4)))


def test_units_of_several_sites_move_by_their_amounts(system):
    x = np.ones((5, 2), np.float32)
    before = system.record(x, ["0", "2"]).activity
    edits = push_units(system, {"2/3": 1.0, "0/0": -2.0}, strength=0.5)
    assert [edit.site for edit in edits] == ["2", "0"]
    after = system.record(x, "0", edits=edits).activity
    assert np.allclose(after - before[:, :3], [[-1.0, 0, 0]])
    only = system.record(x, "2", edits=[edits[0]]).activity
    assert np.allclose(only - before[:, 3:], [[0, 0, 0, 0.5]])


def test_errors(system):
    for amounts in ({}, {"0/1": np.nan}):
        with pytest.raises(InputError, match="amounts"):
            push_units(system, amounts)
    for unit in ("0/3", "9/0"):
        with pytest.raises(SiteError, match="no such unit"):
            push_units(system, {unit: 1.0})
