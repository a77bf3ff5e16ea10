"""Identity networks against torch's own recurrent layer."""

import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.networks.identity_rnn import IdentityRNN


def test_it_is_torchs_rectified_layer():
    net = IdentityRNN(3, 7, n_out=4, random_state=2)
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.4)
    layer = nn.RNN(3, 7, nonlinearity="relu")
    layer.load_state_dict(
        {
            "weight_ih_l0": net.inward.weight,
            "weight_hh_l0": net.recurrent.weight,
            "bias_ih_l0": net.inward.bias,
            "bias_hh_l0": torch.zeros(7),
        }
    )
    x = torch.randn(6, 5, 3)
    found = net(x)
    torch.testing.assert_close(found.activity, layer(x)[0])
    torch.testing.assert_close(found.logits, net.readout(found.activity))


def test_it_starts_by_adding_up_what_is_positive():
    net = IdentityRNN(2, 50)
    x = torch.rand(9, 3, 2)
    driven = (x.cumsum(0) @ net.inward.weight.T).relu()
    alike = (net.inward.weight > 0).all(1)
    assert 5 < int(alike.sum()) < 25
    torch.testing.assert_close(net(x).activity[:, :, alike], driven[:, :, alike])
    assert not (net.inward.weight.abs() > 0.006).any()


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="n_hidden"):
        IdentityRNN(2, 0)
    for x in (torch.zeros(3, 2), torch.zeros(3, 2, 5), torch.zeros(0, 2, 2)):
        with pytest.raises(InputError, match="x="):
            IdentityRNN(2, 4)(x)
