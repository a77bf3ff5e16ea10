"""Low-rank weights at the start make learning richer, unless they already point along the task.

Claim: at equal Frobenius norm and equal final loss, networks started from low-rank weights change their tangent kernel
and representation more than those of full rank, unless the low-rank weights are aligned with the task.

Experiment: (a) a linear network 20-100-1, W2 = 0 and ||W1||_F = sqrt(20) at the start, 400 inputs, a linear teacher of
length 1; gradient descent at 0.02 to a loss of 0.001; ranks 1, 2, 5, 10, 20 of W1, five tasks. (b) A recurrent network
of 100 rectified units, delayed exclusive or of two cues (12 steps), gradient descent on 64 sequences at 0.003, momentum
0.9, to a cross-entropy of 0.05; ranks 5 and 100 of the recurrent weights, three draws. 1 - alignment of the tangent
kernels before and after, over 40 items.

Control: W1 of rank one along the teacher; ranks cut without bringing the norm back.

Deviations: catalogue's stochastic descent is full batch, so that all ranks stop at the same loss, and the leak is left
out. Runs that do not get there are left out and counted. Text read: the abstract; scales are reconstructed.

Not shown: block, Dale and connectome starts, neurogym tasks, the theorem.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.descend_until import descend_until
from multiunit.learning.low_rank_init import low_rank_init
from multiunit.learning.richness import Richness, richness
from multiunit.networks.identity_rnn import IdentityRNN
from multiunit.tasks.delayed_xor import delayed_xor

PAPER = Paper(
    id="rich-lazy-initial-rank",
    title="How connectivity structure shapes rich and lazy learning in neural circuits",
    year=2023,
    source="arXiv:2310.08513",
    level="trained",
    uses=(low_rank_init, richness),
)

N_PROBES = 40


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    complete = scale.name == "small"
    found: dict[str, list[float]] = {}
    n_failed = 0

    def add(name: str, moved: Richness | None) -> None:
        nonlocal n_failed
        if moved is None:
            n_failed += 1
        else:
            found.setdefault(name, []).append(1 - moved.kernel_alignment)
            found.setdefault(f"{name}_representation", []).append(1 - moved.representation_alignment)
            found.setdefault(f"{name}_weight_change", []).append(moved.weight_change)

    for _ in range(scale.pick(smoke=1, small=5)):
        x = rng.normal(size=(400, 20))
        teacher = rng.normal(size=20)
        teacher /= np.linalg.norm(teacher)
        drawn = rng.normal(size=(100, 20))
        drawn *= np.sqrt(20) / np.linalg.norm(drawn)
        for rank in scale.pick(smoke=(2, 20), small=(1, 2, 5, 10, 20)):
            add(f"linear_{rank}", _linear(low_rank_init(drawn, rank), x, teacher))
            add(f"unmatched_{rank}", _linear(low_rank_init(drawn, rank, keep_norm=False), x, teacher))
        left = rng.normal(size=100)
        aligned = np.sqrt(20) * np.outer(left / np.linalg.norm(left), teacher)
        add("aligned_1", _linear(aligned, x, teacher))
    if complete:
        for _ in range(3):
            drawn = rng.normal(size=(100, 100)) / 10
            x, labels = delayed_xor(64, random_state=rng)
            seed = int(rng.integers(2**31))  # input and readout weights are the same for both ranks
            for rank in (5, 100):
                add(f"recurrent_{rank}", _recurrent(low_rank_init(drawn, rank), x, labels, seed))
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    measured = {name: value for name, value in mean.items() if name.startswith(("linear", "recurrent"))}
    low = [r for r in (1, 2) if f"linear_{r}" in mean]
    measured["linear_low"] = float(np.mean([mean[f"linear_{r}"] for r in low]))
    measured["n_failed"] = float(n_failed)
    control = {name: value for name, value in mean.items() if name.startswith(("aligned", "unmatched"))}
    criterion = "measured.linear_low >= 1.5 * measured.linear_20"
    if complete:
        # A rank of which no run got there has no value, and does not hold.
        for name in ("recurrent_5", "recurrent_100"):
            measured.setdefault(name, float("nan"))
        criterion += (
            " and control.aligned_1 < 0.5 * measured.linear_1 and measured.recurrent_5 > 1.15 * measured.recurrent_100"
        )
    else:
        criterion += " and control.aligned_1 < 0.5 * measured.linear_2"
    return Claim(measured=measured, control=control, criterion=criterion)


def _linear(first: np.ndarray, x: np.ndarray, teacher: np.ndarray) -> Richness | None:
    inputs = torch.as_tensor(x, dtype=torch.float32)
    targets = torch.as_tensor(x @ teacher, dtype=torch.float32)[:, None]
    net = nn.Sequential(nn.Linear(20, 100, bias=False), nn.Linear(100, 1, bias=False))
    net.load_state_dict({"0.weight": torch.as_tensor(first).float(), "1.weight": torch.zeros(1, 100)})
    before = copy.deepcopy(net.state_dict())
    losses = descend_until(net, lambda m: ((m(inputs) - targets) ** 2).mean(), until=1e-3, learning_rate=0.02)
    if losses[-1] >= 1e-3:
        return None
    probe = inputs[:N_PROBES]
    return richness(net, before=before, output=lambda m: m(probe), hidden=lambda m: m.get_submodule("0")(probe))


def _recurrent(recurrent: np.ndarray, x: np.ndarray, labels: np.ndarray, seed: int) -> Richness | None:
    inputs, named = torch.from_numpy(x), torch.from_numpy(labels)
    net = IdentityRNN(2, 100, n_out=2, random_state=seed)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        net.recurrent.weight.copy_(torch.as_tensor(recurrent))
        net.inward.weight.copy_(torch.as_tensor(rng.normal(size=(100, 2)) / np.sqrt(2)))
    before = copy.deepcopy(net.state_dict())
    losses = descend_until(
        net,
        lambda m: cross_entropy(m(inputs).logits[-1], named),
        until=0.05,
        learning_rate=3e-3,
        momentum=0.9,
        most_steps=4000,
    )
    if losses[-1] >= 0.05:
        return None
    probe = inputs[:, :N_PROBES]
    return richness(net, before=before, output=lambda m: m(probe).logits[-1], hidden=lambda m: m(probe).activity[-1])
