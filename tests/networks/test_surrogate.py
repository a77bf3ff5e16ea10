import copy
import pickle

import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.surrogate import Surrogate, arctan, boxcar, clipped_tanh, fast_sigmoid, gaussian, triangle

X = np.linspace(-1.5, 1.5, 61) + 1e-3
# The formulas of the sources, in their own words.
BY_HAND = [
    (fast_sigmoid(width=1 / 25), 1 / (1 + 25 * np.abs(X)) ** 2),
    (arctan(), 2 / 2 / (1 + (np.pi / 2 * 2 * X) ** 2)),
    (triangle(), 0.3 * np.maximum(0, 1 - np.abs(X))),
    (gaussian(width=0.5, height=1 / np.sqrt(2 * np.pi * 0.25)), np.exp(-(X**2) / 0.5) / np.sqrt(np.pi * 0.5)),
    (boxcar(), np.abs(X) < 0.5),
]


@pytest.mark.parametrize(("surrogate", "slope"), BY_HAND, ids=lambda value: getattr(value, "name", ""))
def test_spikes_forwards_and_the_formula_backwards(surrogate, slope):
    x = torch.tensor(X, requires_grad=True)
    spikes = surrogate(x)
    assert np.array_equal(spikes.detach(), X > 0)
    (3 * spikes).sum().backward()
    assert np.allclose(x.grad, 3 * slope, rtol=1e-12)


def test_clipped_tanh_is_the_slope_of_the_published_curve():
    u = torch.tensor(X + 0.5, requires_grad=True)
    curve = (torch.tanh(3 * (u.clamp(0, 1) - 0.5)) / np.tanh(1.5) + 1) / 2
    curve.sum().backward()
    assert np.allclose(clipped_tanh().slope(torch.tensor(X)), u.grad, rtol=1e-12)


def test_surrogates_can_be_copied_and_pickled_and_refuse_nonsense():
    assert copy.deepcopy(arctan()) == pickle.loads(pickle.dumps(arctan())) == arctan()
    with pytest.raises(InputError, match="width=0"):
        fast_sigmoid(width=0)
    with pytest.raises(InputError, match="height=nan"):
        Surrogate("own", torch.exp, 1.0, float("nan"), "here")
