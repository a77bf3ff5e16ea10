import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core import Ablate, Add, Clamp, InputError, Replace, Scale, SiteError
from multiunit.systems import TorchSystem, next_token_loss

transformers = pytest.importorskip("transformers", reason="needs the extra hf")


class Words:
    """A tokenizer of whole words, with a token before every text and one after it."""

    pad_token_id, model_max_length = 0, 16

    def __call__(self, text, *, add_special_tokens=True, verbose=True):
        ids = [3 + len(word) for word in text.split()]
        return {"input_ids": [1, *ids, 2] if add_special_tokens else ids}


@pytest.fixture
def llama():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, vocab_size=64,
        num_key_value_heads=2, max_position_embeddings=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return [rng.integers(3, 64, size=n) for n in (5, 3, 9, 5, 1)]


def cnn(inplace=False):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=inplace), nn.Flatten(), nn.Linear(6 * 36, 4))


def test_logits_are_equal_bit_for_bit_with_and_without_hooks(llama):
    ids = torch.randint(3, 64, (4, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = llama(input_ids=ids).logits
    system = TorchSystem(llama)
    seen = []
    handle = llama.register_forward_hook(lambda _, __, output: seen.append(output.logits))
    list(system.stream(list(ids), "*", stop_early=False))
    handle.remove()
    with torch.no_grad():
        after = llama(input_ids=ids).logits
    assert torch.equal(seen[-1], before)
    assert torch.equal(after, before)


def test_no_hook_is_left_behind(llama, sequences):
    system = TorchSystem(llama)
    stream = system.stream(sequences, "*")
    next(stream)
    stream.close()
    with pytest.raises(ZeroDivisionError), system.edited([Scale(["model.layers.0.mlp.down_proj/0"], gain=3.0)]):
        1 / 0  # noqa: B018
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in llama.modules())


def test_padding_is_never_counted_and_changes_nothing(llama, sequences):
    system = TorchSystem(llama, batch_size=1000)
    together = system.record(sequences, "*.down_proj")
    assert len(together.presentations) == sum(map(len, sequences))
    row = 0
    for number, ids in enumerate(sequences):
        alone = system.record([ids], "*.down_proj").activity
        block = slice(row, row + len(ids))
        np.testing.assert_allclose(together.activity[block], alone, atol=2e-6)
        table = together.presentations.iloc[block]
        assert (table["sequence_id"] == number).all()
        assert (table["token_id"] == ids).all()
        assert (table["position"] == np.arange(len(ids))).all()
        row += len(ids)


def test_special_tokens_run_but_are_no_presentations(llama):
    system = TorchSystem(llama, tokenizer=Words())
    recording = system.record(["a bb ccc", "dd"], "model.layers.0")
    assert recording.presentations["token_id"].tolist() == [4, 5, 6, 5]
    assert recording.presentations["position"].tolist() == [1, 2, 3, 1]
    with_them = system.record([np.array([1, 4, 5, 6, 2])], "model.layers.0").activity
    np.testing.assert_allclose(recording.activity[:3], with_them[1:4], atol=1e-6)


def test_long_texts_are_cut_into_windows(llama):
    system = TorchSystem(llama, tokenizer=Words())
    table = system.tokens(["a " * 30])
    assert len(table) == 30
    assert table.groupby("sequence_id").size().tolist() == [14, 14, 2]
    assert table["position"].max() == 14


def test_stream_is_sorted_by_length_and_resumes(llama, sequences):
    system = TorchSystem(llama, batch_size=10)
    whole = list(system.stream(sequences, "*.down_proj"))
    assert whole[0].presentations["sequence_id"].iloc[0] == 4
    rest = list(system.stream(sequences, "*.down_proj", first_batch=1))
    assert len(rest) == len(whole) - 1
    for a, b in zip(whole[1:], rest, strict=True):
        pd.testing.assert_frame_equal(a.presentations, b.presentations)
        assert all(torch.equal(a.activity[name], b.activity[name]) for name in a.activity)


def test_the_pass_stops_after_the_deepest_site(llama, sequences):
    ran = []
    llama.model.layers[2].register_forward_hook(lambda *_: ran.append(2))
    llama.lm_head.register_forward_hook(lambda *_: ran.append("head"))
    system = TorchSystem(llama)
    system.sites(sequences)
    ran.clear()
    list(system.stream(sequences, "model.layers.1.*"))
    assert ran == []
    list(system.stream(sequences, "model.layers.1.*", stop_early=False))
    assert "head" in ran


def test_activity_is_taken_by_reference_and_survives_writing_over():
    images = torch.rand(3, 3, 8, 8)
    plain, inplace = cnn(), cnn(inplace=True)
    a, b = TorchSystem(plain).record(images, "0"), TorchSystem(inplace).record(images, "0")
    np.testing.assert_array_equal(a.activity, b.activity)
    assert a.activity.min() < 0
    expected = plain[0](images).mean((2, 3)).detach().numpy()
    np.testing.assert_allclose(a.activity, expected, atol=1e-6)


def test_pool_makes_one_presentation_of_a_sequence(llama, sequences):
    tokens = TorchSystem(llama).record(sequences, "model.layers.2")
    by_sequence = pd.DataFrame(tokens.activity).groupby(tokens.presentations["sequence_id"].to_numpy())
    for pool, expected in (("mean", by_sequence.mean()), ("max", by_sequence.max()), ("last", by_sequence.last())):
        pooled = TorchSystem(llama, pool=pool).record(sequences, "model.layers.2")
        np.testing.assert_allclose(pooled.activity, expected.to_numpy(), atol=5e-6)
        assert pooled.presentations["sequence_id"].tolist() == [0, 1, 2, 3, 4]


def test_edits_reach_units_channels_and_residuals(llama, sequences):
    system = TorchSystem(llama)
    unit = "model.layers.1.mlp.down_proj/7"
    recording = system.record(sequences, "model.layers.1.mlp.down_proj", edits=[Ablate([unit])])
    assert (recording.activity[:, 7] == 0).all()
    assert (recording.activity[:, 8] != 0).any()
    direction = np.zeros(32)
    direction[4] = 1
    plain = system.record(sequences, "model.layers.0").activity
    added = system.record(sequences, "model.layers.0", edits=[Add("model.layers.0", direction, 4.0)]).activity
    np.testing.assert_allclose(added - plain, np.tile(4 * direction, (len(plain), 1)), atol=1e-5)
    images = torch.rand(2, 3, 8, 8)
    clamped = TorchSystem(cnn()).record(images, "0", edits=[Clamp(["0/2"], to=5.0)]).activity
    assert (clamped[:, 2] == 5).all()
    assert (clamped[:, 1] != 5).all()


def test_edits_nest_and_leave_nothing(llama):
    ids = torch.tensor([[3, 4, 5]])
    system = TorchSystem(llama)
    site = "model.layers.0.mlp.down_proj"
    with torch.no_grad():
        before = llama(ids).logits
        with system.edited([Scale([f"{site}/0"], gain=2.0)]):
            with system.edited([Replace(site, lambda x: x * 0)]) as module:
                inner = module(ids).logits
            outer = llama(ids).logits
        after = llama(ids).logits
    assert not torch.equal(inner, outer)
    assert not torch.equal(outer, before)
    assert torch.equal(after, before)


def test_edits_act_in_generation_and_on_one_call_of_a_shared_layer():
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, embedding_size=16)
    albert = transformers.AlbertModel(transformers.AlbertConfig(vocab_size=64, **sizes)).eval()
    ids = [np.array([3, 4, 5])]
    system = TorchSystem(albert)
    names = [name for name in system.sites(ids).index if "ffn_output" in name]
    edited = system.record(ids, names, edits=[Ablate([f"{names[1]}/0"])]).activity
    assert (edited[:, 48] == 0).all()
    assert (edited[:, 0] != 0).all()
    assert (edited[:, 96] != 0).all()


