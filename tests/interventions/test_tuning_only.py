"""Only the chosen entries train, with momentum and weight decay, and afterwards everything trains again."""

import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.interventions import ParameterSet, tuning_only


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.SGD])
def test_the_rest_stays_bit_identical(make):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    more = {"momentum": 0.9} if make is torch.optim.SGD else {}
    optimizer = make(net.parameters(), lr=0.05, weight_decay=0.3, **more)

    def step():
        optimizer.zero_grad()
        net(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()

    step()  # momentum of every weight, which must not act inside the block
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    mask = torch.zeros(6, 4, dtype=torch.bool)
    mask[2] = True
    with tuning_only(net, ParameterSet({"0.weight": mask}), optimizer=optimizer):
        for _ in range(3):
            step()
    for name, parameter in net.named_parameters():
        changed = parameter != before[name]
        assert torch.equal(changed, mask if name == "0.weight" else torch.zeros_like(changed)), name
    step()
    assert all((p != before[name]).any() for name, p in net.named_parameters())


def test_an_optimizer_of_other_parameters_is_refused():
    net, other = nn.Linear(2, 2), nn.Linear(2, 2)
    chosen = ParameterSet({"weight": torch.ones(2, 2, dtype=torch.bool)})
    with (
        pytest.raises(InputError, match="trains none"),
        tuning_only(net, chosen, optimizer=torch.optim.SGD(other.parameters(), lr=1.0)),
    ):
        pass
