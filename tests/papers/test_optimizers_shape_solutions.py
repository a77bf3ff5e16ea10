import numpy as np
import torch
from torch import nn

from multiunit.papers.optimizers_shape_solutions import RandomAxes, class_overlap
from multiunit.tasks.permuted_digits import ImageTask


def test_smoke_scale_runs_and_pruning_spares_powers_of_weights(smoke_claim):
    result = smoke_claim("optimizers-shape-solutions")
    assert result.measured["shampoo_just_after"] > 0.3
    assert result.control["sgd_just_after"] > 0.3
    values = [*result.measured.values(), *result.control.values()]
    assert all(0 <= value <= 1 for value in values)


def test_random_axes_keep_the_eigenvalues_and_descend():
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(6, 4))
    optimiser = RandomAxes([w], lr=1.0, momentum=0.0)
    w.grad = torch.randn(6, 4)
    gram = w.grad @ w.grad.T
    random, true = optimiser.inverse_root(gram, 1e-2), super(RandomAxes, optimiser).inverse_root(gram, 1e-2)
    torch.testing.assert_close(torch.linalg.eigvalsh(random), torch.linalg.eigvalsh(true), rtol=1e-4, atol=1e-4)
    assert (random - true).abs().max() > 0.1
    optimiser.step()
    assert (w.detach() * w.grad).sum() < 0
    torch.testing.assert_close(w.detach().norm(), w.grad.norm())


def test_class_overlap_is_none_for_units_of_their_own_and_one_for_shared_ones():
    labels = np.repeat(np.arange(10), 3)
    one_hot = np.eye(10, dtype=np.float32)[labels]
    net = nn.Sequential(nn.ReLU(), nn.Linear(10, 10))
    for images, expected in ((one_hot, 0.0), (np.ones_like(one_hot), 1.0)):
        task = ImageTask(images, labels, images, labels, np.arange(10))
        assert abs(class_overlap(net, task) - expected) < 1e-6
