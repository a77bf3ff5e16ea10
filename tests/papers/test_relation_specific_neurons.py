import numpy as np
import torch

from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.relation_specific_neurons import _accuracy, _drops, _split
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.synthetic_facts import n_tokens, synthetic_facts


def test_own_and_other_drops():
    assert _split(np.array([[0.5, 0.1], [0.3, 0.7]])) == (0.6, 0.2)


def test_accuracy_counts_right_answers_and_silencing_is_undone():
    facts = synthetic_facts(n_relations=2, n_subjects=4, n_templates=1)
    net = TinyTransformer(n_tokens(facts), max_positions=4, width=8, n_heads=2)
    system = TorchSystem(net)
    with torch.no_grad():
        answers = net(torch.as_tensor(np.stack(list(facts["stimulus"]))))[:, -1].argmax(1).numpy()
    right = facts.assign(answer=answers)
    intact = _accuracy(system, right)
    assert intact.tolist() == [1.0, 1.0]
    chosen = np.ones((64, 1), dtype=bool)
    units = np.array([f"layers.{k}.mlp.down/{i}" for k in range(2) for i in range(32)], dtype=object)
    assert (_drops(system, right, units, chosen, intact) >= 0).all()
    assert _accuracy(system, right).tolist() == [1.0, 1.0]


def test_smoke_scale_runs_without_a_verdict(smoke_claim):
    """After 80 steps the facts are not known yet, so the claim cannot hold."""
    result = smoke_claim("relation-specific-neurons")
    assert result.measured["accuracy"] < 0.9
    assert not result.holds
