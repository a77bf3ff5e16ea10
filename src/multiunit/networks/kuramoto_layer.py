"""Oscillatory units: unit vectors that turn towards what others and the stimulus tell them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class Oscillations(NamedTuple):
    """What a layer of oscillators did.

    Args:
        states: `(step, batch, token, channel)`, after each step.
        energies: `(step, batch)`, -sum_i <y_i, x_i> of the state that each step starts from; low where units agree
            with what reaches them.
    """

    states: torch.Tensor
    energies: torch.Tensor


class KuramotoLayer(nn.Module):
    """Channels in groups of n are unit vectors x_i, turned at each step by what reaches them, y.

    y = c + J(x); dx_i = Omega x_i + y_i - <y_i, x_i> x_i; x_i <- normalise(x_i + gamma dx_i). J is any module over all
    channels; Omega turns each pair of channels, omega (x_2, -x_1). With n = 2 this is Kuramoto's model of phases.

    Args:
        coupling: J, `(batch, token, channel)` -> the same.
        n: channels of an oscillator, even.
        gamma: size of a step, trained.
        omega: rate of the free turning of all pairs, rad a step, at the start; kept as a parameter.
        constraint: `sphere` as above; `none` leaves out both projection and normalisation: x <- x + gamma (Omega x +
            y), an iterated residual layer; `layer_norm` is that with J(norm(x)) for J(x), norm without parameters.
            All have the same parameters.

    Raises:
        InputError: for an odd n or an unknown constraint.

    Source: Miyato et al., Artificial Kuramoto oscillatory neurons, arXiv:2410.13821; definitions from their code.

    >>> layer = KuramotoLayer(nn.Identity(), n=2, gamma=0.1, omega=0.0)
    >>> toward = torch.tensor([[[0.0, 1.0]]])
    >>> found = layer(torch.tensor([[[1.0, 0.1]]]), stimulus=toward, n_steps=100)
    >>> found.states[-1].round(decimals=2).flatten().tolist()    # it has turned to the stimulus
    [0.0, 1.0]
    """

    def __init__(
        self, coupling: nn.Module, *, n: int = 4, gamma: float = 1.0, omega: float = 0.1, constraint: str = "sphere"
    ) -> None:
        super().__init__()
        if n < 2 or n % 2:
            raise InputError("n", n, "needs an even number of channels for each oscillator")
        if constraint not in ("sphere", "none", "layer_norm"):
            raise InputError("constraint", constraint, "is one of sphere, none, layer_norm")
        self.coupling, self.n, self.constraint = coupling, n, constraint
        self.gamma = nn.Parameter(torch.tensor(float(gamma)))
        self.omega = nn.Parameter(torch.tensor(float(omega)))

    def forward(self, x: torch.Tensor, *, stimulus: torch.Tensor, n_steps: int) -> Oscillations:
        """Run from `x` under a stimulus c, both `(batch, token, channel)`.

        Raises:
            InputError: for shapes that differ or do not fit n, or no steps.
        """
        if x.shape != stimulus.shape or x.ndim != 3 or x.shape[-1] % self.n:
            raise InputError("x", tuple(x.shape), f"needs (batch, token, multiple of {self.n}), and the stimulus too")
        if n_steps < 1:
            raise InputError("n_steps", n_steps, "must be at least 1")
        sphere = self.constraint == "sphere"
        x = self._normalised(x) if sphere else x
        states, energies = [], []
        for _ in range(n_steps):
            seen = nn.functional.layer_norm(x, x.shape[-1:]) if self.constraint == "layer_norm" else x
            y = stimulus + self.coupling(seen)
            pairs = x.unflatten(-1, (-1, 2))
            turning = self.omega * torch.stack([pairs[..., 1], -pairs[..., 0]], -1).flatten(-2)
            agreement = (x * y).unflatten(-1, (-1, self.n)).sum(-1, keepdim=True)
            energies.append(-agreement.sum((1, 2, 3)))
            pull = y - (agreement * x.unflatten(-1, (-1, self.n))).flatten(-2) if sphere else y
            x = x + self.gamma * (turning + pull)
            x = self._normalised(x) if sphere else x
            states.append(x)
        return Oscillations(torch.stack(states), torch.stack(energies))

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(x.unflatten(-1, (-1, self.n)), dim=-1).flatten(-2)


class BiasedAttention(nn.Module):
    """Self-attention of several heads, with a trained score for each pair of places beside that of their contents.

    weights = softmax(q_i . k_j / sqrt(width of a head) + b_ij); out = W_o sum_j weights v_j.

    Args:
        n_channels: width; a multiple of `n_heads`.
        n_tokens: places.
        n_heads: heads, each with its own b.

    Raises:
        InputError: if the heads do not share the channels evenly.
    """

    def __init__(self, n_channels: int, *, n_tokens: int, n_heads: int = 4) -> None:
        super().__init__()
        if n_channels % n_heads:
            raise InputError("n_heads", n_heads, f"must divide {n_channels} channels")
        self.n_heads = n_heads
        self.inward, self.outward = nn.Linear(n_channels, 3 * n_channels), nn.Linear(n_channels, n_channels)
        self.place = nn.Parameter(0.1 * torch.randn(n_heads, n_tokens, n_tokens))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, token, channel)` to the same."""
        q, k, v = self.inward(x).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.mT / math.sqrt(q.shape[-1]) + self.place, -1)
        return self.outward((weights @ v).transpose(1, 2).flatten(-2))


