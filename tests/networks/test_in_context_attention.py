import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.in_context_attention import InContextAttention


@pytest.mark.parametrize("kernel", ["softmax", "linear"])
def test_answers_are_those_of_the_sums_written_out(kernel):
    net = InContextAttention(2, n_heads=3, kernel=kernel, scale=1.0, random_state=4)
    prompts = np.random.default_rng(0).normal(size=(4, 6, 3))
    q, k, v, o = (w.detach().double().numpy() for w in (net.query, net.key, net.value, net.output))
    with torch.no_grad():
        found = net(torch.as_tensor(prompts).float()).numpy()
    for prompt, answer in zip(prompts, found, strict=True):
        expected = 0.0
        for h in range(3):
            scores = np.array([(k[h] @ z) @ (q[h] @ prompt[-1]) for z in prompt[:-1]])
            weight = np.exp(scores) / np.exp(scores).sum() if kernel == "softmax" else scores / 5
            expected += sum(a * (o[h] @ v[h] @ z)[-1] for a, z in zip(weight, prompt[:-1], strict=True))
        assert answer == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("kernel", ["softmax", "linear"])
def test_circuits_are_all_that_counts(kernel):
    net = InContextAttention(4, n_heads=2, kernel=kernel, scale=0.5)
    q, k, v, o = (w.detach().numpy() for w in (net.query, net.key, net.value, net.output))
    again = InContextAttention.from_circuits(k.transpose(0, 2, 1) @ q, o @ v, kernel=kernel)
    prompts = torch.as_tensor(np.random.default_rng(1).normal(size=(9, 7, 5))).float()
    with torch.no_grad():
        torch.testing.assert_close(again(prompts), net(prompts), rtol=1e-4, atol=1e-5)


def test_the_order_of_pairs_means_nothing_and_the_query_does_not_attend_to_itself():
    net = InContextAttention(3, n_heads=2, scale=1.0)
    prompts = torch.as_tensor(np.random.default_rng(2).normal(size=(5, 8, 4))).float()
    with torch.no_grad():
        shuffled = net(prompts[:, [3, 1, 0, 2, 6, 5, 4, 7]])
        torch.testing.assert_close(shuffled, net(prompts))
        # Pairs that are all alike are all there is to say.
        same = prompts[:, :1].expand(-1, 7, -1)
        said = torch.einsum("hk,hkj,pj->p", net.output[:, -1], net.value, same[:, 0])
        torch.testing.assert_close(net(torch.cat([same, prompts[:, -1:]], dim=1)), said)


def test_the_start_is_that_of_the_seed():
    state = torch.get_rng_state()
    first, again, other = (InContextAttention(2, n_heads=1, random_state=seed).query for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="n_heads"):
        InContextAttention(2, n_heads=0)
    with pytest.raises(InputError, match="n_features"):
        InContextAttention(0, n_heads=1)
    with pytest.raises(InputError, match="kernel"):
        InContextAttention(2, n_heads=1, kernel="cosine")
    with pytest.raises(InputError, match="kq"):
        InContextAttention.from_circuits(np.zeros((1, 3, 3)), np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="prompts"):
        InContextAttention(2, n_heads=1)(torch.zeros(4, 5, 4))
