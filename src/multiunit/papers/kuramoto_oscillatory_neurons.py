"""Artificial Kuramoto oscillatory neurons: units that turn on a sphere solve constraints beyond their training.

Claim: layers of oscillators solve constraint problems out of distribution better than an equally sized iterated
self-attention, and gain from more steps and from the vote of the lowest energy, because energy tells who is right.

Experiment: Sudoku of 4 x 4 cells, 216 of its 288 grids for training with 8 to 10 givens, the other 72 for testing with
5 or 6; 64 channels in oscillators of 4, attention of 4 heads, 8 steps, 400 updates of 32 boards drawn anew. Tested on
300 boards with 8 and with 32 steps, from 8 random starts: share of boards solved, by the vote and on average.

Control: the same parameters trained as iterated self-attention with residuals, without projection and normalisation, at
32 steps and with the same vote; the same with a layer norm before attention, as transformers have it; for the vote, a
run at random (the mean over runs).

Deviations: test grids differ from training grids, and each board has one solution, which the catalogue left open; the
layer-normed rival was added, since nothing holds the state of the plain one in place beyond the steps of training.
Batches of 32 for the catalogue's 128, which would take two minutes.

Not shown: 9 x 9 Sudoku, object discovery, robustness.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_solver import train_solver
from multiunit.networks.kuramoto_layer import KuramotoLayer, KuramotoSolver, Votes, energy_vote
from multiunit.tasks.small_sudoku import Puzzles, small_sudoku, sudoku_grids

PAPER = Paper(
    id="kuramoto-oscillatory-neurons",
    title="Artificial Kuramoto Oscillatory Neurons",
    year=2024,
    source="arXiv:2410.13821",
    level="trained",
    uses=(KuramotoLayer, energy_vote),
)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    grids = sudoku_grids()[rng.permutation(288)]
    n_boards, n_steps = scale.pick(smoke=(50, 4), small=(300, 8))
    n_updates = scale.pick(smoke=40, small=400)
    weights, batches, starts = (int(rng.integers(2**31)) for _ in range(3))
    draw = partial(_draw, grids=grids[:216])
    easy = small_sudoku(n_boards, n_givens=(8, 10), grids=grids[216:], random_state=rng)
    hard = small_sudoku(n_boards, n_givens=(5, 6), grids=grids[216:], random_state=rng)
    found: dict[str, dict[str, Votes]] = {}
    for constraint in ("sphere", "none", "layer_norm"):
        model = KuramotoSolver(4, n_tokens=16, n_steps=n_steps, constraint=constraint, random_state=weights)
        train_solver(model, draw, n_steps=n_updates, batch_size=32, random_state=batches)
        found[constraint] = {
            "easy": energy_vote(model, easy.givens, random_state=starts),
            "short": energy_vote(model, hard.givens, random_state=starts),
            "long": energy_vote(model, hard.givens, n_steps=4 * n_steps, random_state=starts),
        }
    own = found["sphere"]
    energies = own["long"].energies
    right = solved(own["long"], hard)
    return Claim(
        measured={
            "solved_in_distribution": float(voted(own["easy"], easy)),
            "solved": float(voted(own["long"], hard)),
            "solved_without_vote": float(right.mean()),
            "solved_in_steps_of_training": float(voted(own["short"], hard)),
            "energy_correctness_correlation": correlation_within(energies, right),
        },
        control={
            "residual_solved": float(voted(found["none"]["long"], hard)),
            "residual_solved_in_steps_of_training": float(voted(found["none"]["short"], hard)),
            "residual_solved_in_distribution": float(voted(found["none"]["easy"], easy)),
            "layer_norm_solved": float(voted(found["layer_norm"]["long"], hard)),
            "layer_norm_solved_in_steps_of_training": float(voted(found["layer_norm"]["short"], hard)),
            "layer_norm_solved_in_distribution": float(voted(found["layer_norm"]["easy"], easy)),
        },
        criterion="measured.solved >= control.residual_solved + 0.05 "
        "and measured.solved >= control.layer_norm_solved + 0.05 "
        "and measured.solved >= measured.solved_without_vote + 0.02",
    )


def _draw(n: int, rng: np.random.Generator, *, grids: np.ndarray) -> Puzzles:
    return small_sudoku(n, n_givens=(8, 10), grids=grids, random_state=rng)


def solved(votes: Votes, puzzles: Puzzles) -> np.ndarray:
    """`(run, board)`: whether every cell is right."""
    return (votes.answers == puzzles.solution).all(2)


def voted(votes: Votes, puzzles: Puzzles) -> float:
    """Share of boards that the run of lowest energy solves."""
    return float(solved(votes, puzzles)[votes.chosen, np.arange(len(votes.chosen))].mean())


def correlation_within(energies: np.ndarray, right: np.ndarray) -> float:
    """Correlation of energy with being right over the runs of a board, each board's means taken off; 0 if all agree."""
    x, y = energies - energies.mean(0), right - right.mean(0)
    size = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / size) if size > 0 else 0.0
