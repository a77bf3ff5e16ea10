"""Generation is the model's own without edits, follows them with, and leaves no trace."""

import numpy as np
import torch

from multiunit import open as open_system
from multiunit.core import Ablate, Add, At
from multiunit.interventions import generate
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems import TorchSystem


def test_greedy_text_is_that_of_hugging_face(shared_data):
    system = open_system(shared_data("lm_stories260k"))
    prompt = "Once upon a time"
    found = generate(system, [prompt], n_tokens=20)
    ids = torch.as_tensor(system._sequences(found.assign(stimulus=prompt)).ids[0])[None]
    theirs = system.module.generate(ids, max_new_tokens=20, do_sample=False, pad_token_id=0)[0, ids.shape[1] :]
    assert found["tokens"][0].tolist() == theirs[: len(found["tokens"][0])].tolist()
    units = [f"model.layers.2.mlp.down_proj/{unit}" for unit in range(172)]
    edited = generate(system, [prompt], n_tokens=20, edits=[Ablate(units)])
    assert edited["text"][0] != found["text"][0]
    assert generate(system, [prompt], n_tokens=20)["text"][0] == found["text"][0]


def test_an_edit_acts_at_every_step_and_sampling_is_reproducible():
    net = TinyTransformer(20, max_positions=32, width=16, n_heads=2)
    system = TorchSystem(net)
    prompts = [np.array([1, 2, 3]), np.array([4, 5])]
    state = torch.random.get_rng_state()
    drawn = [generate(system, prompts, n_tokens=6, temperature=1.0, random_state=seed)["tokens"] for seed in (0, 0, 1)]
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(a.tolist() == b.tolist() for a, b in zip(drawn[0], drawn[1], strict=True))
    assert any(a.tolist() != b.tolist() for a, b in zip(drawn[0], drawn[2], strict=True))
    last = system.sites(prompts).query("kind == 'residual'").index[-1]
    direction = net.head.weight[7].detach().numpy() * 1000
    steered = generate(system, prompts, n_tokens=4, edits=[At(Add(last, direction), positions=[-1])])
    assert all(set(tokens.tolist()) == {7} for tokens in steered["tokens"])
