"""Functional dimension: in how many independent directions a network's parameters change what it computes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap

from multiunit.core.errors import InputError
from multiunit.core.method import method

Sample = Callable[[int, np.random.Generator], Any]


class FunctionalDimension(NamedTuple):
    """Args:
    rank: the dimension found over the inputs that were drawn, from below.
    upper_bound: parameters less one for each rectified hidden unit, which can be scaled without a trace.
    singular_values: of the Jacobian, `(parameter,)`, from large to small; look for the gap behind the `rank`-th.
    n_inputs: inputs at each look, `(look,)`.
    ranks: rank at each look, `(look,)`.
    """

    rank: int
    upper_bound: int
    singular_values: np.ndarray
    n_inputs: np.ndarray
    ranks: np.ndarray

    @property
    def deficit(self) -> int:
        """Dimension of the hidden symmetries; 0 says that there are no continuous ones."""
        return self.upper_bound - self.rank


def parameter_jacobian(model: nn.Module, inputs: Any) -> torch.Tensor:
    """Derivatives of every output for every input by every parameter, in double precision.

    Args:
        model: takes `(input, ...)` and gives `(input, ...)`, each input by itself; left as it is.
        inputs: `(input, ...)`.

    Returns:
        float64 `(input * outputs, parameter)`, parameters in the order of `model.named_parameters()`, flattened.

    >>> net = nn.Linear(2, 1)
    >>> parameter_jacobian(net, [[3.0, 4.0]]).tolist()
    [[3.0, 4.0, 1.0]]
    """
    net = copy.deepcopy(model).cpu().double().eval()
    weights = {name: p.detach() for name, p in net.named_parameters()}
    x = torch.as_tensor(np.asarray(inputs), dtype=torch.float64)

    def output(weights: dict[str, torch.Tensor], one: torch.Tensor) -> torch.Tensor:
        return functional_call(net, weights, (one[None],)).flatten()

    slopes = vmap(jacrev(output), in_dims=(None, 0))(weights, x)
    return torch.cat([s.flatten(2) for s in slopes.values()], dim=2).flatten(0, 1)


def stacked(triangle: torch.Tensor | None, rows: torch.Tensor) -> torch.Tensor:
    """R of the QR decomposition of all rows so far: it has their singular values and right singular vectors.

    Args:
        triangle: R of the rows before, None at the start.
        rows: more of them, `(row, column)`.

    >>> rows = torch.tensor([[3.0], [4.0], [12.0]], dtype=torch.float64)
    >>> round(abs(stacked(stacked(None, rows[:2]), rows[2:]).item()), 9)
    13.0
    """
    return torch.linalg.qr(rows if triangle is None else torch.cat([triangle, rows]), mode="r").R


def n_scalings(model: nn.Module) -> int:
    """Hidden units that can be scaled, in any `nn.Sequential` of the model: those of a `Linear`, `ReLU`, `Linear`.

    >>> n_scalings(nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)))
    5
    """
    count = 0
    for chain in model.modules():
        if isinstance(chain, nn.Sequential):
            parts = list(chain)
            for first, middle, last in zip(parts, parts[1:], parts[2:], strict=False):
                if isinstance(first, nn.Linear) and isinstance(middle, nn.ReLU) and isinstance(last, nn.Linear):
                    count += first.out_features
    return count


@method(kind="learning", source="arXiv:2306.06179")
def functional_dimension(
    model: nn.Module,
    sample: Sample,
    *,
    n_inputs: int | None = None,
    patience: int = 2,
    rtol: float = 1e-10,
    batch_size: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> FunctionalDimension:
    """The rank of the parameter Jacobian over ever more inputs, until it grows no more.

    J_ki = d f(x_k) / d theta_i; dim_fun(theta) = rank J for enough generic inputs x_k, and at most P - sum_l n_l: P
    parameters, n_l rectified units in hidden layer l, since w_in, b -> c w_in, c b and w_out -> w_out / c change
    nothing. The batches of rows go one by one into R of a QR decomposition, so that memory does not grow with them. A
    linear region adds only what its own inputs tell: the inputs double, from 5 P on, until `patience` doublings in a
    row bring nothing, or the bound is reached.

    Args:
        model: takes `(input, ...)`; each input by itself, as in `eval` mode. Left as it is.
        sample: `sample(n, generator)` draws inputs `(n, ...)`.
        n_inputs: the most to draw; 100 P if not given.
        patience: doublings without growth after which to stop.
        rtol: singular values above this share of the largest count.
        batch_size: inputs at a time.
        random_state: seed or generator of the inputs.

    Returns:
        The dimension as seen on these inputs: regions that none of them hits are missed.

    Raises:
        InputError: for a model without parameters, sizes below 1, or derivatives that are not finite.

    Source: Grigsby, Lindsey & Rolnick 2023, arXiv:2306.06179 (abstract read; their number of inputs is not known here).

    >>> def normal(n, rng):
    ...     return rng.normal(size=(n, 3))
    >>> with torch.random.fork_rng():
    ...     _ = torch.manual_seed(0)
    ...     deep = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))      # a linear function of 3 numbers: 3 + 1
    ...     flat = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> functional_dimension(deep, normal).rank
    4
    >>> found = functional_dimension(flat, normal)                      # 21 parameters, 4 units to scale
    >>> found.rank, found.upper_bound, found.deficit
    (17, 17, 0)
    """
    n_parameters = sum(p.numel() for p in model.parameters())
    if not n_parameters:
        raise InputError("model", type(model).__name__, "has no parameters")
    most = 100 * n_parameters if n_inputs is None else n_inputs
    if min(most, patience, batch_size) < 1:
        raise InputError("n_inputs", (most, patience, batch_size), "inputs, patience and batch size are at least 1")
    bound = n_parameters - n_scalings(model)
    rng = np.random.default_rng(random_state)
    triangle: torch.Tensor | None = None
    values, looks, ranks, goal, n = np.zeros(0), [], [], min(5 * n_parameters, most), 0
    while True:
        while n < goal:
            size = min(batch_size, goal - n)
            rows = parameter_jacobian(model, sample(size, rng))
            if not torch.isfinite(rows).all():
                raise InputError("model", type(model).__name__, "has derivatives that are not finite")
            triangle, n = stacked(triangle, rows), n + size
        assert triangle is not None
        values = torch.linalg.svdvals(triangle).numpy()
        looks.append(n)
        ranks.append(int((values > rtol * values[0]).sum()))
        calm = len(ranks) > patience and ranks[-1] == ranks[-1 - patience]
        if ranks[-1] >= bound or calm or n >= most:
            break
        goal = min(2 * n, most)
    values = np.pad(values, (0, n_parameters - len(values)))
    return FunctionalDimension(ranks[-1], bound, values, np.array(looks), np.array(ranks))
