"""What a regression inside a prompt could be answered with: one step of gradient descent, or ridge regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from multiunit.core.errors import InputError


def gradient_step(prompts: np.ndarray, *, rate: float = 1.0, debias: bool = False) -> np.ndarray:
    """Answer with the rule found by one step of gradient descent from 0 on the prompt's pairs.

    answer = rate / pairs sum_l (y_l - m) x_l' x_q, with m = 0, or the mean of y if debiased; the latter is also
    rate / pairs sum_l y_l (x_l - mean x)' x_q.

    Args:
        prompts: `(prompt, pair + 1, feature + 1)`: x and y of every pair, the query last.
        rate: of the step; `best_rate` fits it.
        debias: whether to take the mean from y first.

    Returns:
        `(prompt,)`.

    Raises:
        InputError: for other shapes or values that are not finite.

    Source: von Oswald et al. 2023, arXiv:2212.07677; debiased: arXiv:2503.12734 (reconstructed, text not read).

    >>> gradient_step(np.array([[[1.0, 2.0], [2.0, 1.0], [3.0, 0.0]]]))      # (1 * 2 + 2 * 1) / 2 * 3
    array([6.])
    """
    x, y, asked = _parts(prompts)
    if debias:
        y = y - y.mean(axis=1, keepdims=True)
    return rate * np.einsum("plf,pl,pf->p", x, y, asked) / x.shape[1]


def best_rate(prompts: np.ndarray, targets: np.ndarray, *, debias: bool = False) -> float:
    """The rate of `gradient_step` with the least squared error; fit it on prompts other than those it is tried on.

    Args:
        prompts: `(prompt, pair + 1, feature + 1)`.
        targets: `(prompt,)`.
        debias: see `gradient_step`.

    Raises:
        InputError: for targets that do not fit, or steps that are all 0.

    >>> best_rate(np.array([[[1.0, 2.0], [2.0, 1.0], [3.0, 0.0]]]), np.array([3.0]))
    0.5
    """
    step, wanted = gradient_step(prompts, debias=debias), np.asarray(targets, dtype=float)
    if wanted.shape != step.shape or not np.isfinite(wanted).all():
        raise InputError("targets", wanted.shape, f"needs one finite number for each of {len(step)} prompts")
    if not step.any():
        raise InputError("prompts", "steps of 0", "all steps are 0: there is nothing to scale")
    return float(step @ wanted / (step @ step))


def ridge_in_context(prompts: np.ndarray, *, penalty: float) -> np.ndarray:
    """Answer with ridge regression without intercept, fitted on each prompt's pairs.

    beta = argmin ||y - X beta||^2 + penalty ||beta||^2. For coefficients drawn from N(0, I / features) and noise of
    variance s^2, the penalty s^2 features makes it the mean of the posterior, which no answer beats on average.

    Args:
        prompts: `(prompt, pair + 1, feature + 1)`.
        penalty: at least 0.

    Returns:
        `(prompt,)`.

    Raises:
        InputError: for other shapes, values that are not finite, or a penalty below 0.

    >>> ridge_in_context(np.array([[[1.0, 2.0], [2.0, 4.0], [3.0, 0.0]]]), penalty=5.0)      # beta = 10 / (5 + 5)
    array([3.])
    """
    if not (np.isfinite(penalty) and penalty >= 0):
        raise InputError("penalty", penalty, "must be at least 0")
    x, y, asked = _parts(prompts)
    model = Ridge(alpha=penalty, fit_intercept=False)
    coefficients = [model.fit(rows, answers).coef_ for rows, answers in zip(x, y, strict=True)]
    return np.einsum("pf,pf->p", np.array(coefficients), asked)


def _parts(prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = np.asarray(prompts, dtype=float)
    if z.ndim != 3 or z.shape[1] < 2 or z.shape[2] < 2 or not len(z):
        raise InputError("prompts", z.shape, "must be (prompt, pair + 1, feature + 1), with a pair or more")
    if not np.isfinite(z).all():
        raise InputError("prompts", "NaN or infinity", "must be finite")
    return z[:, :-1, :-1], z[:, :-1, -1], z[:, -1, :-1]
