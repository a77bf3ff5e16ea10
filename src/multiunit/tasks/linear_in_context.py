"""Linear regression inside a prompt: pairs of input and answer, then an input whose answer is wanted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class LinearInContext(NamedTuple):
    """Args:
    prompts: float32 `(prompt, pair + 1, feature + 1)`: x and y of every pair, and last the query x with 0 for its y.
    targets: the y of the query, float32 `(prompt,)`.
    coefficients: float32 `(prompt, feature)`.
    """

    prompts: np.ndarray
    targets: np.ndarray
    coefficients: np.ndarray


def linear_in_context(
    n_prompts: int,
    *,
    n_features: int = 5,
    n_pairs: int = 40,
    noise: float = 0.1,
    covariance: np.ndarray | None = None,
    random_state: int | np.random.Generator = 0,
) -> LinearInContext:
    """Draw prompts, each with a linear rule of its own: y = x' beta + noise.

    x ~ N(0, covariance), beta ~ N(0, I / features), noise ~ N(0, s^2), for pairs and query alike. The best guess, whose
    error nothing can beat on average, is ridge regression with the penalty s^2 features.

    Args:
        n_prompts: prompts.
        n_features: numbers in x.
        n_pairs: pairs before the query.
        noise: s, the standard deviation of the noise.
        covariance: of x, `(feature, feature)`; the identity if not given.
        random_state: seed or generator.

    Raises:
        InputError: for sizes below 1, noise below 0, or a covariance that is none.

    Source: Garg et al. 2022, arXiv:2208.01066, as used in arXiv:2503.12734.

    >>> found = linear_in_context(3, n_features=2, n_pairs=4, noise=0.0)
    >>> found.prompts.shape, bool(found.prompts[:, -1, -1].any())
    ((3, 5, 3), False)
    >>> np.allclose(found.prompts[0, :4, :2] @ found.coefficients[0], found.prompts[0, :4, 2])
    True
    """
    sizes = {"n_prompts": n_prompts, "n_features": n_features, "n_pairs": n_pairs}
    for name, size in sizes.items():
        if size < 1:
            raise InputError(name, size, "must be at least 1")
    if not (np.isfinite(noise) and noise >= 0):
        raise InputError("noise", noise, "must be at least 0")
    rng = np.random.default_rng(random_state)
    x = rng.standard_normal((n_prompts, n_pairs + 1, n_features), dtype=np.float32)
    if covariance is not None:
        x = x @ _root(np.asarray(covariance, dtype=float), n_features).T.astype(np.float32)
    beta = rng.standard_normal((n_prompts, n_features), dtype=np.float32) / np.float32(np.sqrt(n_features))
    y = np.einsum("plf,pf->pl", x, beta)
    y += np.float32(noise) * rng.standard_normal(y.shape, dtype=np.float32)
    targets = y[:, -1].copy()
    y[:, -1] = 0
    return LinearInContext(np.concatenate([x, y[:, :, None]], axis=2), targets, beta)


def _root(covariance: np.ndarray, n_features: int) -> np.ndarray:
    if covariance.shape != (n_features, n_features) or not np.allclose(covariance, covariance.T):
        raise InputError("covariance", covariance.shape, f"must be symmetric, {n_features} by {n_features}")
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise InputError("covariance", covariance.tolist(), "must be positive definite") from error
