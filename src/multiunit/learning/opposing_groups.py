"""Opposing groups: few examples whose losses move against each other while a network learns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.learning.example_losses import EachLoss, Pairs, each_cross_entropy


class OpposingGroups(NamedTuple):
    """Args:
    step: row of the losses before the change by which the groups were found.
    up: examples whose loss rose most by it, or fell least, `(member,)`.
    down: examples whose loss fell most, `(member,)`.
    """

    step: int
    up: np.ndarray
    down: np.ndarray


class Opposition(NamedTuple):
    """Args:
    correlation: of the changes of the two groups' mean losses over steps; below 0 they oppose.
    share: of all changes of losses, sizes summed over steps and examples, those in the two groups.
    excess: `share` over the groups' share of examples; 1 if they change as others do.
    """

    correlation: float
    share: float
    excess: float


@method(
    kind="learning", source="arXiv:2311.04163", example=lambda rng: ((rng.random(size=(20, 50)),), {"n_members": 5})
)
def opposing_groups(losses: ArrayLike, *, n_members: int = 20) -> OpposingGroups:
    """Find the examples at both ends of the largest change: where sum_i |L[t+1, i] - L[t, i]| is largest.

    There are always two ends: whether they oppose is for `opposition` to say, on steps that were not used here.

    Args:
        losses: L, `(step, example)`, of the steps to look at.
        n_members: examples at each end.

    Raises:
        InputError: for fewer than two steps, fewer examples than two groups need, or losses that are not finite.

    Source: Rosenfeld & Risteski 2023, arXiv:2311.04163 (abstract read; reconstructed: which step is taken, and how
    many examples, is not known here).

    >>> losses = np.ones((5, 10))
    >>> losses[3, :2], losses[3, 8:] = 3.0, 0.2                      # between rows 2 and 3, two rise and two fall
    >>> found = opposing_groups(losses, n_members=2)
    >>> found.step, sorted(found.up.tolist()), sorted(found.down.tolist())
    (2, [0, 1], [8, 9])
    """
    change = _changes(losses)
    if not 1 <= n_members <= change.shape[1] // 2:
        raise InputError("n_members", n_members, f"two groups of them must fit in {change.shape[1]} examples")
    step = int(np.abs(change).sum(axis=1).argmax())
    order = np.argsort(change[step], kind="stable")
    return OpposingGroups(step, order[::-1][:n_members], order[:n_members])


def opposition(losses: ArrayLike, *, first: ArrayLike, second: ArrayLike) -> Opposition:
    """How far the losses of two groups move against each other, and how much of all that moves is theirs.

    d_g(t) = mean_{i in g} (L[t+1, i] - L[t, i]); correlation = corr_t(d_first, d_second);
    share = sum_{t, i in either} |L[t+1, i] - L[t, i]| / the same over all i.

    Args:
        losses: L, `(step, example)`, of steps by which the groups were not found.
        first, second: numbers of their examples, `(member,)`, none in both.

    Raises:
        InputError: for fewer than three steps, empty groups or such that share examples, losses that are not finite, or
            a group whose loss always changes by the same.

    >>> t = np.arange(20)
    >>> losses = np.stack([3 + np.sin(t), 3 - np.sin(t), np.full(20, 2.0), np.full(20, 1.0)], axis=1)
    >>> found = opposition(losses, first=[0], second=[1])
    >>> [round(float(value), 6) for value in found]
    [-1.0, 1.0, 2.0]
    """
    change = _changes(losses)
    groups = [np.asarray(group, dtype=np.int64) for group in (first, second)]
    members = np.concatenate(groups)
    if not all(len(group) for group in groups) or len(np.unique(members)) < len(members):
        raise InputError("first", [group.tolist() for group in groups], "needs two groups that share no example")
    means = [change[:, group].mean(axis=1) for group in groups]
    if len(change) < 2 or not all(np.ptp(mean) > 0 for mean in means):
        raise InputError("losses", change.shape, "needs three steps or more, and groups whose losses change unevenly")
    share = float(np.abs(change[:, members]).sum() / np.abs(change).sum())
    return Opposition(float(np.corrcoef(*means)[0, 1]), share, share * change.shape[1] / len(members))


def gradient_cosine(module: nn.Module, *, first: Pairs, second: Pairs, loss: EachLoss = each_cross_entropy) -> float:
    """Cosine of the gradients of two groups' mean losses by all parameters: -1 if what helps one harms the other.

    Args:
        module: left as it is.
        first, second: inputs and targets of the groups.
        loss: `loss(found, targets)` gives one number an example.

    Raises:
        InputError: for a gradient that is 0.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> _ = net.weight.data.fill_(2.0)
    >>> x = torch.ones(1, 1)
    >>> pull = lambda found, targets: ((found - targets) ** 2)[:, 0]
    >>> gradient_cosine(net, first=(x, x), second=(x, 3 * x), loss=pull)
    -1.0
    """
    weights = [p for p in module.parameters() if p.requires_grad]
    slopes = []
    for inputs, targets in (first, second):
        value = loss(module(inputs), targets).mean()
        parts = torch.autograd.grad(value, weights, materialize_grads=True)
        slopes.append(torch.cat([part.flatten() for part in parts]).double())
    size = slopes[0].norm() * slopes[1].norm()
    if not size > 0:
        raise InputError("first", float(size), "the gradient of a group is 0")
    return float(slopes[0] @ slopes[1] / size)


def _changes(losses: ArrayLike) -> np.ndarray:
    values = np.asarray(losses, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError("losses", values.shape, "needs finite losses, (step, example), of two steps or more")
    return np.diff(values, axis=0)
