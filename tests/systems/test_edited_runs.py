"""Edits under all that a run can be: inference mode, ragged, half precision, compiled, generating, failing."""

import numpy as np
import pytest
import torch

from multiunit.core import Ablate, Add, At, InputError, Patch
from multiunit.systems import TorchSystem

transformers = pytest.importorskip("transformers")
SITE, LAST = "model.layers.0.mlp.down_proj", "model.layers.1"
UNITS = [f"{SITE}/3", f"{SITE}/9"]
RAGGED = [np.arange(1, 3), np.arange(1, 8), np.arange(4, 9), np.arange(2, 6)]


@pytest.fixture
def llama():
    sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=40, **sizes)).eval()


def logits(module):
    with torch.no_grad():
        return module(input_ids=torch.tensor([[3, 1, 4, 1, 5]])).logits


@pytest.mark.parametrize("how", ["plain", "inference_mode", "half", "compiled"])
def test_an_edit_acts_and_is_gone(llama, how):
    if how == "half":
        llama.to(torch.bfloat16)
    before = logits(llama)
    system = TorchSystem(torch.compile(llama, backend="eager") if how == "compiled" else llama, batch_size=16)
    edits = [Ablate(UNITS), At(Add(LAST, np.ones(16), 2.0), positions=[-1])]
    with torch.inference_mode(how == "inference_mode"):
        plain = system.record(RAGGED, [SITE, LAST])
        edited = system.record(RAGGED, [SITE, LAST], edits=edits)
        with system.edited(edits) as module:
            assert not torch.equal(logits(module), before)
    assert (edited.select(units=UNITS).activity == 0).all()
    assert (plain.select(units=UNITS).activity != 0).any()
    assert edited.activity.dtype == plain.activity.dtype
    assert torch.equal(logits(llama), before)
    np.testing.assert_array_equal(system.record(RAGGED, [SITE, LAST]).activity, plain.activity)


def test_ragged_batches_are_edited_as_single_sequences_are(llama):
    source = TorchSystem(llama).record([ids[::-1].copy() for ids in RAGGED], SITE)
    edits = [
        At(Patch(UNITS, source), positions=[-1, 0]),
        Ablate([f"{SITE}/5"], to="resample", reference=source, random_state=2),
        Ablate([f"{SITE}/6"], to="mean", reference=source),
    ]
    together = TorchSystem(llama, batch_size=64).record(RAGGED, LAST, edits=edits).activity
    alone = TorchSystem(llama, batch_size=1).record(RAGGED, LAST, edits=edits).activity
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_patching_a_run_into_itself_changes_nothing_and_whole_layers_carry_the_other_run(llama):
    system = TorchSystem(llama)
    other = [ids[::-1].copy() for ids in RAGGED]
    block = [f"model.layers.0/{unit}" for unit in range(16)]
    own, theirs = system.record(RAGGED, "model.layers.0"), system.record(other, "model.layers.0")
    plain = system.record(RAGGED, LAST).activity
    np.testing.assert_array_equal(system.record(RAGGED, LAST, edits=[Patch(block, own)]).activity, plain)
    # All that layer 1 sees is the residual stream: with the other run's, its output is the other run's.
    patched = system.record(RAGGED, LAST, edits=[Patch(block, theirs)]).activity
    np.testing.assert_allclose(patched, system.record(other, LAST).activity, atol=1e-6)


def test_generation_and_errors_leave_no_trace(llama):
    system, before = TorchSystem(llama), logits(llama)
    ids = torch.tensor([[3, 1, 4]])
    settings = dict(max_new_tokens=5, do_sample=False, pad_token_id=0)
    plain = llama.generate(ids, **settings)
    with system.edited([Add(LAST, 50 * llama.lm_head.weight[7].detach().numpy(), 10.0)]) as module:
        assert set(module.generate(ids, **settings)[0, 3:].tolist()) == {7}
    assert torch.equal(llama.generate(ids, **settings), plain)
    with pytest.raises(InputError, match="direction"), system.edited([Add(LAST, np.ones(3))]) as module:
        logits(module)
    assert torch.equal(logits(llama), before)
    stream = system.stream(RAGGED, LAST, edits=[Ablate(UNITS)])
    next(stream)
    stream.close()  # a stream that is left half-way
    assert torch.equal(logits(llama), before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in llama.modules())
