"""Patching of random transformers: laws that hold whatever the weights, and a second way to compute the same."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from multiunit.core.errors import SiteError
from multiunit.interventions.activation_patching import activation_patching
from multiunit.interventions.attribution_patching import attribution_patching
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.edge_attribution import edge_attribution
from multiunit.interventions.force_attention import ForceAttention
from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.interventions.objective_values import Divergence, objective_values
from multiunit.interventions.path_patching import path_patching
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem

transformers = pytest.importorskip("transformers")


def tiny():
    net = TinyTransformer(20, max_positions=16, width=16, n_heads=4, n_layers=2, mlp_width=24)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "norm" not in name:
                parameter.mul_(15)
    return net.double()


def llama():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    return transformers.LlamaForCausalLM(config).double()


def gpt2():
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=20, n_embd=16, n_layer=2, n_head=4, n_positions=32, initializer_range=0.3
    )
    return transformers.GPT2LMHeadModel(config).double()


def neox():
    """Attention and MLP side by side, both from the block's input."""
    torch.manual_seed(0)
    config = transformers.GPTNeoXConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        initializer_range=0.3,
        use_parallel_residual=True,
    )
    return transformers.GPTNeoXForCausalLM(config).double()


MODELS = [tiny, llama, gpt2, neox]


@pytest.fixture(scope="module")
def fork():
    """Whoever builds a model draws from torch's global generator."""
    with torch.random.fork_rng():
        yield


@pytest.fixture(scope="module", params=MODELS, ids=[m.__name__ for m in MODELS])
def system(request, fork):
    return TorchSystem(request.param(), batch_size=40)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(7):
        clean = rng.integers(1, 20, size=rng.integers(4, 12))
        corrupted = clean.copy()
        corrupted[1] = (corrupted[1] + 5) % 20
        rows.append({"clean": clean, "corrupted": corrupted, "answer": 3, "foil": 4})
    return pd.DataFrame(rows)


def test_edges_of_a_sender_add_up_to_its_attribution(system, pairs):
    """The chain rule: all ways out of a component together are its whole gradient."""
    for n_steps in (1, 3):
        edges = edge_attribution(system, pairs, objective=LogitDifference(), n_steps=n_steps)["effect"]
        nodes = attribution_patching(system, pairs, objective=LogitDifference(), n_steps=n_steps)["effect"]
        total = edges.sum("receiver").sel(sender=nodes["component"].values)
        np.testing.assert_allclose(total, nodes.sel(position="all"), atol=1e-7)
    assert np.abs(nodes).max() > 1e-3


def test_many_steps_from_the_embedding_give_the_whole_difference(system, pairs):
    """Completeness of integrated gradients, at the embedding: what it sends to all its readers is all there is."""
    errors = []
    for n_steps in (4, 40):
        edges = edge_attribution(system, pairs[:3], objective=LogitDifference(), n_steps=n_steps)["effect"]
        errors.append(abs(float(edges.sel(sender="embedding").sum()) - 1))
    assert errors[1] < 0.4 * errors[0] + 1e-3
    assert errors[1] < 0.1


def test_attribution_is_what_patching_becomes_for_small_differences(system, pairs):
    """Prompts whose tokens hardly differ: the first order is all there is."""
    embedding = system.module.get_submodule(str(with_inner_sites(system, pairs["clean"]).table.index[0]))
    before = embedding.weight.detach().clone()
    low = [prompt % 10 for prompt in pairs["clean"]]
    near = pairs.assign(clean=low, corrupted=[prompt + 10 for prompt in low])
    try:
        with torch.no_grad():
            noise = torch.as_tensor(np.random.default_rng(0).normal(size=(10, before.shape[1])))
            embedding.weight[10:] = before[:10] + 1e-4 * noise
        patched = activation_patching(system, near, objective=LogitDifference(), direction="noise")["effect"]
        first = attribution_patching(system, near, objective=LogitDifference())["effect"]
    finally:
        with torch.no_grad():
            embedding.weight.copy_(before)
    assert np.abs(patched).max() > 1e-2
    np.testing.assert_allclose(first, patched, atol=1e-2 * float(np.abs(patched).max()))


def test_path_patching_the_last_layer_is_activation_patching(system, pairs):
    """Heads of the last layer reach the output directly and through its MLP alone, which is not frozen."""
    direct = path_patching(system, pairs, objective=LogitDifference())["effect"].sel(receiver="output")
    whole = activation_patching(system, pairs, objective=LogitDifference(), direction="noise")["effect"][:, 0]
    last = [f"head 1.{head}" for head in range(4)]
    np.testing.assert_allclose(direct.sel(sender=last), whole.sel(component=last), atol=1e-9)
    assert np.abs(direct.sel(sender=["head 0.0", "head 0.1"]).values).max() > 1e-4


