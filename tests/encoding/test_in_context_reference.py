import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.encoding.in_context_reference import best_rate, gradient_step, ridge_in_context
from multiunit.networks.in_context_attention import InContextAttention
from multiunit.tasks.linear_in_context import linear_in_context


def test_a_step_is_that_of_the_gradient():
    prompts = linear_in_context(5, n_features=3, n_pairs=7).prompts
    for debias in (False, True):
        found = gradient_step(prompts, rate=0.3, debias=debias)
        for prompt, answer in zip(torch.as_tensor(prompts).double(), found, strict=True):
            x, y = prompt[:-1, :3], prompt[:-1, 3]
            beta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
            wanted = y - y.mean() if debias else y
            (0.5 * ((x @ beta - wanted) ** 2).mean()).backward()
            assert answer == pytest.approx(float(-0.3 * beta.grad @ prompt[-1, :3]))


def _heads(omega, mu, n_features):
    width = n_features + 1
    kq, ov = np.zeros((2, len(omega), width, width))
    kq[:, :n_features, :n_features] = np.multiply.outer(omega, np.eye(n_features))
    ov[:, -1, -1] = mu
    return kq, ov


def test_a_linear_head_of_the_pattern_is_a_step_and_two_opposite_softmax_heads_nearly_a_debiased_one():
    prompts = linear_in_context(40, n_features=3, n_pairs=20).prompts
    with torch.no_grad():
        linear = InContextAttention.from_circuits(*_heads([0.5], [3.0], 3), kernel="linear")
        answers = linear(torch.as_tensor(prompts)).numpy()
        np.testing.assert_allclose(answers, gradient_step(prompts, rate=1.5), atol=1e-5)
        gaps = []
        for omega in (0.2, 0.1):
            pair = InContextAttention.from_circuits(*_heads([omega, -omega], [0.5 / omega, -0.5 / omega], 3))
            gaps.append(pair(torch.as_tensor(prompts)).numpy() - gradient_step(prompts, rate=1.0, debias=True))
    # What is left out is of third order in omega, of which mu ~ 1 / omega takes one.
    assert np.linalg.norm(gaps[0]) / np.linalg.norm(gaps[1]) == pytest.approx(4, rel=0.15)
    assert np.abs(gaps[1]).max() < 0.1


def test_the_best_rate_cannot_be_bettered():
    drawn = linear_in_context(300, n_features=3, n_pairs=8)
    for debias in (False, True):
        rate = best_rate(drawn.prompts, drawn.targets, debias=debias)
        loss = [
            np.mean((gradient_step(drawn.prompts, rate=rate + more, debias=debias) - drawn.targets) ** 2)
            for more in (0.0, 0.01, -0.01)
        ]
        assert loss[0] < min(loss[1:])


def test_ridge_is_its_closed_form_and_the_best_there_is():
    drawn = linear_in_context(800, n_features=3, n_pairs=6, noise=0.5)
    x, y, asked = drawn.prompts[:, :-1, :3], drawn.prompts[:, :-1, 3], drawn.prompts[:, -1, :3]
    gram = np.einsum("plf,plg->pfg", x, x) + 0.75 * np.eye(3)
    beta = np.linalg.solve(gram, np.einsum("plf,pl->pf", x, y)[:, :, None])[:, :, 0]
    found = ridge_in_context(drawn.prompts, penalty=0.75)
    np.testing.assert_allclose(found, (beta * asked).sum(axis=1), rtol=1e-4, atol=1e-5)
    loss = {p: np.mean((ridge_in_context(drawn.prompts, penalty=p) - drawn.targets) ** 2) for p in (0.05, 0.75, 10.0)}
    assert loss[0.75] < min(loss[0.05], loss[10.0])
    step = gradient_step(drawn.prompts, rate=best_rate(drawn.prompts, drawn.targets))
    assert loss[0.75] < np.mean((step - drawn.targets) ** 2)


def test_refuses_what_does_not_fit():
    good = linear_in_context(3, n_features=2, n_pairs=4)
    for wrong in (np.zeros((3, 4)), np.zeros((3, 1, 3)), np.zeros((0, 5, 3)), np.full((2, 5, 3), np.nan)):
        with pytest.raises(InputError, match="prompts"):
            gradient_step(wrong)
    with pytest.raises(InputError, match="penalty"):
        ridge_in_context(good.prompts, penalty=-1.0)
    with pytest.raises(InputError, match="targets"):
        best_rate(good.prompts, good.targets[:2])
    with pytest.raises(InputError, match="prompts"):
        best_rate(np.zeros((3, 5, 3)), good.targets)
