import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks import TinyViT
from multiunit.systems import TorchSystem
from multiunit.units.second_order_lens import (
    CLIP_VISION,
    rank_one,
    second_order_effects,
    second_order_lens,
    sparse_texts,
)


@pytest.fixture(scope="module")
def seen():
    net = TinyViT(image_size=6, patch_size=2, n_channels=1, width=12, n_heads=3, n_layers=3, random_state=0)
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    images = np.random.default_rng(0).normal(size=(9, 1, 6, 6)).astype(np.float32)
    return TorchSystem(net, batch_size=4), images


def attended(net, block, x, extra):
    """Attention of a block at the class token when `extra` is added behind frozen patterns and a frozen norm."""
    attention, norm = block.attention, block.attention_norm
    scale = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    normed = norm(x)
    query, key = attention.query(normed), attention.key(normed)
    moved = (extra - extra.mean(-1, keepdim=True)) / scale * norm.weight
    value = moved @ attention.value.weight.T
    out = torch.zeros(len(x), x.shape[-1])
    width = x.shape[-1] // attention.n_heads
    for head in range(attention.n_heads):
        own = slice(head * width, (head + 1) * width)
        logits = query[:, :1, own] @ key[:, :, own].transpose(1, 2) / width**0.5
        out += ((logits.softmax(-1) @ value[..., own])[:, 0]) @ attention.output.weight[:, own].T
    return out


def test_effects_are_those_of_the_frozen_network(seen):
    """An independent, step-by-step account of one neuron, and of the whole layer."""
    system, images = seen
    net = system.module.eval()
    layer = 0
    with torch.no_grad():
        patches = net.patch_embedding(torch.as_tensor(images)).flatten(2).transpose(1, 2)
        x = torch.cat([net.class_token.expand(9, -1, -1), patches], dim=1) + net.position_embedding
        inputs, hidden = [], []
        for block in net.layers:
            inputs.append(x)
            middle = x + block.attention(block.attention_norm(x), causal=False)
            hidden.append(block.mlp.activation(block.mlp.up(block.mlp_norm(middle))))
            x = middle + block.mlp.down(hidden[-1])
        last = x[:, 0]
        scale = (last.var(-1, unbiased=False, keepdim=True) + net.norm.eps).sqrt()

        def out(stream):
            return ((stream - stream.mean(-1, keepdim=True)) / scale * net.norm.weight) @ net.head.weight.T

        def expected(said):
            return sum(out(attended(net, net.layers[b], inputs[b], said)) for b in (1, 2))

        one = hidden[layer][..., 5, None] * net.layers[layer].mlp.down.weight[:, 5]
        every = hidden[layer] @ net.layers[layer].mlp.down.weight.T
        effects = list(second_order_effects(system, images, layer=layer))
        second = torch.cat([batch.second_order for batch in effects])
        torch.testing.assert_close(second[:, 5], expected(one), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(second.sum(1), expected(every), rtol=1e-4, atol=1e-5)
        direct = torch.cat([batch.direct for batch in effects])
        torch.testing.assert_close(direct[:, 5], out(one[:, 0]), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            torch.cat([b.output for b in effects]) + net.head.bias, net(torch.as_tensor(images)), rtol=1e-4, atol=1e-4
        )
    assert np.concatenate([batch.rows for batch in effects]).tolist() == list(range(9))
    few = next(second_order_effects(system, images, layer=layer, units=[7, 5])).second_order
    torch.testing.assert_close(few, second[:4, [7, 5]])


def test_no_later_layer_no_effect_and_no_trace(seen):
    system, images = seen
    batch = next(second_order_effects(system, images, layer=2))
    assert not batch.second_order.any()
    assert batch.direct.abs().sum() > 0
    for part in system.module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks


def test_borrowed_attention_changes_the_effects_alone(seen):
    system, images = seen
    same, other = (
        torch.cat([b.second_order for b in second_order_effects(system, images, layer=0, attention_of=rows)])
        for rows in (np.arange(9), np.roll(np.arange(9), 1))
    )
    own = list(second_order_effects(system, images, layer=0))
    torch.testing.assert_close(same, torch.cat([b.second_order for b in own]))
    assert (other - same).abs().max() > 1e-3


def test_the_summary_does_not_depend_on_batches_and_blocks(seen):
    system, images = seen
    whole = second_order_lens(TorchSystem(system.module), images, layer=0, n_top=5)
    parts = second_order_lens(TorchSystem(system.module, batch_size=2), images, layer=0, n_top=5, unit_block=7)
    np.testing.assert_allclose(whole["direction"], parts["direction"], atol=1e-5)
    np.testing.assert_allclose(whole["explained"], parts["explained"], atol=1e-6)
    assert (whole["image"].values == parts["image"].values).all()
    assert whole["unit_id"].values[3] == "layers.0.mlp.down/3"
    phi = torch.cat([b.second_order for b in second_order_effects(system, images, layer=0)]).double().numpy()
    centred = (phi - phi.mean(0))[:, 3]
    best = np.argsort(-np.linalg.norm(centred, axis=1))[:5]
    assert whole["image"].values[3].tolist() == best.tolist()
    direction = np.linalg.svd(centred[best])[2][0]
    assert abs(direction @ whole["direction"].values[3]) == pytest.approx(1.0, abs=1e-5)
    assert (centred[best] @ whole["direction"].values[3] > 0).mean() >= 0.5
    assert whole["norm"].values[3] == pytest.approx(np.sqrt((centred**2).sum(1).mean()), rel=1e-4)


def test_a_planted_direction_is_found_and_named():
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(40, 12))
    centred = texts - texts.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    planted = 2 * centred[3] - centred[17]
    strength = rng.gamma(1.0, size=(1, 30, 1))
    direction, share = rank_one(strength * planted + 0.01 * rng.normal(size=(1, 30, 12)))
    assert share[0] > 0.99
    weights, cosine = sparse_texts(direction, texts, n_components=2)
    assert set(np.flatnonzero(weights[0])) == {3, 17}
    assert weights[0, 3] > 0 > weights[0, 17]
    assert cosine[0] > 0.999
    assert sparse_texts(direction, rng.normal(size=(40, 12)), n_components=2)[1][0] < 0.95
    flat, none = rank_one(np.zeros((1, 3, 4)))
    assert not flat.any()
    assert none[0] == 0
    assert sparse_texts(np.zeros((1, 12)), texts, n_components=2)[1][0] == 0
    assert rank_one(rng.normal(size=(1, 200, 12)))[1][0] < 0.25