class KuramotoSolver(nn.Module):
    """Fills in the missing symbols of a board: a symbol a cell, 0 where it is not given.

    Given cells start as their symbol's embedding, the others at random; the embedding is also the stimulus. A layer of
    oscillators coupled by attention runs; the lengths |U_k x| of linear maps of x, which no common turning of its
    vectors need change, are read out through a residual block.

    Args:
        n_symbols: symbols beside "not given".
        n_tokens: cells.
        n_channels, n_heads, n, omega, constraint: see `KuramotoLayer` and `BiasedAttention`.
        random_state: draws the weights; the global generator is left alone.

    Source: Miyato et al., arXiv:2410.13821; here with scores of places for their geometric attention, and layer norms
    for batch norms, so that more steps than in training change no statistics.

    >>> net = KuramotoSolver(4, n_tokens=16, n_channels=8)
    >>> net(torch.zeros(3, 16, dtype=torch.long)).shape
    torch.Size([3, 16, 4])
    """

    def __init__(
        self,
        n_symbols: int,
        *,
        n_tokens: int,
        n_channels: int = 64,
        n_heads: int = 4,
        n: int = 4,
        omega: float = 0.1,
        n_steps: int = 8,
        constraint: str = "sphere",
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        self.n, self.n_steps = n, n_steps
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.embedding = nn.Embedding(n_symbols + 1, n_channels)
            coupling = BiasedAttention(n_channels, n_tokens=n_tokens, n_heads=n_heads)
            self.layer = KuramotoLayer(coupling, n=n, omega=omega, constraint=constraint)
            self.lengths = nn.Linear(n_channels, n_channels * n)
            inner = nn.Linear(n_channels, n_channels)
            self.residual = nn.Sequential(nn.LayerNorm(n_channels), inner, nn.ReLU(), nn.Linear(n_channels, n_channels))
            self.readout = nn.Sequential(nn.LayerNorm(n_channels), nn.ReLU(), nn.Linear(n_channels, n_symbols))

    def run(self, givens: torch.Tensor, *, n_steps: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits `(batch, token, symbol)` and last energy `(batch,)`; the start is drawn by torch's generator."""
        stimulus = self.embedding(givens)
        start = torch.where((givens > 0)[..., None], stimulus, torch.randn_like(stimulus))
        found = self.layer(start, stimulus=stimulus, n_steps=self.n_steps if n_steps is None else n_steps)
        lengths = self.lengths(found.states[-1]).unflatten(-1, (-1, self.n)).norm(dim=-1)
        return self.readout(lengths + self.residual(lengths)), found.energies[-1]

    def forward(self, givens: torch.Tensor) -> torch.Tensor:
        """Logits `(batch, token, symbol)` of givens `(batch, token)`."""
        return self.run(givens)[0]


class Votes(NamedTuple):
    """Several runs of each board.

    Args:
        answers: `(run, board, token)`, symbols from 1.
        energies: `(run, board)`.
        chosen: `(board,)`, the run of lowest energy.
    """

    answers: np.ndarray
    energies: np.ndarray
    chosen: np.ndarray


def energy_vote(
    model: KuramotoSolver,
    givens: np.ndarray,
    *,
    n_runs: int = 8,
    n_steps: int | None = None,
    random_state: int | np.random.Generator = 0,
) -> Votes:
    """Solve boards from several random starts, and say which run ended with the lowest energy.

    Args:
        model: a solver.
        givens: `(board, token)`, 0 where nothing is given.
        n_runs: starts.
        n_steps: steps of each run; those of training if None.
        random_state: draws the starts; the global generator is left alone.

    Raises:
        InputError: for no runs.
    """
    if n_runs < 1:
        raise InputError("n_runs", n_runs, "must be at least 1")
    boards = torch.as_tensor(np.asarray(givens), dtype=torch.long)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
        runs = [model.run(boards, n_steps=n_steps) for _ in range(n_runs)]
    answers = np.stack([logits.argmax(-1).numpy() + 1 for logits, _ in runs])
    energies = np.stack([energy.numpy() for _, energy in runs])
    return Votes(answers, energies, energies.argmin(0))
