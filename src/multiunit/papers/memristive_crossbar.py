"""Memristors: networks on crossbars of imprecise devices, and devices that forget as a reservoir.

Claim: analog computing in memory can carry a network despite imperfect devices if training takes them into account; a
volatile device can serve as a reservoir.

Experiment: (1) Digits (scikit-learn's, 8 x 8), a perceptron 64-64-10, trained as usual and with its hardware in mind:
weights rounded to 16 levels and noise of 10 % on each in every forward pass, 1000 updates of 64 images both. Then
written to crossbars of 2, 4, 16 or 64 levels, with programming noise of 0, 5, 10, 20 % and 0 or 2 % of devices stuck,
5 draws each; test accuracy. The verdict takes 16 levels and noise of 10 %, the mean over both shares of stuck devices.
(2) 600 short waveforms, rising or falling saws of random phase and height with noise, of 20 samples, to 5 volatile
memristors (10 to 100 ms) with 10 virtual nodes each; a linear readout of the 50 states after the last sample, trained
on 400, says which.

Control: the usual network on the same draws; weights shuffled over the cells; for the reservoir, devices that never
forget, and devices that forget at once (a static resistance).

Deviations: the catalogue's sine and square are told apart by a single sample, so that no memory is needed; rising and
falling saws have the same values in another order. That shuffled weights are near chance was added to the criterion.
A review: device constants are typical values.

Outcome: noise that is relative to each conductance, as here, is mild: at 16 levels and 10 % the usual network loses
less than 2 % of its accuracy, and training for it has nothing to win back (the mean over all devices is given beside
it). It does where noise is large; the tests of `NoisyWeights` show that at 80 %. One seed in three keeps the reservoir
below its margin.

Not shown: real devices; learning on the crossbar; energy.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.utils.parametrize import register_parametrization, remove_parametrizations

from multiunit.circuits.crossbar import program_crossbar
from multiunit.circuits.memristive_reservoir import memristive_reservoir
from multiunit.circuits.to_crossbar import to_crossbar
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.fake_quantisation import FakeQuantisation
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.noisy_weights import NoisyWeights
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="memristive-crossbar",
    title="Memristors -- from In-memory computing, Deep Learning Acceleration, Spiking Neural Networks, to the Future "
    "of Neuromorphic and Bio-inspired Computing",
    year=2020,
    source="arXiv:2004.14942",
    level="trained",
    uses=(program_crossbar, memristive_reservoir),
)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    found = _crossbars(scale, rng) | _reservoirs(rng)
    measured = ("digital", "aware", "aware_all_cells", "volatile")
    control = ("unaware", "unaware_all_cells", "shuffled", "never_forgets", "forgets_at_once")
    return Claim(
        measured={name: found[name] for name in measured},
        control={name: found[name] for name in control},
        criterion="measured.aware >= 0.9 * measured.digital and measured.aware >= control.unaware + 0.02 "
        "and control.shuffled <= 0.3 and measured.volatile >= control.never_forgets + 0.15 "
        "and measured.volatile >= control.forgets_at_once + 0.15",
    )


def _crossbars(scale: Scale, rng: np.random.Generator) -> dict[str, float]:
    n_updates, n_draws = scale.pick(smoke=(100, 1), small=(1000, 5))
    frame = digits(random_state=rng)
    x, y = torch.from_numpy(np.stack(list(frame["stimulus"]))), frame["label"].to_numpy()
    train = frame["split"].to_numpy() == "train"
    weights, batches, draws = (int(rng.integers(2**31)) for _ in range(3))
    networks: dict[str, nn.Sequential] = {}
    for name in ("unaware", "aware"):
        network = MultilayerPerceptron([64, 64, 10], random_state=weights)
        linear = [part for part in network if isinstance(part, nn.Linear)]
        if name == "aware":
            for layer in linear:
                register_parametrization(layer, "weight", FakeQuantisation(bits=5))  # 15 levels on either side of 0
                register_parametrization(layer, "weight", NoisyWeights(0.1))
        train_classifier(network, x[train], labels=y[train], n_steps=n_updates, random_state=batches)
        network.eval()
        if name == "aware":
            for layer in linear:
                remove_parametrizations(layer, "weight")
        networks[name] = network
    networks["shuffled"] = _shuffled(networks["unaware"], rng)

    def right(network: nn.Module) -> float:
        with torch.no_grad():
            return float((network(x[~train]).argmax(1).numpy() == y[~train]).mean())

    def mean(name: str, **devices: Any) -> float:
        return float(
            np.mean([right(to_crossbar(networks[name], random_state=draws + k, **devices)) for k in range(n_draws)])
        )

    found = {"digital": right(networks["unaware"])}
    grid = [
        {"levels": levels, "programming_noise": noise, "stuck": stuck}
        for levels in scale.pick(smoke=(16,), small=(2, 4, 16, 64))
        for noise in scale.pick(smoke=(0.1,), small=(0.0, 0.05, 0.1, 0.2))
        for stuck in (0.0, 0.02)
    ]
    for name in networks:
        everywhere = [(cell, mean(name, **cell)) for cell in grid]
        found[name] = float(
            np.mean([value for cell, value in everywhere if (cell["levels"], cell["programming_noise"]) == (16, 0.1)])
        )
        found[f"{name}_all_cells"] = float(np.mean([value for _, value in everywhere]))
    return found


def _shuffled(network: nn.Sequential, rng: np.random.Generator) -> nn.Sequential:
    """The same weights in other cells."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        for weight in other.parameters():
            if weight.ndim == 2:
                order = torch.from_numpy(rng.permutation(weight.numel()))
                weight.copy_(weight.flatten()[order].view_as(weight))
    return other


def _reservoirs(rng: np.random.Generator) -> dict[str, float]:
    n, n_train = 600, 400
    label = rng.integers(2, size=n)
    phase = (np.arange(20) / 20 + rng.random((n, 1))) % 1
    saw = np.where(label[:, None] == 1, phase, 1 - phase) * 2 - 1
    waves = rng.uniform(0.5, 1.0, size=(n, 1)) * saw + 0.05 * rng.normal(size=saw.shape)
    mask, taus = rng.choice([-1.0, 1.0], size=(5, 10)), np.geomspace(0.01, 0.1, 5)
    found = {}
    for name, tau, dt in (
        ("volatile", taus, 1e-3),
        ("never_forgets", np.full(5, 1e9), 1e-3),
        ("forgets_at_once", taus, 10.0),
    ):
        states = memristive_reservoir(waves, mask=mask, taus=tau, dt=dt)[:, -1]
        readout = make_pipeline(StandardScaler(), RidgeClassifier())
        found[name] = float(readout.fit(states[:n_train], label[:n_train]).score(states[n_train:], label[n_train:]))
    return found
