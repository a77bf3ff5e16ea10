"""Memories call back what was stored, and no more than they can hold."""

import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.associative_memory import HopfieldNetwork, KeyValueMemory


def test_a_dense_memory_completes_many_patterns_and_lowers_its_energy():
    patterns = torch.randint(0, 2, (200, 64), generator=torch.manual_seed(0)).float() * 2 - 1
    memory = KeyValueMemory(64, beta=1.0)
    memory.store(patterns)
    half = patterns.clone()
    half[:, 32:] = 0
    assert torch.equal(memory(half).sign(), patterns)

    def energy(q):
        return -(memory.beta * q @ memory.keys.T).logsumexp(-1) / memory.beta + (q**2).sum(-1) / 2

    q = torch.randn(50, 64, generator=torch.manual_seed(1))
    for _ in range(5):
        after = memory(q)
        assert (energy(after) <= energy(q) + 1e-4).all()
        q = after


def test_attention_is_a_key_value_memory():
    keys, values, query = torch.randn(3, 7, 8, generator=torch.manual_seed(0))
    memory = KeyValueMemory(8, beta=8**-0.5)
    memory.store(keys[:4], values[:4])
    memory.store(keys[4:], values[4:])
    expected = torch.nn.functional.scaled_dot_product_attention(query[None], keys[None], values[None])[0]
    torch.testing.assert_close(memory(query), expected)


def test_a_hopfield_network_holds_few_patterns_and_not_many():
    rng = np.random.default_rng(0)
    found = {}
    for n_patterns in (10, 60):
        network = HopfieldNetwork(200)
        patterns = rng.choice([-1, 1], size=(n_patterns, 200))
        network.store(patterns)
        noisy = patterns * np.where(rng.random(patterns.shape) < 0.1, -1, 1)
        settled = np.array([network.recall(state) for state in noisy])
        found[n_patterns] = (settled == patterns).all(1).mean()
        energies = [(network.energy(a), network.energy(b)) for a, b in zip(noisy, settled, strict=True)]
        assert all(after <= before + 1e-9 for before, after in energies)
    assert found[10] == 1.0
    assert found[60] < 0.2


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="beta"):
        KeyValueMemory(3, beta=0.0)
    memory = KeyValueMemory(3, 2)
    with pytest.raises(InputError, match="is empty"):
        memory(torch.zeros(3))
    with pytest.raises(InputError, match="values"):
        memory.store(torch.zeros(2, 3))
    with pytest.raises(InputError, match="keys"):
        memory.store(torch.zeros(2, 4), torch.zeros(2, 2))
    memory.store(torch.zeros(2, 3), torch.zeros(2, 2))
    with pytest.raises(InputError, match="query"):
        memory(torch.zeros(4))
    with pytest.raises(InputError, match="patterns"):
        HopfieldNetwork(3).store(np.zeros((1, 3)))
    with pytest.raises(InputError, match="n_units"):
        HopfieldNetwork(1)
