import numpy as np
import pytest
import torch
import xarray as xr

from multiunit.core import InputError
from multiunit.learning.learning_curve import grokking, learning_curve
from multiunit.networks.pair_classifier import PairClassifier


def run(**more):
    net = PairClassifier(5, width=8, hidden=32, random_state=0)
    x = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    y = x.sum(1) % 5
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    settings = {"n_steps": 120, "every": 50} | more
    return learning_curve(net, (x[::2], y[::2]), test=(x[1::2], y[1::2]), optimizer=optimizer, **settings)


def test_the_curve_is_measured_before_and_after_and_the_same_every_time():
    curve = run(watch={"largest": lambda module: float(module.head.weight.abs().max())})
    assert curve["step"].values.tolist() == [0, 50, 100, 120]
    assert curve["train_accuracy"][-1] == 1
    assert curve["train_loss"][-1] < curve["train_loss"][0]
    assert (curve["largest"] > 0).all()
    assert curve.identical(run(watch={"largest": lambda module: float(module.head.weight.abs().max())}))


def test_it_stops_when_the_bar_is_reached():
    assert run(until=0.0)["step"].values.tolist() == [0]


def test_what_never_happens_has_no_step():
    curve = xr.Dataset({n: ("step", [0.0, 0.5]) for n in ("train_accuracy", "test_accuracy")}, {"step": [0, 10]})
    assert np.isnan(grokking(curve)).all()
    assert grokking(curve, memorised=0.4, generalised=0.5) == (10, 10, 1)
    with pytest.raises(InputError, match="test_accuracy"):
        grokking(curve.drop_vars("test_accuracy"))
