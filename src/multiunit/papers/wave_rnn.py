"""Travelling waves: a recurrent network that carries its input along a line remembers the recent past.

Claim: on the copy task a wave RNN reaches an error far below that of an identity RNN with at least as many parameters,
and learns faster, because of the start from a travelling wave.

Experiment: copy memory of 10 symbols of 8 kinds over a gap of 20 steps (40 steps in all); a ring of 64 places with 2
channels (2,710 parameters), Adam at 0.001, gradients clipped at 1, 600 updates of 64 sequences drawn anew. On 500 new
sequences: cross-entropy and accuracy at the steps of recall; updates until the loss of training, all of it laid to the
recalled symbols, is below half of chance; and the speed at which what tells sequences apart travels over the ring.

Control: an identity RNN of 64 units (5,450 parameters); the same ring with a kernel that stands still, with the input
at one place and at all places; with a random kernel; and the wave with answers dealt to other sequences, which nothing
can learn.

Deviations: the standing kernel is also tried with the input at all places, since with one place nearly all of its units
stay silent; the ring with a wave and input at all places is measured, to tell the two halves of the trick apart.

Not shown: longer gaps, or that an identity RNN stays at chance for good: the paper trains 60,000 updates with tuned
learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_solver import train_solver
from multiunit.networks.identity_rnn import IdentityRNN
from multiunit.networks.wave_rnn import WaveRNN
from multiunit.populations.wave_speed import wave_speed
from multiunit.tasks.copy_memory import CopyMemory, copy_memory

PAPER = Paper(
    id="wave-rnn",
    title="Traveling Waves Encode the Recent Past and Enhance Sequence Learning",
    year=2023,
    source="arXiv:2309.08045",
    level="trained",
    uses=(WaveRNN, wave_speed),
)

N_SYMBOLS, N_RECALL = 8, 10
N_TOKENS = N_SYMBOLS + 2
CHANCE = math.log(N_SYMBOLS)


class Spelled(nn.Module):
    """A recurrent network asked with tokens `(sequence, time)`, one-hot; it answers `(sequence, time, token)`."""

    def __init__(self, network: WaveRNN | IdentityRNN) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.network(one_hot(tokens.T, N_TOKENS).float()).logits.transpose(0, 1)


class Learned(NamedTuple):
    """What a network came to: nats and share of right answers at recall, updates to half of chance, its waves."""

    error: float
    accuracy: float
    updates: float
    speed: float
    share: float


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    gap = scale.pick(smoke=5, small=20)
    n_updates = scale.pick(smoke=80, small=600)
    weights, batches = (int(rng.integers(2**31)) for _ in range(2))
    test = _draw(scale.pick(smoke=50, small=500), rng, gap=gap)

    def ring(start: str, site: str) -> WaveRNN:
        return WaveRNN(N_TOKENS, 64, n_out=N_TOKENS, channels=2, start=start, input_site=site, random_state=weights)

    networks: dict[str, Callable[[], WaveRNN | IdentityRNN]] = {
        "wave": lambda: ring("wave", "one"),
        "wave_all_places": lambda: ring("wave", "all"),
        "standing": lambda: ring("standing", "one"),
        "standing_all_places": lambda: ring("standing", "all"),
        "random": lambda: ring("random", "one"),
        "identity": lambda: IdentityRNN(N_TOKENS, 64, n_out=N_TOKENS, random_state=weights),
        "dealt": lambda: ring("wave", "one"),
    }
    found = {
        name: _learn(make(), gap, test, n_updates=n_updates, dealt=name == "dealt", seed=batches)
        for name, make in networks.items()
    }
    controls = [name for name in found if not name.startswith("wave")]
    return Claim(
        measured={
            **found["wave"]._asdict(),
            "error_all_places": found["wave_all_places"].error,
            "speed_all_places": found["wave_all_places"].speed,
        },
        control={
            **{f"{name}_error": found[name].error for name in controls},
            **{f"{name}_accuracy": found[name].accuracy for name in controls},
            **{f"{name}_updates": found[name].updates for name in controls},
            "standing_speed": found["standing"].speed,
            "standing_all_places_speed": found["standing_all_places"].speed,
        },
        criterion="measured.error <= 0.5 * control.identity_error and measured.error <= 0.5 * control.random_error "
        "and measured.error <= 0.5 * control.standing_error "
        "and measured.error <= 0.5 * control.standing_all_places_error "
        f"and measured.speed >= 0.8 and measured.speed <= 1.2 and control.dealt_error >= {0.95 * CHANCE:.4f}",
    )


def _draw(n: int, rng: np.random.Generator, *, gap: int, dealt: bool = False) -> CopyMemory:
    task = copy_memory(n, gap=gap, n_recall=N_RECALL, n_symbols=N_SYMBOLS, random_state=rng)
    # Each sequence gets its neighbour's answers: in a random order some would keep their own, which can be learnt.
    return task._replace(targets=np.roll(task.targets, 1, axis=0)) if dealt else task


def _learn(
    network: WaveRNN | IdentityRNN, gap: int, test: CopyMemory, *, n_updates: int, dealt: bool, seed: int
) -> Learned:
    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        task = _draw(n, rng, gap=gap, dealt=dealt)
        return task.tokens, task.targets + 1

    losses = train_solver(Spelled(network), draw, n_steps=n_updates, batch_size=64, random_state=seed)
    targets = torch.as_tensor(test.targets[:, -N_RECALL:])
    with torch.no_grad():
        run = network(one_hot(torch.as_tensor(test.tokens.T), N_TOKENS).float())
    logits = run.logits[-N_RECALL:].transpose(0, 1)
    own = run.activity - run.activity.mean(1, keepdim=True)
    # An identity RNN has no places along which anything could travel.
    waves = wave_speed(own.permute(1, 2, 0, 3)[:100]) if own.ndim == 4 else None
    return Learned(
        error=float(cross_entropy(logits.flatten(0, 1), targets.flatten())),
        accuracy=float((logits.argmax(2) == targets).float().mean()),
        updates=updates_to(0.5 * CHANCE, losses * test.tokens.shape[1] / N_RECALL),
        speed=waves.speed if waves else math.nan,
        share=waves.share if waves else math.nan,
    )


def updates_to(level: float, losses: np.ndarray, *, width: int = 20) -> float:
    """Updates until the mean of the last `width` losses is at most `level`; one more than all if it never is."""
    mean = np.convolve(losses, np.full(width, 1 / width), mode="valid")
    reached = np.flatnonzero(mean <= level)
    return float(reached[0] + width if len(reached) else len(losses) + 1)
