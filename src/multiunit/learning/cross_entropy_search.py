"""Search by the cross-entropy method: draw settings, keep the best, draw from where they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class Gaussian(NamedTuple):
    """A number that is drawn from a normal distribution."""

    mean: float
    std: float


class Categorical(NamedTuple):
    """One of some values, drawn with some probabilities."""

    values: Sequence[Any]
    probabilities: Sequence[float]


class Found(NamedTuple):
    """What a search has found.

    Args:
        best: the setting of least loss of all that were tried.
        loss: its loss.
        space: the distributions after the last round.
        losses: of all settings, `(round, setting)`.
    """

    best: dict[str, Any]
    loss: float
    space: dict[str, Gaussian | Categorical]
    losses: np.ndarray


def cross_entropy_search(
    evaluate: Callable[[dict[str, Any]], float],
    space: Mapping[str, Gaussian | Categorical],
    *,
    n_samples: int = 20,
    elite: float = 0.2,
    n_rounds: int = 5,
    smoothing: float = 0.7,
    random_state: int | np.random.Generator = 0,
) -> Found:
    """Minimise a loss over settings whose parts are drawn independently.

    Each round draws `n_samples` settings, takes the `elite` share of least loss, and moves each distribution v towards
    the elite's: v <- smoothing v_elite + (1 - smoothing) v; v are mean and standard deviation of a number, and the
    probabilities of values. This is the maximum-likelihood fit to the elite, which minimises the cross-entropy.

    Args:
        evaluate: the loss of a setting, `{name: value}`; finite, or inf for what must not be.
        space: where each part is drawn from at first.
        n_samples: settings a round.
        elite: share of settings kept, at least one.
        n_rounds: rounds.
        smoothing: in (0, 1]; 1 forgets the last round.
        random_state: seed or generator.

    Raises:
        InputError: for an empty space, distributions that are none, a share or smoothing out of range, no samples or
            rounds, or a loss that is NaN.

    Source: Rubinstein & Kroese, The Cross-Entropy Method, 2004, with smoothing; proposed for word2vec in Li,
    arXiv:2410.18441. Reconstructed, not read again there.

    >>> space = {"x": Gaussian(0.0, 3.0), "sign": Categorical([-1, 1], [0.5, 0.5])}
    >>> found = cross_entropy_search(lambda s: (s["sign"] * s["x"] + 2) ** 2 - s["sign"], space, n_rounds=10)
    >>> round(found.best["x"], 1), found.best["sign"]
    (-2.0, 1)
    """
    for name, size in (("n_samples", n_samples), ("n_rounds", n_rounds)):
        if size < 1:
            raise InputError(name, size, "must be at least 1")
    for name, share in (("elite", elite), ("smoothing", smoothing)):
        if not 0 < share <= 1:
            raise InputError(name, share, "must lie in (0, 1]")
    now = {name: _checked(name, part) for name, part in space.items()}
    if not now:
        raise InputError("space", dict(space), "needs something to draw")
    rng = np.random.default_rng(random_state)
    n_elite = max(1, round(elite * n_samples))
    losses = np.empty((n_rounds, n_samples))
    best: dict[str, Any] = {}
    least = np.inf
    for k in range(n_rounds):
        drawn = {name: _draw(part, n_samples, rng) for name, part in now.items()}
        settings = [{name: _value(now[name], drawn[name][i]) for name in now} for i in range(n_samples)]
        losses[k] = [float(evaluate(dict(setting))) for setting in settings]
        if np.isnan(losses[k]).any():
            raise InputError("evaluate", settings[int(np.isnan(losses[k]).argmax())], "has a loss that is NaN")
        order = np.argsort(losses[k], kind="stable")
        if not best or losses[k, order[0]] < least:
            best, least = settings[order[0]], float(losses[k, order[0]])
        chosen = order[:n_elite]
        now = {name: _moved(part, drawn[name][chosen], smoothing) for name, part in now.items()}
    return Found(best, least, now, losses)


def _checked(name: str, part: Gaussian | Categorical) -> Gaussian | Categorical:
    if isinstance(part, Gaussian):
        if not (np.isfinite(part.mean) and 0 <= part.std < np.inf):
            raise InputError("space", (name, part), "needs a finite mean, and a standard deviation of 0 or more")
        return part
    p = np.asarray(part.probabilities, float)
    if not len(part.values) or p.shape != (len(part.values),) or not (p >= 0).all() or not np.isclose(p.sum(), 1):
        raise InputError("space", (name, part), "needs a probability for each value, and 1 in all")
    return part


def _draw(part: Gaussian | Categorical, n: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers, or the places of values."""
    if isinstance(part, Gaussian):
        return rng.normal(part.mean, part.std, n)
    p = np.asarray(part.probabilities, float)
    return rng.choice(len(p), size=n, p=p / p.sum())


def _value(part: Gaussian | Categorical, drawn: Any) -> Any:
    return float(drawn) if isinstance(part, Gaussian) else part.values[int(drawn)]


def _moved(part: Gaussian | Categorical, elite: np.ndarray, smoothing: float) -> Gaussian | Categorical:
    if isinstance(part, Gaussian):
        mean, std = (
            float(smoothing * new + (1 - smoothing) * old)
            for new, old in ((elite.mean(), part.mean), (elite.std(), part.std))
        )
        return Gaussian(mean, std)
    share = np.bincount(elite, minlength=len(part.values)) / len(elite)
    return Categorical(part.values, (smoothing * share + (1 - smoothing) * np.asarray(part.probabilities)).tolist())
