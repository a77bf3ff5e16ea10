import numpy as np
import torch

from multiunit.core.edit import Ablate
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.recall_vs_reasoning import _of, _task
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.recall_and_comparison import recall_and_comparison


def test_scores_are_the_probabilities_of_the_right_answers():
    prompts = recall_and_comparison(n_entities=5, n_attributes=1, n_values=3)
    net = TinyTransformer(13, max_positions=6, width=8, n_heads=2, n_layers=1, random_state=1)
    some = _of(prompts, "train", "recall")
    assert set(some["task"]) == {"recall"}
    task = _task(TorchSystem(net), some)
    with torch.no_grad():
        p = net(torch.as_tensor(np.stack(list(some["stimulus"]))))[:, -1].softmax(1).numpy()
    assert np.allclose(task([]), p[np.arange(len(some)), some["answer"]], atol=1e-6)
    assert not np.allclose(task([Ablate(["layers.0.mlp.down/0"], to=50.0)]), task([]))


def test_smoke_scale_knows_no_facts_and_does_not_hold(smoke_claim):
    result = smoke_claim("recall-vs-reasoning")
    assert result.measured["recall"] < 0.6
    assert not result.holds
    assert result.control["permuted_95"] >= result.control["permuted_score"]
