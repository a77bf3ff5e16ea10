"""A sparse autoencoder: activity as a sum of few features out of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from multiunit.core.errors import InputError
from multiunit.core.method import method


class SparseAutoencoder(nn.Module):
    """Say activity `(..., unit)` as non-negative codes `(..., feature)`, and back.

    f = ReLU(W_e (s x - b) + c), and x' = (W_d f + b) / s, where s is one number that brings activity of any size to
    a mean norm of sqrt(n_units), so that a penalty on f means the same everywhere.

    Args:
        n_units: width of the activity.
        n_features: atoms of the dictionary.
        random_state: draws the atoms, of norm 1; the encoder starts as their transpose. torch's global generator is
            left alone.

    Raises:
        InputError: for a size below 1.

    Source: Cunningham et al. 2023, arXiv:2309.08600.

    >>> model = SparseAutoencoder(3, n_features=8)
    >>> tuple(model.encode(torch.ones(5, 3)).shape), tuple(model(torch.ones(5, 3)).shape)
    ((5, 8), (5, 3))
    """

    scale: torch.Tensor

    def __init__(self, n_units: int, *, n_features: int, random_state: int | np.random.Generator = 0) -> None:
        super().__init__()
        for name, size in (("n_units", n_units), ("n_features", n_features)):
            if size < 1:
                raise InputError(name, size, "must be at least 1")
        rng = np.random.default_rng(random_state)
        atoms = normalize(torch.as_tensor(rng.normal(size=(n_features, n_units)), dtype=torch.float32), dim=1)
        # Rows are atoms in both: `encoder` (feature, unit) reads, `decoder` (feature, unit) writes.
        self.encoder, self.decoder = nn.Parameter(atoms.clone()), nn.Parameter(atoms)
        self.encoder_bias = nn.Parameter(torch.zeros(n_features))
        self.center = nn.Parameter(torch.zeros(n_units))
        self.register_buffer("scale", torch.ones(()))

    def encode(self, activity: Any) -> torch.Tensor:
        """Codes `(..., feature)` of activity `(..., unit)`, a tensor or an array."""
        x = self._tensor(activity, "activity", self.encoder.shape[1])
        return torch.relu((self.scale * x - self.center) @ self.encoder.T + self.encoder_bias)

    def decode(self, codes: Any) -> torch.Tensor:
        """Activity `(..., unit)` of codes `(..., feature)`."""
        return (self._tensor(codes, "codes", len(self.decoder)) @ self.decoder + self.center) / self.scale

    def forward(self, activity: Any) -> torch.Tensor:
        return self.decode(self.encode(activity))

    def _tensor(self, values: Any, name: str, width: int) -> torch.Tensor:
        x = torch.as_tensor(values).to(self.decoder)
        if not x.ndim or x.shape[-1] != width:
            raise InputError(name, tuple(x.shape), f"needs {width} columns")
        return x


@method(kind="features", source="arXiv:2309.08600", example=lambda rng: _example(rng))
def fit_sparse_autoencoder(
    activity: Any,
    *,
    n_features: int = 200,
    l1: float = 0.02,
    n_epochs: int = 500,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    random_state: int | np.random.Generator = 0,
) -> SparseAutoencoder:
    """Learn a dictionary whose few active features give the activity back.

    L = mean_x ||s (x - x')||^2 / n_units + l1 ||f||_1, by Adam; after every step the atoms are brought back to norm
    1, as the penalty could else be escaped by small codes and large atoms. The centre starts at the mean.

    Args:
        activity: `(presentation, unit)`, an array or a tensor; the dictionary is trained on the tensor's device.
        n_features: atoms.
        l1: weight of the penalty, on activity scaled to mean norm sqrt(n_units).
        n_epochs: passes over the presentations.
        batch_size: presentations a step.
        learning_rate: of Adam.
        random_state: draws the atoms and the order of the presentations.

    Returns:
        The dictionary, in `eval` mode.

    Raises:
        InputError: for activity that is no matrix, is empty, constant or not finite, or a size below 1.

    Source: Cunningham et al. 2023, arXiv:2309.08600; the default values are those of 2405.12522.

    >>> rng = np.random.default_rng(0)
    >>> x = np.eye(4)[rng.integers(4, size=400)] * rng.uniform(1, 2, size=(400, 1))
    >>> model = fit_sparse_autoencoder(x, n_features=16, n_epochs=300, learning_rate=1e-2, random_state=0)
    >>> error = np.square(model(x).detach().numpy() - x).mean() / x.var()
    >>> bool(error < 0.05), bool((model.encode(x) > 0.1).sum(1).float().mean() < 4)
    (True, True)
    """
    x = torch.as_tensor(activity)
    x = x.detach().float()
    if x.ndim != 2 or 0 in x.shape:
        raise InputError("activity", tuple(x.shape), "needs presentations and units, at least one of each")
    if not torch.isfinite(x).all():
        raise InputError("activity", "NaN or infinity", "leave such presentations or units out")
    for name, size in (("n_epochs", n_epochs), ("batch_size", batch_size)):
        if size < 1:
            raise InputError(name, size, "must be at least 1")
    center = x.mean(0)
    norm = (x - center).norm(dim=1).mean()
    if not norm > 1e-6 * center.norm():
        raise InputError("activity", "constant", "has nothing to be said by features")
    rng = np.random.default_rng(random_state)
    model = SparseAutoencoder(x.shape[1], n_features=n_features, random_state=rng).to(x.device)
    with torch.no_grad():
        model.scale.copy_(x.shape[1] ** 0.5 / norm)
        model.center.copy_(model.scale * center)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(n_epochs):
        order = torch.as_tensor(rng.permutation(len(x)), device=x.device)
        for rows in order.split(batch_size):
            codes = model.encode(x[rows])
            error = model.scale * (x[rows] - model.decode(codes))
            loss = error.square().mean() + l1 * codes.sum(1).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                model.decoder.copy_(normalize(model.decoder, dim=1))
    return model.eval()


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    atoms = rng.normal(size=(6, 12))
    return (rng.gamma(1.0, size=(40, 6)) * (rng.random((40, 6)) < 0.2) @ atoms,), {"n_features": 16, "n_epochs": 5}
