import numpy as np
import torch

from multiunit.learning.orthogonal_projection import OrthogonalProjection
from multiunit.learning.reference_subspaces import PrincipalSubspace
from multiunit.networks.spiking_perceptron import SpikingPerceptron
from multiunit.papers.hebbian_orthogonal_projection import ROWS, SIZES, train_epochs


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("hebbian-orthogonal-projection")
    assert 0.1 < result.measured["accuracy"] <= 1
    assert 0.2 < result.measured["subspace_agreement"] <= 1 + 1e-6


def test_a_guarded_network_keeps_its_answers_to_the_first_task():
    """Two tasks on inputs of few directions: with their true subspaces hardly any logit of the first task moves."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(SIZES[0], 20)))[0].T
    # The second task's inputs hold those of the first, under other labels, beside something new.
    inputs = basis[:10], (basis[:10] + basis[10:]) / np.sqrt(2)
    tasks = []
    for number, given in enumerate(inputs):
        which = rng.integers(10, size=640)
        labels = torch.as_tensor((which + 3 * number) % 10)
        tasks.append((torch.tensor(14 * given[which], dtype=torch.float32), labels))
    moved = {}
    for guarded in (True, False):
        net = SpikingPerceptron(SIZES, random_state=1)
        spaces = {name: PrincipalSubspace(layer.in_features) for name, layer in net.layers.items()}
        guard = OrthogonalProjection(net.layers, subspaces=spaces)
        logits = []
        for x, labels in tasks:
            guard.start_task(ROWS)
            train_epochs(net, x, labels, guard=guard if guarded else None, n_epochs=5, random_state=0)
            guard.end_task()
            assert (net(x).argmax(1) == labels).float().mean() > 0.95
            logits.append(net(tasks[0][0]).detach())
        moved[guarded] = float((logits[1] - logits[0]).abs().mean())
    assert moved[False] > 0.2
    assert moved[True] < 0.3 * moved[False]
