"""Value and dopamine neurons: hidden units that carry the expected reward, and how it is missed or exceeded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.maths.rank_scores import rank_scores
from multiunit.units.detection import detection, strongest
from multiunit.units.observed import numbers


class ValueProbe:
    """A probe V(h) of the reward to come, learned by temporal differences from states along episodes.

    V(h) = sigmoid(w2 . relu(W1 z(h) + b1) + b2), z the standardised state; the loss is the mean over all states of
    [r + gamma V(h') - V(h)]^2, in which the target r + gamma V(h') is held fixed. The reward r comes at the last state
    of an episode, which has no V(h').

    Args:
        n_hidden: units of the hidden layer.
        gamma: discount of one step.
        n_steps: updates by Adam.
        batch_size: states an update, drawn with replacement.
        learning_rate: of Adam.
        random_state: draws the weights and batches; the global generators are left alone.

    Source: "Sparse Reward Subsystem in Large Language Models", 2026, arXiv:2602.00986. Reconstructed from summaries:
    two layers with a ReLU and errors without discount are theirs; the width, the sigmoid, the fixed target, that states
    are standardised, and the optimiser are unsure. No code was found.

    Two steps before a reward of 1 or 0 that only the second unit tells:

    >>> states = np.array([[5.0, 1.0], [4.0, 1.0], [5.0, -1.0], [4.0, -1.0]])
    >>> probe = ValueProbe(n_steps=300, learning_rate=1e-2).fit(states, [0, 0, 1, 1], reward=[1, 1, 0, 0])
    >>> probe.value(states).round(1).tolist(), int(probe.importance_.argmax())
    ([1.0, 1.0, 0.0, 0.0], 1)
    """

    module_: nn.Sequential
    mean_: torch.Tensor
    deviation_: torch.Tensor

    def __init__(
        self,
        *,
        n_hidden: int = 64,
        gamma: float = 1.0,
        n_steps: int = 1000,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        for name, size in (("n_hidden", n_hidden), ("n_steps", n_steps), ("batch_size", batch_size)):
            if size < 1:
                raise InputError(name, size, "needs at least 1")
        if not 0 <= gamma <= 1:
            raise InputError("gamma", gamma, "a discount from 0 to 1")
        if not learning_rate > 0:
            raise InputError("learning_rate", learning_rate, "must be above 0")
        self.n_hidden, self.gamma, self.n_steps = n_hidden, gamma, n_steps
        self.batch_size, self.learning_rate, self.random_state = batch_size, learning_rate, random_state

    def fit(self, states: Any, sequence: Any, *, reward: Any) -> Self:
        """Learn from states `(state, unit)` in the order of time, the episode of each, and its reward in [0, 1].

        The reward given for the last state of an episode counts; those of the states before are not read.

        Raises:
            InputError: for states that are not finite, lengths that differ, episodes in pieces, or other rewards.
        """
        x = _states(states)
        follows = following(sequence)
        final = torch.as_tensor(np.array(reward, dtype=np.float32), device=x.device)
        if not len(follows) == len(final) == len(x) or not len(x):
            raise InputError("reward", len(final), f"needs an episode and its reward for each of {len(x)} states")
        if not bool(((final >= 0) & (final <= 1)).all()):
            raise InputError("reward", "outside [0, 1]", "the value is a probability-like number; scale the reward")
        rng = np.random.default_rng(self.random_state)
        self.mean_, self.deviation_ = x.mean(dim=0), x.std(dim=0, correction=0).clamp(min=1e-6)
        z = (x - self.mean_) / self.deviation_
        after = torch.as_tensor(follows, device=x.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            layers = (nn.Linear(x.shape[1], self.n_hidden), nn.ReLU(), nn.Linear(self.n_hidden, 1), nn.Sigmoid())
            self.module_ = nn.Sequential(*layers).to(x.device)
        optimiser = torch.optim.Adam(self.module_.parameters(), lr=self.learning_rate)
        for _ in range(self.n_steps):
            row = torch.as_tensor(rng.integers(len(x), size=self.batch_size), device=x.device)
            with torch.no_grad():
                to_come = self.gamma * self.module_(z[after[row].clamp(min=0)])[:, 0]
                target = torch.where(after[row] < 0, final[row], to_come)
            loss = (target - self.module_(z[row])[:, 0]).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        return self

    def value(self, states: Any, *, kept: Any = None) -> np.ndarray:
        """V of each state `(state,)`; with `kept`, bool `(unit,)`, all other units stand at their mean.

        Raises:
            InputError: for other units than those of `fit`, or states that are not finite.
        """
        x = _states(states).to(self.mean_.device)
        if x.shape[1:] != self.mean_.shape:
            raise InputError("states", tuple(x.shape), f"the probe learned from {len(self.mean_)} units")
        z = (x - self.mean_) / self.deviation_
        if kept is not None:
            mask = np.array(kept, dtype=np.float32)
            if mask.shape != tuple(self.mean_.shape):
                raise InputError("kept", mask.shape, f"needs a bool for each of {len(self.mean_)} units")
            z = z * torch.as_tensor(mask, device=z.device)
        with torch.no_grad():
            return self.module_(z)[:, 0].cpu().double().numpy()

    @property
    def importance_(self) -> np.ndarray:
        """`(unit,)`: the L1 norm of the weights that leave each input."""
        first = self.module_[0]
        assert isinstance(first, nn.Linear)
        return first.weight.detach().abs().sum(dim=0).cpu().double().numpy()


def following(sequence: Any) -> np.ndarray:
    """The row of the next state of the same episode, -1 after the last.

    Raises:
        InputError: for an episode whose states are not one after the other.

    >>> following(["a", "a", "b"]).tolist()
    [1, -1, -1]
    """
    names = np.asarray(sequence)
    same = names[1:] == names[:-1]
    if len(names) and 1 + int((~same).sum()) != len(np.unique(names)):
        raise InputError("sequence", "episodes in pieces", "sort the states by episode and time")
    return np.where(np.r_[same, np.zeros(min(1, len(names)), dtype=bool)], np.arange(len(names)) + 1, -1)


def surprises(value: Any, sequence: Any, *, gamma: float = 1.0) -> np.ndarray:
    """The temporal-difference error on arriving at each state: gamma V(now) - V(before), `(state,)`.

    NaN at the first state of an episode. The last error, reward - V(last state), comes when no state follows and has
    no place here.

    Raises:
        InputError: for lengths that differ or episodes in pieces.

    >>> surprises([0.5, 0.9, 0.4], ["a", "a", "b"]).round(6).tolist()
    [nan, 0.4, nan]
    """
    v, after = np.asarray(value, dtype=np.float64), following(sequence)
    if v.shape != after.shape:
        raise InputError("value", v.shape, f"needs one for each of {len(after)} states")
    out = np.full(len(v), np.nan)
    before = np.flatnonzero(after >= 0)
    out[after[before]] = gamma * v[after[before]] - v[before]
    return out


def pruning_curve(
    value_of: Any, importance: Any, *, reward: Any, keep: Sequence[float] = (1, 0.5, 0.2, 0.1, 0.05, 0.01)
) -> np.ndarray:
    """How well the value tells right from wrong episodes, AUROC, as the least important units are taken away.

    Args:
        value_of: `kept` bool `(unit,)` -> value `(episode,)`, such as `lambda kept: probe.value(states, kept=kept)`.
        importance: `(unit,)`; random numbers give the curve of chance.
        reward: `(episode,)`, 0 or 1.
        keep: shares of the units; at least one unit is kept.

    Returns:
        `(keep,)`; NaN if all rewards are the same.
    """
    right = np.asarray(reward).astype(bool)[:, None]
    kept = [strongest(importance, share) for share in keep]
    return np.array([rank_scores(np.asarray(value_of(k))[:, None], right).auroc[0, 0] for k in kept])


def _episodes(rng: np.random.Generator) -> Recording:
    """Unit 1 tells the reward of its episode from the start, unit 2 the surprise."""
    x = rng.normal(size=(240, 6))
    reward, surprise = np.repeat(rng.integers(2, size=60), 4), rng.normal(size=240)
    x[:, 1] += 4 * reward
    x[:, 2] += 4 * surprise
    columns = {"sequence_id": np.repeat(np.arange(60), 4), "reward": reward.astype(float), "surprise": surprise}
    return Recording.from_activity(x, presentations=columns)


@method(
    kind="measure",
    source="arXiv:2602.00986",
    example=lambda rng: ((_episodes(rng), "reward"), {"n_steps": 100}),
    float32_tolerance=1e-2,
    exceptions={"permuting_units_permutes": "the first weights of the probe are drawn in the order of the units"},
)
def value_neurons(
    recording: Recording,
    variable: str = "reward",
    *,
    top: float = 0.01,
    n_hidden: int = 64,
    gamma: float = 1.0,
    n_steps: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units on which a probe of the expected reward leans most.

    A `ValueProbe` is fitted; score = L1 norm of its first-layer weights that leave the unit. Whether so few units are
    enough shows when the others are pruned (`pruning_curve`), and whether the model needs them when they are ablated.

    Args:
        recording: states of episodes in the order of time, `activity(presentation, unit)` with `sequence_id`; of one
            site, as the probe reads all units at once.
        variable: presentation column of the reward of the whole episode, in [0, 1].
        top: share of the units to select.
        n_hidden, gamma, n_steps: of the probe.
        random_state: seed or generator.

    Returns:
        over `unit`: `score`, `selected`, `control` (random units of the same site and mean activity).

    Raises:
        InputError: as `ValueProbe.fit`; for a reward that is missing or never varies.

    Source: "Sparse Reward Subsystem in Large Language Models", 2026, arXiv:2602.00986. Reconstructed, see `ValueProbe`.
    """
    reward = numbers(recording, variable)
    if not len(reward) or np.ptp(reward) == 0:
        raise InputError("variable", variable, "is the same in all episodes; nothing can be learned from it")
    rng = np.random.default_rng(random_state)
    probe = ValueProbe(n_hidden=n_hidden, gamma=gamma, n_steps=n_steps, random_state=rng)
    score = probe.fit(recording.activity, _sequence(recording), reward=reward).importance_
    loudness = recording.activity.mean(axis=0, dtype=np.float64)
    return detection(score, strongest(score, top), units=recording.dataset, mean_activity=loudness, random_state=rng)


@method(kind="measure", source="arXiv:2602.00986", example=lambda rng: ((_episodes(rng), "surprise"), {"top": 0.2}))
def dopamine_neurons(
    recording: Recording,
    variable: str = "surprise",
    *,
    top: float = 0.01,
    large: float = 0.25,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units whose activity goes with the temporal-difference error: up if the outlook brightens, down if not.

    score = Pearson's r with the error; `auroc` says how well the unit tells large positive errors (the `large` share
    of all) from large negative ones.

    Args:
        recording: `activity(presentation, unit)`.
        variable: presentation column of the error, such as `surprises` gives it; NaN where there is none.
        top: share of the units to select, by the score.
        large: share of the errors at either end that counts as large.
        random_state: seed or generator of the control.

    Returns:
        over `unit`: `score`, `auroc`, `selected`, `control` (random units of the same site and mean activity).

    Raises:
        InputError: for a column that is missing, holds fewer than four errors, or never varies.

    Source: "Sparse Reward Subsystem in Large Language Models", 2026, arXiv:2602.00986. Reconstructed: that the error
    belongs to the state in which it becomes known, and how the best units are chosen, is unsure.
    """
    if variable not in recording.presentations:
        raise InputError("variable", variable, f"is no presentation column; there are: {list(recording.presentations)}")
    if not 0 < large <= 0.5:
        raise InputError("large", large, "a share of the errors at one end, up to a half")
    error = recording.presentations[variable].to_numpy(float)
    rows = np.flatnonzero(np.isfinite(error))
    error = error[rows]
    if len(rows) < 4 or np.ptp(error) == 0:
        raise InputError("variable", variable, "needs at least four errors that vary")
    x = recording.activity[rows].astype(np.float64)
    if not np.isfinite(x).all():
        raise InputError("activity", "NaN or infinity", "leave out states that were not recorded")
    a, b = x - x.mean(axis=0), error - error.mean()
    scale = np.linalg.norm(a, axis=0) * np.linalg.norm(b)
    score = np.divide(b @ a, scale, out=np.zeros(len(scale)), where=scale > 1e-12 * np.abs(x).max(initial=1.0))
    low, high = np.quantile(error, [large, 1 - large])
    ends = (error <= low) | (error >= high)
    auroc = rank_scores(x[ends], (error[ends] >= high)[:, None]).auroc[:, 0]
    return detection(
        score,
        strongest(score, top),
        units=recording.dataset,
        mean_activity=x.mean(axis=0),
        extras={"auroc": ("unit", auroc)},
        random_state=random_state,
    )


def _states(states: Any) -> torch.Tensor:
    x = (
        states.detach().float()
        if isinstance(states, torch.Tensor)
        else torch.tensor(np.array(states, dtype=np.float32))
    )
    if x.ndim != 2 or not torch.isfinite(x).all():
        raise InputError("states", tuple(x.shape), "needs (state, unit), finite numbers only")
    return x


def _sequence(recording: Recording) -> np.ndarray:
    if "sequence_id" not in recording.presentations:
        raise InputError("recording", recording, "needs the presentation column sequence_id: the episode of each state")
    return recording.presentations["sequence_id"].to_numpy()