def test_next_token_loss_is_the_models_own(llama, sequences):
    losses = next_token_loss(TorchSystem(llama), sequences)
    for row, ids in enumerate(sequences[:4]):
        tokens = torch.as_tensor(ids)[None]
        expected = float(llama(input_ids=tokens, labels=tokens).loss.detach())
        assert losses["loss"][row] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(losses["loss"][4])
    assert losses["n_tokens"].tolist() == [4, 2, 8, 4, 0]
    worse = next_token_loss(TorchSystem(llama), sequences, edits=[Replace("model.layers.0", lambda x: x * 0)])
    assert (worse["loss"][:4] != losses["loss"][:4]).all()


def test_modes_and_dtypes(llama, sequences):
    llama.train()
    llama.model.layers[1].eval()
    TorchSystem(llama.to(torch.bfloat16)).record(sequences, "*.down_proj")
    assert llama.training
    assert llama.model.layers[0].training
    assert not llama.model.layers[1].training
    recording = TorchSystem(llama).record(sequences, "*.down_proj")
    assert recording.activity.dtype == np.float32


def test_a_compiled_module_is_run_plain(llama, sequences):
    compiled = torch.compile(llama, backend="eager")
    a, b = TorchSystem(compiled).record(sequences, "*.down_proj"), TorchSystem(llama).record(sequences, "*.down_proj")
    np.testing.assert_array_equal(a.activity, b.activity)


def test_what_cannot_be_done_is_said(llama, sequences):
    with pytest.raises(SiteError, match=r"sites='nothing\*': matches none of"):
        TorchSystem(llama).record(sequences, "nothing*")
    with pytest.raises(InputError, match="give the system a tokenizer"):
        TorchSystem(llama).record(["a text"], "*")
    with pytest.raises(InputError, match="at least one stimulus"):
        TorchSystem(llama).record([], "*")
    with pytest.raises(InputError, match="cannot take them"):
        TorchSystem(cnn()).record(np.zeros((2, 5, 5), dtype=np.float32), "*")
    with pytest.raises(SiteError, match="no such site"), TorchSystem(llama).edited([Ablate(["nowhere/0"])]):
        pass
    with pytest.raises(InputError, match="must be a torch"):
        TorchSystem("a string")  # type: ignore[arg-type]
    with pytest.raises(SiteError, match="no such attention head"):
        TorchSystem(llama).head_units("model.layers.0.self_attn.o_proj", head=9)


def test_head_units_are_the_heads_columns(llama):
    units = TorchSystem(llama).head_units("model.layers.0.self_attn.o_proj", head=2)
    assert units == [f"model.layers.0.self_attn.o_proj/{i}" for i in range(16, 24)]


def test_an_activation_before_any_layer_is_taken_for_images():
    images = np.random.default_rng(0).normal(size=(5, 3, 2, 2)).astype(np.float32)
    net = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1))
    found = TorchSystem(net).record(images, "0")
    np.testing.assert_allclose(found.activity, np.maximum(images, 0).mean(axis=(2, 3)), atol=1e-6)
