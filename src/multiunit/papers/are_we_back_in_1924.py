"""Are we back in 1924?: abilities come from how a network is trained, long after it knows its data by heart.

Claim: a new ability appears through the course of training, not through more parameters, and the inside of a network
changes when it does. The paper is a position and brings no experiment; that grokking is its testable core is our
choice.

Experiment: addition modulo 31, half of the 961 pairs; an embedding of 64 and a hidden layer of 128, whole batches,
AdamW (rate 0.003, betas 0.9 and 0.98, weight decay 1), at most 8000 steps, ended when the test accuracy reaches 0.95.

Control: the same network, and one of four times the hidden units, without weight decay, for as many steps; and the same
answers dealt out at random, with decay, which nothing can learn to generalise.

Deviations: the comparison of the inside is made with the embedding at the step where the training set is first known.

Not shown: anything about foundation models or brains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.learning_curve import grokking, learning_curve
from multiunit.networks.pair_classifier import PairClassifier
from multiunit.populations.fourier_concentration import fourier_concentration
from multiunit.tasks.modular_arithmetic import modular_arithmetic

PAPER = Paper(
    id="are-we-back-in-1924",
    title="Understanding Foundation Models: Are We Back in 1924?",
    year=2024,
    source="arXiv:2409.07618",
    level="trained",
    uses=(grokking, fourier_concentration),
)

MODULUS = 31


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    pairs = modular_arithmetic("add", modulus=MODULUS, random_state=rng)
    seed = int(rng.integers(2**31))
    most = scale.pick(smoke=300, small=8000)
    decayed = _learn(pairs, seed, n_steps=most, weight_decay=1.0, until=0.95)
    found = grokking(decayed)
    n_steps = int(decayed["step"][-1])
    plain = _learn(pairs, seed, n_steps=n_steps)
    wide = _learn(pairs, seed, n_steps=n_steps, hidden=512)
    dealt = pairs.assign(answer=rng.permutation(pairs["answer"]))
    random = _learn(dealt, seed, n_steps=n_steps, weight_decay=1.0)
    known = decayed.sel(step=found.memorised) if np.isfinite(found.memorised) else decayed.isel(step=-1)
    return Claim(
        measured={
            "memorised_step": found.memorised,
            "generalised_step": found.generalised,
            "delay": found.delay,
            "concentration_when_known": float(known["concentration"]),
            "concentration_at_the_end": float(decayed["concentration"][-1]),
        },
        control={
            "train_accuracy_without_decay": float(plain["train_accuracy"][-1]),
            "test_accuracy_without_decay": float(plain["test_accuracy"][-1]),
            "test_accuracy_wide_without_decay": float(wide["test_accuracy"][-1]),
            "test_accuracy_random_answers": float(random["test_accuracy"].max()),
            "concentration_without_decay": float(plain["concentration"][-1]),
        },
        criterion="measured.delay >= 10 and control.test_accuracy_without_decay < 0.3 "
        "and control.test_accuracy_wide_without_decay < 0.3 and control.test_accuracy_random_answers < 0.3 "
        "and measured.concentration_at_the_end > measured.concentration_when_known",
    )


def _learn(
    pairs: Any, seed: int, *, n_steps: int, weight_decay: float = 0.0, hidden: int = 128, until: Any = None
) -> xr.Dataset:
    net = PairClassifier(MODULUS, hidden=hidden, random_state=seed)
    halves = [pairs[pairs["split"] == split] for split in ("train", "test")]
    train, test = (
        (torch.as_tensor(np.stack(list(half["stimulus"]))), torch.as_tensor(half["answer"].to_numpy().copy()))
        for half in halves
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True)
    watch = {"concentration": lambda module: fourier_concentration(module.embedding.weight)}
    return learning_curve(
        net, train, test=test, optimizer=optimizer, n_steps=n_steps, every=50, watch=watch, until=until
    )
