"""How the synapses of assembly calculus learn: rules that see who fired on both sides, before and after a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from multiunit.core.errors import InputError


class Firing(NamedTuple):
    """Who fired at step t (`before`) and at t + 1 (`after`) on the presynaptic and the postsynaptic side: indices."""

    pre_before: np.ndarray
    pre_after: np.ndarray
    post_before: np.ndarray
    post_after: np.ndarray


class AssemblyRule(Protocol):
    """Changes weights `(pre, post)` in place; they are 0, and stay it, where `connected` is false."""

    def apply(self, weights: np.ndarray, connected: np.ndarray, firing: Firing) -> None: ...


@dataclass(frozen=True)
class Hebbian:
    """w_ji <- w_ji (1 + beta) where j fired at t and i at t + 1.

    >>> w = np.ones((2, 2))
    >>> Hebbian(0.5).apply(w, w > 0, Firing(np.array([0]), np.array([0]), np.array([], int), np.array([1])))
    >>> w.tolist()
    [[1.0, 1.5], [1.0, 1.0]]
    """

    beta: float

    def __post_init__(self) -> None:
        _share("beta", self.beta)

    def apply(self, weights: np.ndarray, connected: np.ndarray, firing: Firing) -> None:
        weights[np.ix_(firing.pre_before, firing.post_after)] *= 1 + self.beta


@dataclass(frozen=True)
class Oja:
    """w_ji <- w_ji + beta y_i (x_j - alpha y_i w_ji): all synapses onto i change when it fires at t + 1.

    Synapses from who fired at t go to 1 / alpha, all others to 0; where weights begin at 1 / alpha, nothing grows.
    """

    beta: float
    alpha: float = 1.0

    def __post_init__(self) -> None:
        _share("beta", self.beta)
        if not self.alpha > 0 or self.alpha * self.beta > 1:
            raise InputError("alpha", self.alpha, "above 0, and at most 1 / beta, or weights change their sign")

    def apply(self, weights: np.ndarray, connected: np.ndarray, firing: Firing) -> None:
        onto = connected[:, firing.post_after]
        x = np.zeros(len(weights))
        x[firing.pre_before] = 1.0
        weights[:, firing.post_after] += self.beta * onto * (x[:, None] - self.alpha * weights[:, firing.post_after])


@dataclass(frozen=True)
class SpikeOrder:
    """The rule of spike timing in steps: before-after strengthens, after-before weakens.

    w_ji <- w_ji (1 + beta) where j fired at t and i at t + 1; w_ji <- w_ji (1 - beta_minus) where i fired at t and j at
    t + 1. Both hold for synapses within what fires at every step.

    Args:
        beta, beta_minus: shares of the weight; the latter is beta / 2 if None.
    """

    beta: float
    beta_minus: float | None = None

    def __post_init__(self) -> None:
        _share("beta", self.beta)
        _share("beta_minus", self.loss)

    @property
    def loss(self) -> float:
        """beta_minus, or what it is by default."""
        return self.beta / 2 if self.beta_minus is None else self.beta_minus

    def apply(self, weights: np.ndarray, connected: np.ndarray, firing: Firing) -> None:
        weights[np.ix_(firing.pre_before, firing.post_after)] *= 1 + self.beta
        weights[np.ix_(firing.pre_after, firing.post_before)] *= 1 - self.loss


@dataclass(frozen=True)
class Anywhere:
    """The Hebbian change at as many synapses, but drawn at random from all, for comparison."""

    beta: float
    random_state: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0), repr=False)

    def __post_init__(self) -> None:
        _share("beta", self.beta)

    def apply(self, weights: np.ndarray, connected: np.ndarray, firing: Firing) -> None:
        n = int(connected[np.ix_(firing.pre_before, firing.post_after)].sum())
        synapses = np.flatnonzero(connected)
        weights.ravel()[self.random_state.choice(synapses, min(n, len(synapses)), replace=False)] *= 1 + self.beta


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(name, value, "needs a share between 0 and 1")
