"""Sharpness: the largest curvature of a loss, by products of its Hessian with vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method

Loss = Callable[[nn.Module], torch.Tensor]


def hessian_product(model: nn.Module, loss: Loss) -> Callable[[np.ndarray], np.ndarray]:
    """The map v -> H v, H the second derivatives of the loss by all parameters that learn.

    H v = d/dtheta (v . dL/dtheta): the graph of the first derivatives is built once, each product costs one backward
    pass. It speaks of the parameters as they are now.

    Args:
        model: left as it is.
        loss: `loss(model)` gives one number.

    Returns:
        A function of `(parameter,)` that gives `(parameter,)`, float64, in the order of `model.parameters()`.

    Raises:
        InputError: for a loss that is not one finite number, or depends on no parameter that learns.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> product = hessian_product(net, lambda m: m.weight[0, 0] ** 2 + 3 * m.weight[0, 0] * m.weight[0, 1])
    >>> product(np.array([1.0, 0.0])).tolist()
    [2.0, 3.0]
    """
    weights = [p for p in model.parameters() if p.requires_grad]
    with torch.enable_grad():
        value = loss(model)
        if value.numel() != 1 or not torch.isfinite(value).all():
            raise InputError("loss", tuple(value.shape), "must give one finite number")
        if not weights or not value.requires_grad:
            raise InputError("loss", float(value), "must depend on parameters of the model that learn")
        slopes = torch.autograd.grad(value, weights, create_graph=True, materialize_grads=True)
        slope = torch.cat([s.flatten() for s in slopes])

    def product(vector: np.ndarray) -> np.ndarray:
        if not slope.requires_grad:
            return np.zeros(len(slope))
        along = torch.as_tensor(np.asarray(vector).ravel(), dtype=slope.dtype, device=slope.device)
        parts = torch.autograd.grad(slope @ along, weights, retain_graph=True, materialize_grads=True)
        return torch.cat([p.flatten() for p in parts]).double().cpu().numpy()

    return product


@method(kind="learning", source="arXiv:2103.00065")
def sharpness(
    model: nn.Module,
    loss: Loss,
    *,
    tolerance: float = 1e-3,
    n_iterations: int = 300,
    random_state: int | np.random.Generator = 0,
) -> float:
    """The largest eigenvalue of the Hessian of a loss, by the Lanczos method.

    lambda_max = max_v v' H v / v' v. Gradient descent of rate eta is stable about a minimum while lambda_max < 2 / eta:
    lambda_max eta / 2 = 1 is the edge of stability. A sharpness below 0 is that of a maximum.

    Args:
        model: left as it is.
        loss: `loss(model)` gives one number, the same each time.
        tolerance: relative to the eigenvalue.
        n_iterations: restarts of the Lanczos method at most.
        random_state: draws its first vector.

    Returns:
        lambda_max.

    Raises:
        InputError: as `hessian_product`, or when the tolerance is not met.

    Source: Cohen et al. 2021, arXiv:2103.00065, for its place in learning; eigenvalues by ARPACK.

    >>> net = nn.Linear(3, 1, bias=False)
    >>> curvature = torch.tensor([[1.0, 5.0, -9.0]])
    >>> round(sharpness(net, lambda m: (curvature * m.weight**2).sum() / 2), 6)
    5.0
    """
    product = hessian_product(model, loss)
    n = sum(p.numel() for p in model.parameters() if p.requires_grad)
    first = np.random.default_rng(random_state).normal(size=n)
    if n <= 20:
        # ARPACK needs more room than so small a matrix gives.
        hessian = np.stack([product(row) for row in np.eye(n)])
        return float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1])
    if not product(first).any():
        return 0.0
    operator = LinearOperator((n, n), matvec=product, dtype=np.float64)
    try:
        found = eigsh(
            operator, k=1, which="LA", v0=first, tol=tolerance, maxiter=n_iterations, return_eigenvectors=False
        )
    except ArpackNoConvergence as error:
        raise InputError("n_iterations", n_iterations, f"do not reach the tolerance {tolerance}; allow more") from error
    return float(found[0])
