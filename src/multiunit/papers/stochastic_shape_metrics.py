"""Stochastic shape distance: noise places a network among others, beside what it says on average.

Claim: an attribute of training, such as the level of noise, is read out better from a network's place in the space of
stochastic shape distances than from its place in that of mean responses.

Experiment: 24 perceptrons (two hidden layers of 50) name handwritten digits, trained for 400 steps with noise added
behind the first hidden layer: six levels, doubling from 0.05 to 1.6 a unit, in all directions or, of equal power, along
a single random one; two networks of each. The second hidden layer answers 20 held-out images 60 times each, in its
first 8 principal components. All 276 distances at alpha = 1 (2-Wasserstein); the level (in doublings) of each network
is predicted by the mean of its three nearest neighbours.

Control: the same with alpha = 2, which sees means only, of the same networks; the levels permuted over networks. The
kind of noise is read out in the same way, and reported.

Deviations: catalogue's eight levels of three seeds became six of two kinds and two seeds, so that each network has
three others of its level. Activity is not scaled to one size, so that means may tell the noise by their size, too.
Distances come from two starts of at most 50 rounds: upper bounds, whence triangles are checked.

Not shown: brain recordings, the energy distance, other attributes. Networks of one level have noise of about one size,
so that the read-out need not rest on its form.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.similarity.stochastic_shape import gaussian_shape, stochastic_shape
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="stochastic-shape-metrics",
    title="Representational dissimilarity metric spaces for stochastic neural networks",
    year=2023,
    source="arXiv:2211.11665",
    level="trained",
    uses=(stochastic_shape,),
)

WIDTH, N_COMPONENTS = 50, 8


class _AddedNoise(nn.Module):
    """Gaussian noise of one variance a unit, in all directions or along one."""

    def __init__(self, level: float, direction: np.ndarray | None) -> None:
        super().__init__()
        self.level = level
        self.direction = None if direction is None else torch.as_tensor(direction).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.direction is None:
            return x + self.level * torch.randn_like(x)
        return x + self.level * WIDTH**0.5 * torch.randn(len(x), 1) * self.direction


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    frame = digits(random_state=rng)
    train = frame[frame["split"] == "train"]
    shown = np.stack(list(frame.loc[frame["split"] == "test", "stimulus"]))
    stimuli = torch.as_tensor(shown[rng.permutation(len(shown))[: scale.pick(smoke=10, small=20)]])
    n_levels, n_steps, n_repeats = scale.pick(smoke=(3, 20, 20), small=(6, 400, 60))
    level = np.repeat(np.arange(n_levels, dtype=float), 4)
    kind = np.tile([0, 1], 2 * n_levels)
    moments, correct = [], []
    for doublings, single in zip(level, kind, strict=True):
        direction = rng.normal(size=WIDTH)
        noise = _AddedNoise(0.05 * 2**doublings, direction / np.linalg.norm(direction) if single else None)
        net = _network(noise, rng)
        train_classifier(net, train["stimulus"], labels=train["label"], n_steps=n_steps, random_state=rng)
        moments.append(_moments(net[:-1], stimuli, n_repeats=n_repeats, rng=rng))
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            guess = net(torch.as_tensor(shown)).argmax(1).numpy()
        correct.append(np.mean(guess == frame.loc[frame["split"] == "test", "label"].to_numpy()))
    distances = {alpha: _distances(moments, alpha) for alpha in (1.0, 2.0)}
    permuted = [_level_r2(distances[1.0], rng.permutation(level)) for _ in range(scale.pick(smoke=2, small=20))]
    return Claim(
        measured={
            "level_r2": _level_r2(distances[1.0], level),
            "kind_accuracy": _kind_accuracy(distances[1.0], kind),
            "broken_triangles": _broken_triangles(distances[1.0]),
            "accuracy_least_noise": float(np.mean(correct[:4])),
            "accuracy_most_noise": float(np.mean(correct[-4:])),
        },
        control={
            "means_level_r2": _level_r2(distances[2.0], level),
            "means_kind_accuracy": _kind_accuracy(distances[2.0], kind),
            "permuted_level_r2": float(np.mean(permuted)),
        },
        criterion="measured.level_r2 >= control.means_level_r2 + 0.1 and control.permuted_level_r2 < 0.1 "
        "and measured.broken_triangles < 0.01",
    )


def _network(noise: nn.Module, rng: np.random.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        first, second, readout = nn.Linear(64, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 10)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), noise, second, nn.ReLU(), readout)


def _moments(
    net: nn.Module, stimuli: torch.Tensor, *, n_repeats: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances of the responses to each stimulus, in the network's own principal components."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        activity = net(stimuli.repeat_interleave(n_repeats, dim=0)).double().numpy()
    reduced = PCA(N_COMPONENTS, svd_solver="full").fit_transform(activity)
    responses = reduced.reshape(len(stimuli), n_repeats, N_COMPONENTS)
    return responses.mean(axis=1), np.stack([np.cov(one, rowvar=False) for one in responses])


def _distances(moments: list[tuple[np.ndarray, np.ndarray]], alpha: float) -> np.ndarray:
    found = np.zeros((len(moments), len(moments)))
    for i, j in combinations(range(len(moments)), 2):
        found[i, j] = gaussian_shape(moments[i], moments[j], alpha=alpha, n_restarts=0, n_iterations=50)
    return found + found.T


def _level_r2(distances: np.ndarray, level: np.ndarray) -> float:
    nearest = KNeighborsRegressor(3, metric="precomputed")
    return float(r2_score(level, cross_val_predict(nearest, distances, level, cv=LeaveOneOut())))


def _kind_accuracy(distances: np.ndarray, kind: np.ndarray) -> float:
    nearest = KNeighborsClassifier(3, metric="precomputed")
    return float(accuracy_score(kind, cross_val_predict(nearest, distances, kind, cv=LeaveOneOut())))


def _broken_triangles(d: np.ndarray) -> float:
    """The share of triples of which one side exceeds the other two by more than a thousandth."""
    i, j, k = np.array(list(combinations(range(len(d)), 3))).T
    sides = np.sort([d[i, j], d[j, k], d[i, k]], axis=0)
    return float(np.mean(sides[2] > 1.001 * (sides[0] + sides[1])))
