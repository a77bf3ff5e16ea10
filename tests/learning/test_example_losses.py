import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core import InputError
from multiunit.learning.example_losses import example_losses
from multiunit.networks import MultilayerPerceptron


def world():
    rng = np.random.default_rng(0)
    x, y = torch.as_tensor(rng.normal(size=(30, 4))).float(), torch.as_tensor(rng.integers(3, size=30))
    return x, y, MultilayerPerceptron([4, 5, 3], random_state=1)


def test_the_losses_are_those_of_a_plain_loop_one_example_at_a_time():
    x, y, net = world()
    plain = copy.deepcopy(net)
    found = example_losses(net, (x, y), optimizer=torch.optim.SGD(net.parameters(), lr=0.3), n_steps=6)
    rows = []
    for step in range(7):
        rows.append([cross_entropy(plain(x[i : i + 1]), y[i : i + 1]).item() for i in range(30)])
        if step < 6:
            plain.zero_grad()
            cross_entropy(plain(x), y).backward()
            for p in plain.parameters():
                p.data -= 0.3 * p.grad
    assert np.abs(found["loss"].values - rows).max() < 1e-5
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(net.parameters(), plain.parameters(), strict=True))


def test_rows_and_what_is_watched_come_when_asked_and_change_nothing():
    x, y, net = world()
    other = copy.deepcopy(net)
    every = example_losses(net, (x, y), optimizer=torch.optim.Adam(net.parameters()), n_steps=11)
    some = example_losses(
        other,
        (x, y),
        optimizer=torch.optim.Adam(other.parameters()),
        n_steps=11,
        every=4,
        watch={"norm": lambda m: float(m.readout.weight.detach().norm())},
        watch_every=5,
    )
    assert some["step"].values.tolist() == [0, 4, 8, 11]
    assert some["watched_step"].values.tolist() == [0, 5, 10, 11]
    assert (some["loss"].values == every["loss"].values[[0, 4, 8, 11]]).all()
    assert some["norm"].values[-1] == pytest.approx(float(net.readout.weight.detach().norm()))
    assert "watched_step" not in every.dims or every.sizes["watched_step"] == 0


def test_errors_name_the_argument():
    x, y, net = world()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(InputError, match="n_steps="):
        example_losses(net, (x, y), optimizer=sgd, n_steps=0)
    with pytest.raises(InputError, match="loss="):
        example_losses(net, (x, y), optimizer=sgd, n_steps=1, loss=cross_entropy)
    wild = nn.Linear(1, 1)
    with pytest.raises(InputError, match="optimizer="):
        example_losses(
            wild,
            (torch.ones(4, 1), torch.ones(4, 1)),
            optimizer=torch.optim.SGD(wild.parameters(), lr=1e6),
            n_steps=50,
            loss=lambda a, b: ((a - b) ** 2)[:, 0],
        )
