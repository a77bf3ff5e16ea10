"""The weights of a unit are found in every kind of layer, and scaling them leaves no trace."""

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import Ablate, InputError, SiteError
from multiunit.interventions import ParameterSet, parameters_of_units, scaled_parameters
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems import TorchSystem


def llama():
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2
    )
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config)


def gpt2():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2))


def tiny():
    return TinyTransformer(50, max_positions=8, width=16, n_heads=2)


@pytest.mark.parametrize("make", [llama, gpt2, tiny])
def test_scaling_the_weights_out_of_a_neuron_is_ablating_it(make):
    net = make().eval()
    system = TorchSystem(net)
    sites = system.sites()
    site = sites.index[sites["kind"] == "mlp-neuron"][1]
    units = [f"{site}/3", f"{site}/7"]
    tokens = [np.arange(1, 7)]
    last = sites.index[sites["kind"] == "residual"][-1]
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    ablated = system.record(tokens, last, edits=[Ablate(units)]).activity
    plain = system.record(tokens, last).activity
    out = parameters_of_units(system, units, incoming=False)
    with scaled_parameters(net, out):
        np.testing.assert_allclose(system.record(tokens, last).activity, ablated, atol=1e-6)
    assert np.abs(ablated - plain).max() > 1e-4
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())
    # With no way in, a neuron is at the activation of zero: 0 for GELU and gated SiLU.
    into = parameters_of_units(system, units, outgoing=False)
    with scaled_parameters(net, into):
        assert np.abs(system.record(tokens, site).activity[:, [3, 7]]).max() < 1e-6


def test_what_happens_inside_is_undone_after_an_error():
    net = nn.Linear(3, 2)
    before = net.weight.detach().clone()
    chosen = ParameterSet({"weight": torch.rand(2, 3) > 0.5})
    with pytest.raises(RuntimeError, match="on purpose"), scaled_parameters(net, chosen, gain=0.3):
        raise RuntimeError("on purpose")
    assert torch.equal(net.weight, before)


def test_sets_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="does not fit"):
        ParameterSet({"weight": torch.ones(2, 2, dtype=torch.bool)}).parameters(nn.Linear(3, 2))
    with pytest.raises(InputError, match="bool"):
        ParameterSet({"weight": torch.ones(2)})
    system = TorchSystem(tiny())
    head = next(name for name, row in system.sites().iterrows() if row["kind"] == "attention-head")
    with pytest.raises(SiteError, match="no weights of their own"):
        parameters_of_units(system, [f"{head}/0"])
