"""Tasks in which the geometry of the inputs and that of the targets are set apart from each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


def balanced_labels(n_conditions: int, *, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Random labels +1 and -1, half of each, float64 `(condition, 1)`.

    Raises:
        InputError: for a number that is odd or below 2.

    >>> balanced_labels(6).sum()
    np.float64(0.0)
    """
    if n_conditions < 2 or n_conditions % 2:
        raise InputError("n_conditions", n_conditions, "must be even, to be split in halves")
    labels = np.repeat([-1.0, 1.0], n_conditions // 2)
    return np.random.default_rng(random_state).permutation(labels)[:, None]


def latent_conditions(n_latents: int) -> np.ndarray:
    """All rows of `n_latents` numbers +1 or -1, float64 `(2^n_latents, n_latents)`; products of columns are parities.

    Raises:
        InputError: for a number below 1 or above 16.

    >>> latent_conditions(2).prod(axis=1).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    if not 1 <= n_latents <= 16:
        raise InputError("n_latents", n_latents, "must be 1 to 16")
    return 2.0 * (np.arange(2**n_latents)[:, None] >> np.arange(n_latents)[::-1] & 1) - 1


class GeometryTask(NamedTuple):
    """Args:
    centroids: where each condition lies, `(condition, input)`.
    targets: +1 or -1, `(condition, target)`.
    noise: standard deviation of each input around its centroid.
    """

    centroids: np.ndarray
    targets: np.ndarray
    noise: float

    def sample(
        self, n_presentations: int, *, random_state: int | np.random.Generator = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs float32 `(presentation, input)` and their conditions `(presentation,)`, all equally often.

        Where the number is no multiple of the conditions, the first ones come once more.
        """
        rng = np.random.default_rng(random_state)
        condition = rng.permutation(np.arange(n_presentations) % len(self.centroids))
        inputs = self.centroids[condition] + self.noise * rng.normal(size=(n_presentations, self.centroids.shape[1]))
        return inputs.astype(np.float32), condition


def geometry_task(
    targets: np.ndarray,
    *,
    latents: np.ndarray | None = None,
    alignment: float = 0.0,
    n_inputs: int = 50,
    noise: float = 0.2,
    random_state: int | np.random.Generator = 0,
) -> GeometryTask:
    """Clusters of inputs, one a condition, that carry the targets in their own geometry to a chosen degree.

    C = sqrt(1 - a) B + sqrt(a) Y V / sqrt(q), V random `(target, input)` of unit variance, Y the q targets. B is random
    of unit variance (all conditions equally far from each other), or Z U / sqrt(p) for p binary latents Z and random
    U, so that a target that is a latent lies on a line and a product of latents does not.

    Args:
        targets: +1 or -1, `(condition, target)`.
        latents: Z, `(condition, latent)`; unstructured inputs if None.
        alignment: a, from 0 to 1, where inputs hold nothing but the targets.
        n_inputs: input dimensions.
        noise: standard deviation around the centroids, whose inputs have variance 1.
        random_state: draws the centroids.

    Raises:
        InputError: for targets other than +1 and -1, latents that do not fit, or a number out of range.

    Source: spans the axis of Alleman, Lindsey & Fusi, arXiv:2401.13558; their own formula was not read, so this one is
    reconstructed.

    >>> latents = latent_conditions(3)
    >>> task = geometry_task(latents[:, :1] * latents[:, 1:2], latents=latents, noise=0.0)
    >>> task.centroids.shape, int(np.linalg.matrix_rank(task.centroids))
    ((8, 50), 3)
    >>> inputs, condition = task.sample(16)
    >>> bool(np.allclose(inputs, task.centroids[condition])), np.bincount(condition).tolist()
    (True, [2, 2, 2, 2, 2, 2, 2, 2])
    """
    y = np.asarray(targets, dtype=float)
    if y.ndim != 2 or not y.size or not (np.abs(y) == 1).all():
        raise InputError("targets", y.shape, "needs +1 or -1, (condition, target)")
    if not 0 <= alignment <= 1:
        raise InputError("alignment", alignment, "must be from 0 to 1")
    if n_inputs < 1 or not noise >= 0:
        raise InputError("n_inputs" if n_inputs < 1 else "noise", (n_inputs, noise), "an input, and no noise below 0")
    rng = np.random.default_rng(random_state)
    if latents is None:
        base = rng.normal(size=(len(y), n_inputs))
    else:
        z = np.asarray(latents, dtype=float)
        if z.ndim != 2 or len(z) != len(y) or not z.shape[1] or not np.isfinite(z).all():
            raise InputError("latents", z.shape, f"needs ({len(y)} conditions, latent)")
        base = z @ rng.normal(size=(z.shape[1], n_inputs)) / np.sqrt(z.shape[1])
    along = y @ rng.normal(size=(y.shape[1], n_inputs)) / np.sqrt(y.shape[1])
    return GeometryTask(np.sqrt(1 - alignment) * base + np.sqrt(alignment) * along, y, noise)
