import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.example_losses import each_cross_entropy
from multiunit.learning.opposing_groups import gradient_cosine, opposing_groups, opposition
from multiunit.networks import MultilayerPerceptron

N = 200
FIRST, SECOND = np.arange(10), np.arange(10, 20)


def planted(signs, seed=0):
    """Losses that decay with noise; those of two groups of ten also swing, by the given signs."""
    rng = np.random.default_rng(seed)
    t = np.arange(120)
    losses = np.exp(-t / 200)[:, None] + 0.01 * rng.normal(size=(120, N))
    swing = 0.3 * np.cumsum(rng.normal(size=120))
    losses[:, FIRST] += signs[0] * swing[:, None]
    losses[:, SECOND] += signs[1] * swing[:, None]
    return losses


@pytest.mark.parametrize("seed", range(3))
def test_planted_opposing_groups_are_found_and_oppose_on_other_steps(seed):
    losses = planted((1, -1), seed)
    found = opposing_groups(losses[:40], n_members=10)
    assert {frozenset(found.up), frozenset(found.down)} == {frozenset(FIRST), frozenset(SECOND)}
    held_out = opposition(losses[40:], first=found.up, second=found.down)
    assert held_out.correlation < -0.9
    assert held_out.excess > 5


@pytest.mark.parametrize("seed", range(3))
def test_consistent_groups_do_not_oppose_and_noise_does_not_either(seed):
    losses = planted((1, 1), seed)
    found = opposing_groups(losses[:40], n_members=10)
    assert opposition(losses[40:], first=found.up, second=found.down).correlation > -0.3
    assert opposition(losses[40:], first=FIRST, second=SECOND).correlation > 0.9
    noise = planted((0, 0), seed)
    chance = opposing_groups(noise[:40], n_members=10)
    held_out = opposition(noise[40:], first=chance.up, second=chance.down)
    assert abs(held_out.correlation) < 0.4
    assert held_out.excess < 1.2
    # On the step they were found by, and only there, they seem to oppose.
    step = np.diff(noise, axis=0)[chance.step]
    assert step[chance.up].mean() > 0 > step[chance.down].mean()


def test_opposition_is_that_of_a_plain_loop():
    losses = np.random.default_rng(1).random(size=(9, 7))
    found = opposition(losses, first=[0, 2], second=[5])
    a, b, mine, everything = [], [], 0.0, 0.0
    for t in range(8):
        step = [losses[t + 1, i] - losses[t, i] for i in range(7)]
        a.append((step[0] + step[2]) / 2)
        b.append(step[5])
        mine += abs(step[0]) + abs(step[2]) + abs(step[5])
        everything += sum(map(abs, step))
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert found.share == pytest.approx(mine / everything)
    assert found.excess == pytest.approx(mine / everything * 7 / 3)


def test_the_cosine_is_that_of_gradients_one_example_at_a_time():
    rng = np.random.default_rng(2)
    net = MultilayerPerceptron([3, 4, 2], random_state=0)
    groups = [(torch.as_tensor(rng.normal(size=(5, 3))).float(), torch.tensor([0, 1, 1, 0, k])) for k in (0, 1)]
    means = []
    for x, y in groups:
        rows = []
        for i in range(5):
            net.zero_grad()
            each_cross_entropy(net(x[i : i + 1]), y[i : i + 1]).sum().backward()
            rows.append(torch.cat([p.grad.flatten().clone() for p in net.parameters()]))
        means.append(torch.stack(rows).mean(dim=0))
    expected = torch.cosine_similarity(means[0], means[1], dim=0).item()
    net.zero_grad(set_to_none=True)
    assert gradient_cosine(net, first=groups[0], second=groups[1]) == pytest.approx(expected, abs=1e-5)
    assert all(p.grad is None for p in net.parameters())


def test_errors_name_the_argument():
    losses = planted((1, -1))
    with pytest.raises(InputError, match="losses="):
        opposing_groups(losses[:1])
    with pytest.raises(InputError, match="losses="):
        opposing_groups(np.full((3, 90), np.nan))
    with pytest.raises(InputError, match="n_members="):
        opposing_groups(losses, n_members=N)
    with pytest.raises(InputError, match="first="):
        opposition(losses, first=[1, 2], second=[2])
    with pytest.raises(InputError, match="unevenly"):
        opposition(np.ones((5, 4)), first=[0], second=[1])
