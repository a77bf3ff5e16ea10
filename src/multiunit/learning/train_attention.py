"""Gradient descent on one attention layer, by gradients that stay exact when attention has nearly settled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError
from multiunit.core.method import method


class ScaledGradient(NamedTuple):
    """Args:
    direction: `(sequence, token)`; the gradient is exp(log_scale) times this, whose largest part is of order one.
    log_scale: natural logarithm; far below -745 once attention has settled, where exp would give 0.
    """

    direction: np.ndarray
    log_scale: float


class TrainedAttention(NamedTuple):
    """Args:
    weights: W, float64 `(feature of tokens, feature of queries)`; the product of the factors if there are two.
    attention: softmax of x' W z over the tokens of a sequence, `(sequence, token)`.
    path: the weights after every `every`-th step, `(sample, feature of tokens, feature of queries)`.
    """

    weights: np.ndarray
    attention: np.ndarray
    path: np.ndarray


def attention_gradient(logits: np.ndarray, values: np.ndarray) -> ScaledGradient:
    """The gradient of the mean logistic loss by each attention logit, without cancellation.

    f = sum_t s_t g_t, s = softmax(logits), loss = mean log(1 + exp(-f)); dloss/dlogit_t =
    -sigmoid(-f) s_t sum_u s_u (g_t - g_u) / n. The usual s_t (g_t - f) is rounding noise for the token that has nearly
    all attention; the pairwise form is not, and its products are taken in logarithms, so that nothing underflows.

    Args:
        logits: `(sequence, token)`.
        values: g, what each token would say alone, times the label: `(sequence, token)`.

    Returns:
        ScaledGradient: a direction and the logarithm of its scale.

    Raises:
        InputError: for shapes that differ, numbers that are not finite, or tokens that all say the same.

    >>> found = attention_gradient(np.array([[2000.0, 0.0]]), np.array([[1.0, -1.0]]))
    >>> found.direction.tolist(), round(found.log_scale, 2)       # 2 sigmoid(-1) exp(-2000)
    ([[-2.0, 2.0]], -2001.31)
    """
    if logits.shape != values.shape or logits.ndim != 2 or not np.isfinite(logits).all():
        raise InputError("logits", logits.shape, f"needs the shape of values, {values.shape}, and finite numbers")
    difference = values[:, :, None] - values[:, None, :]
    if not difference.any():
        raise InputError("values", values.shape, "all tokens of each sequence say the same, so attention cannot learn")
    log_s = logits - logits.max(axis=1, keepdims=True)
    log_s -= np.log(np.exp(log_s).sum(axis=1, keepdims=True))
    f = (np.exp(log_s) * values).sum(axis=1)
    log_pair = log_s[:, :, None] + log_s[:, None, :] - np.logaddexp(0, f)[:, None, None] - np.log(len(values))
    log_scale = float(log_pair[difference != 0].max())
    pairs = np.exp(np.where(difference == 0, -np.inf, log_pair - log_scale))
    return ScaledGradient(-(pairs * difference).sum(axis=2), log_scale)


@method(kind="learning", source="arXiv:2308.16898")
def train_attention(
    tokens: ArrayLike,
    queries: ArrayLike,
    *,
    labels: ArrayLike,
    head: ArrayLike,
    factored: bool = False,
    n_steps: int = 8000,
    learning_rate: float = 0.05,
    normalised: bool = True,
    every: int = 100,
    random_state: int | np.random.Generator = 0,
) -> TrainedAttention:
    """Train the key-query weights of one attention layer under a linear head that stays fixed.

    f_i = v' X_i' softmax(X_i W z_i), loss = mean log(1 + exp(-y_i f_i)). W <- W - rate G / ||G||, from W = 0. Factored:
    W = K Q' from small random K, Q, which take one normalised step together. The loss has no minimum: weights grow, and
    what converges is their direction; by steps that are not normalised it does so like the logarithm of their number.

    Args:
        tokens: x, `(sequence, token, feature)`.
        queries: z, `(sequence, feature)`; its features may be others than those of tokens.
        labels: y, -1 or 1, `(sequence,)`.
        head: v, `(feature of tokens,)`.
        factored: whether to train K and Q, square or tall with as many columns as the smaller side, instead of W.
        n_steps, learning_rate: of gradient descent over all sequences.
        normalised: whether each step has the length of the rate.
        every: steps from one sample of the path to the next.
        random_state: seed or generator of K and Q at the start, of deviation 0.01.

    Returns:
        TrainedAttention: final weights, attention, and the path.

    Raises:
        InputError: for shapes or labels that do not fit, numbers out of range, or weights that are no longer finite.

    Source: Ataee Tarzanagh, Li, Thrampoulidis & Oymak, arXiv:2308.16898; the logistic loss is one of theirs.

    >>> found = train_attention([[[1.0, 0.0], [0.0, 1.0]]], [[2.0, 0.0]], labels=[-1], head=[0.0, 1.0], n_steps=100)
    >>> found.attention.round(3).tolist(), (found.weights / found.weights.max()).round(3).tolist()
    ([[1.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]])
    """
    x, z, y, v = (np.asarray(part, dtype=float) for part in (tokens, queries, labels, head))
    if x.ndim != 3 or z.ndim != 2 or len(z) != len(x) or v.shape != x.shape[2:]:
        raise InputError("tokens", (x.shape, z.shape, v.shape), "needs (n, token, d), queries (n, e) and a head (d,)")
    if y.shape != (len(x),) or not np.isin(y, (-1, 1)).all():
        raise InputError("labels", y.tolist(), "needs -1 or 1 for each sequence")
    if n_steps < 1 or every < 1 or not learning_rate > 0:
        raise InputError("n_steps", (n_steps, every, learning_rate), "needs steps of some length")
    values = y[:, None] * (x @ v)
    shape, n_logits = (x.shape[2], z.shape[1]), x.shape[:2]
    features = (x[..., None] * z[:, None, None]).reshape(-1, shape[0] * shape[1])
    rng = np.random.default_rng(random_state)
    parts = [0.01 * rng.normal(size=(side, min(shape))) for side in shape] if factored else [np.zeros(shape)]
    samples = []
    for step in range(1, n_steps + 1):
        weights = parts[0] @ parts[1].T if factored else parts[0]
        gradient = attention_gradient((features @ weights.ravel()).reshape(n_logits), values)
        slope = (features.T @ gradient.direction.ravel()).reshape(shape)
        slopes = [slope @ parts[1], slope.T @ parts[0]] if factored else [slope]
        if normalised:
            length = np.sqrt(sum((part**2).sum() for part in slopes))
            if length == 0:
                raise InputError("queries", z.shape, "the gradient is 0: queries or tokens say nothing")
            rate = learning_rate / length
        else:
            rate = learning_rate * np.exp(gradient.log_scale)
        parts = [part - rate * part_slope for part, part_slope in zip(parts, slopes, strict=True)]
        if step % every == 0:
            samples.append(parts[0] @ parts[1].T if factored else parts[0])
    weights = parts[0] @ parts[1].T if factored else parts[0]
    logits = (features @ weights.ravel()).reshape(n_logits)
    if not np.isfinite(logits).all():
        raise InputError("learning_rate", learning_rate, "weights are no longer finite; lower it")
    attention = np.exp(logits - logits.max(axis=1, keepdims=True))
    attention /= attention.sum(axis=1, keepdims=True)
    return TrainedAttention(weights, attention, np.array(samples).reshape(-1, *shape))