def test_clip_of_hugging_face():
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        projection_dim=6,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=8,
        patch_size=4,
    )
    torch.manual_seed(0)
    system = TorchSystem(transformers.CLIPVisionModelWithProjection(config).eval())
    images = np.random.default_rng(0).normal(size=(5, 3, 8, 8)).astype(np.float32)
    batch = next(second_order_effects(system, images, layer=0, layout=CLIP_VISION))
    assert batch.second_order.shape == (5, 24, 6)
    with torch.no_grad():
        expected = system.module(torch.as_tensor(images)).image_embeds
    torch.testing.assert_close(batch.output, expected, rtol=1e-4, atol=1e-5)


def test_what_is_refused(seen):
    system, images = seen
    with pytest.raises(InputError, match="layer=3"):
        second_order_lens(system, images, layer=3)
    with pytest.raises(InputError, match="layout"):
        second_order_lens(system, images, layer=0, layout=CLIP_VISION)
    with pytest.raises(InputError, match="n_top"):
        second_order_lens(system, images[:1], layer=0)
    with pytest.raises(InputError, match="attention_of"):
        next(second_order_effects(system, images, layer=0, attention_of=np.arange(3)))
    with pytest.raises(InputError, match="effects"):
        rank_one(np.zeros((2, 3)))
    with pytest.raises(InputError, match="texts"):
        sparse_texts(np.ones((1, 3)), np.ones((2, 4)))
    with pytest.raises(InputError, match="n_components"):
        sparse_texts(np.ones((1, 3)), np.ones((2, 3)), n_components=0)
