"""Concept parameters: the weights that a concept wants shut, from the gradient of its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.interventions.parameter_set import ParameterSet, scaled_parameters

Loss = Callable[[np.random.Generator], torch.Tensor]


class ShuttingGain(NamedTuple):
    """What shutting each entry gains, to first order: parameter name -> tensor of the parameter's shape.

    Args:
        gain: the mean of theta * dL/dtheta over the draws; positive where a smaller entry means a smaller loss.
        t_value: that mean over its standard error; 0 where nothing varies.
    """

    gain: dict[str, torch.Tensor]
    t_value: dict[str, torch.Tensor]


def shutting_gain(
    module: nn.Module,
    loss: Loss,
    *,
    parameters: str | Sequence[str] = "*",
    n_draws: int = 200,
    shut_along: float = 0.0,
    random_state: int | np.random.Generator = 0,
) -> ShuttingGain:
    """How far a loss falls, to first order, if an entry is scaled down: -dL/ds of theta (1 - s) = theta dL/dtheta.

    The first order holds near the weights as they are, and shutting is a large step. With `shut_along` the gradient
    is taken on the way: at draw k of K the entries that lead so far are scaled by 1 - k/K. While they stay the same,
    their gains add up to the loss that shutting them really saves, as in integrated gradients.

    Args:
        module: any module; it is left in its mode, with its weights and gradients as they were.
        loss: `loss(generator)` runs the module and gives one number; whatever it draws at random - stimuli, levels
            of noise - comes from the generator.
        parameters: globs over the names of the module's parameters.
        n_draws: calls of the loss.
        shut_along: share of the entries to shut step by step meanwhile; 0 measures at the weights as they are.
        random_state: seed or generator handed to the loss.

    Returns:
        `gain` and `t_value`. Without `shut_along` the gains of other draws average with these, so that they can be
        made on many machines.

    Raises:
        InputError: for globs that match nothing, or a loss that is not one finite number or does not depend on the
            parameters.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> _ = net.weight.data.copy_(torch.tensor([[2.0, 1.0]]))
    >>> x = torch.tensor([[1.0, 1.0]])                                  # gives 3 where 1 is wanted
    >>> shutting_gain(net, lambda rng: (net(x) - 1).square().sum(), n_draws=1).gain["weight"].tolist()
    [[8.0, 4.0]]
    """
    patterns = [parameters] if isinstance(parameters, str) else list(parameters)
    chosen = {n: p for n, p in module.named_parameters() if any(fnmatch(n, pattern) for pattern in patterns)}
    if not chosen:
        raise InputError("parameters", parameters, "matches no parameter of the module")
    if n_draws < 1 or not 0 <= shut_along <= 1:
        raise InputError("n_draws", (n_draws, shut_along), "at least one draw, and shut_along a share from 0 to 1")
    rng = np.random.default_rng(random_state)
    total = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in chosen.items()}
    squares = {name: torch.zeros_like(t) for name, t in total.items()}
    theta = {name: p.detach().clone() for name, p in chosen.items()}
    wanted = [(p, p.requires_grad) for p in chosen.values()]
    try:
        for parameter, _ in wanted:
            parameter.requires_grad_(True)
        for k in range(n_draws):
            leading = ParameterSet({name: torch.zeros(t.shape, dtype=torch.bool) for name, t in total.items()})
            if k and shut_along:
                leading = highest_entries(total, top=shut_along)
            with scaled_parameters(module, leading, gain=1 - k / n_draws), torch.enable_grad():
                value = loss(rng)
                if not isinstance(value, torch.Tensor) or value.ndim or not torch.isfinite(value) or not value.grad_fn:
                    raise InputError("loss", value, "must give one finite number that depends on the parameters")
                gradients = torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
            for name, gradient in zip(chosen, gradients, strict=True):
                if gradient is not None:
                    product = (theta[name] * gradient).double()
                    total[name] += product
                    squares[name] += product.square()
    finally:
        for parameter, before in wanted:
            parameter.requires_grad_(before)
    gain, t_value = {}, {}
    for name, summed in total.items():
        mean = summed / n_draws
        error = ((squares[name] / n_draws - mean.square()).clamp(min=0) / max(n_draws - 1, 1)).sqrt()
        gain[name] = mean.to(chosen[name].dtype)
        t_value[name] = torch.where(error > 0, mean / error, 0.0).to(chosen[name].dtype)
    return ShuttingGain(gain, t_value)


def highest_entries(scores: Mapping[str, torch.Tensor], *, top: float, threshold: float = 0.0) -> ParameterSet:
    """The `top` share of all entries by score, the parameters taken together, as far as they exceed the threshold.

    Args:
        scores: parameter name -> score of each entry, such as `ShuttingGain.gain`, its negative, or a magnitude.
        top: share of all entries, in (0, 1]; 1 keeps whatever exceeds the threshold.
        threshold: entries at or below it are never taken.

    Raises:
        InputError: for a share outside (0, 1], or scores that are not finite.

    >>> found = highest_entries({"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([-1.0, 2.0])}, top=0.5)
    >>> found.masks["a"].tolist(), found.masks["b"].tolist()
    ([True, False], [False, True])
    """
    if not 0 < top <= 1:
        raise InputError("top", top, "a share of the entries, above 0 and at most 1")
    flat = torch.cat([score.detach().flatten().cpu() for score in scores.values()])
    if not torch.isfinite(flat).all():
        raise InputError("scores", "NaN or infinity", "every entry needs a score")
    # Entries are taken by rank, not by value: ties would otherwise take more than the share.
    order = torch.argsort(flat, descending=True, stable=True)[: max(1, round(top * len(flat)))]
    taken = torch.zeros(len(flat), dtype=torch.bool)
    taken[order] = True
    taken &= flat > threshold
    pieces = taken.split([score.numel() for score in scores.values()])
    return ParameterSet(
        {name: piece.reshape(score.shape) for (name, score), piece in zip(scores.items(), pieces, strict=True)}
    )


def random_entries(parameter_set: ParameterSet, *, random_state: int | np.random.Generator = 0) -> ParameterSet:
    """As many entries of each parameter, drawn at random: the control of a chosen set.

    >>> chosen = ParameterSet({"w": torch.tensor([[True, False, False], [True, False, False]])})
    >>> int(random_entries(chosen).masks["w"].sum())
    2
    """
    rng = np.random.default_rng(random_state)
    masks = {}
    for name, mask in parameter_set.masks.items():
        drawn = torch.zeros(mask.numel(), dtype=torch.bool)
        drawn[torch.as_tensor(rng.choice(mask.numel(), size=int(mask.sum()), replace=False))] = True
        masks[name] = drawn.reshape(mask.shape)
    return ParameterSet(masks)


@method(kind="causal", source="arXiv:2303.05125", example=lambda rng: _example(rng))
def concept_parameters(
    module: nn.Module,
    loss: Loss,
    *,
    parameters: str | Sequence[str] = "*",
    top: float = 0.01,
    threshold: float = 0.0,
    n_draws: int = 200,
    gradually: bool = True,
    random_state: int | np.random.Generator = 0,
) -> ParameterSet:
    """Find the entries of a model's parameters whose shutting makes it better at a concept.

    M_i = mean over draws of theta_i dL/dtheta_i; an entry is a "concept neuron" if M_i > threshold, at most the `top`
    share of all entries, highest first. Shut them with `scaled_parameters(module, found)`; sets of several concepts
    unite by `|`. Any loss of any torch model will do; in Cones it is the denoising loss of a few images of a subject
    under its prompt, and the parameters are the keys and values of the cross-attention.

    Args:
        module: any module.
        loss: `loss(generator)` gives the loss of one draw; see `shutting_gain`.
        parameters: globs over parameter names, such as `"*.attn2.to_[kv].weight"`.
        top: largest share of all their entries to take; 1 takes whatever exceeds the threshold.
        threshold: of M.
        n_draws: calls of the loss.
        gradually: shut what leads step by step while the gradients are taken; otherwise all are taken at the weights
            as they are.
        random_state: seed or generator handed to the loss.

    Raises:
        InputError: as `shutting_gain` and `highest_entries`.

    Source: Liu et al. 2023, "Cones", arXiv:2303.05125. Reconstructed from its stated criterion (a concept neuron is a
    weight whose shutting lowers the concept's loss): the published threshold, number of draws, and size of the
    shrinking steps between draws could not be read; the steps here follow the straight path to shutting.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> _ = net.weight.data.copy_(torch.tensor([[2.0, -1.0]]))
    >>> x = torch.tensor([[1.0, 1.0]])                                  # gives 1 where 0 is wanted
    >>> concept_parameters(net, lambda rng: net(x).square().sum(), top=1.0, n_draws=1).masks["weight"].tolist()
    [[True, False]]
    """
    found = shutting_gain(
        module,
        loss,
        parameters=parameters,
        n_draws=n_draws,
        shut_along=top if gradually else 0.0,
        random_state=random_state,
    )
    return highest_entries(found.gain, top=top, threshold=threshold)


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    net = nn.Linear(3, 1, bias=False)
    nn.init.ones_(net.weight)
    return (net, lambda generator: net(torch.ones(1, 3)).square().sum()), {"n_draws": 2}