def manual(net, tokens, *, z=None, heads=None, unfrozen=()):
    """One prompt through a TinyTransformer by plain algebra: logits at the end, and each layer's heads before they are
    replaced by `z`; at layers in `unfrozen` they are not."""
    x = net.token_embedding(tokens) + net.position_embedding(torch.arange(len(tokens)))
    seen = []
    for number, layer in enumerate(net.layers):
        read = layer.attention_norm(x)
        q, k, v = (
            getattr(layer.attention, part)(read).unflatten(-1, (4, -1)).transpose(0, 1)
            for part in ("query", "key", "value")
        )
        own = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        seen.append(own)
        if z is not None and number not in unfrozen:
            own = z[number]
        x = x + layer.attention.output(own)
        x = x + layer.mlp(layer.mlp_norm(x))
    return net.head(net.norm(x))[-1], seen


def test_path_patching_against_plain_algebra(pairs, fork):
    net = tiny().eval()
    system = TorchSystem(net, batch_size=40)
    heads = heads_and_mlps(system, pairs["clean"], mlps=False)["units"].to_dict()
    to = {"head 1.2": heads["head 1.2"]}
    found = path_patching(system, pairs, objective=LogitDifference(), senders={"s": heads["head 0.1"]}, receivers=to)
    expected = []
    with torch.no_grad():
        for clean, corrupted in zip(pairs["clean"], pairs["corrupted"], strict=True):
            _, one = manual(net, torch.as_tensor(clean))
            _, other = manual(net, torch.as_tensor(corrupted))
            sent = [part.clone() for part in one]
            sent[0][:, 4:8] = other[0][:, 4:8]
            _, heard = manual(net, torch.as_tensor(clean), z=sent)
            told = [part.clone() for part in one]
            told[1][:, 8:12] = heard[1][:, 8:12]
            logits, _ = manual(net, torch.as_tensor(clean), z=told)
            expected.append(float(logits[3] - logits[4]))
    np.testing.assert_allclose(found["patched"].values[0, 0], expected, atol=1e-9)
    assert np.abs(found["patched"].values[0, 0] - found["clean"].values).max() > 1e-3


def test_nothing_is_left_behind(system, pairs):
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in system.module.modules()]
    assert sum(hooks) == 0
    sites = list(system.sites().index)
    with_inner_sites(system, pairs["clean"])
    assert list(system.sites().index) == sites


def test_projections_are_found_where_they_are_modules(fork, pairs):
    inner = with_inner_sites(TorchSystem(llama()), pairs["clean"])
    assert inner.table["kind"].value_counts().to_dict() == {
        "attention-read": 2, "query": 2, "key": 2, "value": 2, "mlp-read": 2, "embedding": 1,
    }  # fmt: skip
    site = "model.layers.1.self_attn.o_proj"
    # Heads 2 and 3 share the second of two groups.
    assert inner.head_units(site, head=3, part="key") == inner.head_units(site, head=2, part="key")
    assert inner.head_units(site, head=3, part="key")[0].endswith("k_proj/4")
    assert inner.head_units(site, head=3, part="query")[0].endswith("q_proj/12")
    fused = with_inner_sites(TorchSystem(gpt2()), pairs["clean"])
    with pytest.raises(SiteError, match="part"):
        fused.head_units("transformer.h.0.attn.c_proj", head=0, part="query")


def test_a_post_norm_model_is_refused(fork):
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24
    )
    with pytest.raises(SiteError, match="without a norm"):
        with_inner_sites(TorchSystem(transformers.BertModel(config)), [[1, 2, 3]])


def test_forced_attention_is_the_average_of_values(fork, pairs):
    net = llama()
    inner = with_inner_sites(TorchSystem(net), pairs["clean"])
    site = "model.layers.0.self_attn.o_proj"
    tokens = [[1, 2, 3, 4], [4, 3, 2, 1, 5]]
    edit = ForceAttention(inner, site, head=3, keys={0: [0, 1], 1: [0, 2]}, weight=0.5)
    sites = [site, "model.layers.0.self_attn.v_proj"]
    before, after = inner.system.record(tokens, sites), inner.system.record(tokens, sites, edits=[edit])
    moved = np.abs(after.activity - before.activity).max(axis=1) > 0
    assert np.flatnonzero(moved).tolist() == [3, 8]
    head = before.units.index.get_indexer([f"{site}/{unit}" for unit in range(12, 16)])
    value = before.units.index.get_indexer(inner.head_units(site, head=3, part="value"))
    expected = 0.5 * before.activity[8, head] + 0.25 * (before.activity[4, value] + before.activity[6, value])
    np.testing.assert_allclose(after.activity[8, head], expected, atol=1e-9)


def test_divergence_from_itself_is_nothing(system, pairs):
    clean, corrupted = list(pairs["clean"]), list(pairs["corrupted"])
    measure = Divergence.of(system, clean)
    np.testing.assert_allclose(objective_values(system, clean, objective=measure), 0, atol=1e-6)
    assert objective_values(system, corrupted, objective=measure).min() > 0
