"""Kernel multi-view canonical correlation: the few dimensions of stimuli that many subjects share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigh

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.similarity.paired import paired


class SharedDimensions(NamedTuple):
    """`scores(presentation, component)`, of unit variance, and `agreement(component)`, descending: 1 if all agree."""

    scores: np.ndarray
    agreement: np.ndarray


@method(kind="matching", source="arXiv:2507.13941")
def kernel_multiview_cca(
    views: Sequence[Any], *, n_components: int = 3, regularisation: float = 0.01
) -> SharedDimensions:
    """Find the directions over presentations on which the views of all subjects agree most.

    Linear kernels K_s = X_s X_s' of centred X_s; the largest eigenvalues of [K_s K_t] (s != t, 0 on the diagonal)
    against blockdiag((K_s + e_s I)^2), with e_s = regularisation times the mean eigenvalue of K_s; scores = the mean
    over subjects of K_s a_s. In terms of X_s = U S V' and b_s = (K_s + e_s I) a_s = U_s c_s this is the symmetric
    problem of [D_s U_s' U_t D_t], D = S^2 / (S^2 + e), as large as all ranks together.

    Args:
        views: arrays or recordings, `(presentation, unit)`, one a subject, the same presentations; units may differ.
        n_components: how many.
        regularisation: above 0; the more, the more the directions of large variance count. Where units are as many as
            presentations, little of it lets any two views agree.

    Returns:
        `scores(presentation, component)`, signs such that the largest score is positive; `agreement(component)`, the
        eigenvalue over S - 1.

    Raises:
        InputError: for fewer than two views, views that do not fit, a regularisation of 0 or below, or more components
            than the smallest view has dimensions.

    Source: reconstructed from the description in arXiv:2507.13941; the size of the authors' regularisation is unknown
    to us, and the mean eigenvalue as its unit is ours.

    >>> rng = np.random.default_rng(0)
    >>> shared = rng.normal(size=(200, 1))
    >>> views = [shared + 0.1 * rng.normal(size=(200, 1)), np.hstack([shared, 3 * rng.normal(size=(200, 2))])]
    >>> found = kernel_multiview_cca(views, n_components=1)
    >>> bool(abs(np.corrcoef(found.scores[:, 0], shared[:, 0])[0, 1]) > 0.98), bool(found.agreement[0] > 0.95)
    (True, True)
    """
    if len(views) < 2:
        raise InputError("views", len(views), "needs two views or more")
    if not regularisation > 0:
        raise InputError("regularisation", regularisation, "must be above 0")
    first = views[0].activity if isinstance(views[0], Recording) else views[0]
    shrunk = []
    for view in views:
        u, s, _ = np.linalg.svd(paired(first, view).y, full_matrices=False)
        u, s = u[:, s > 1e-10 * s[0]], s[s > 1e-10 * s[0]]
        shrunk.append(u * (s**2 / (s**2 + regularisation * np.mean(np.append(s**2, np.zeros(len(u) - len(s)))))))
    ranks = [one.shape[1] for one in shrunk]
    if not 1 <= n_components <= min(ranks):
        raise InputError(
            "n_components", n_components, f"must be 1 to {min(ranks)}, the dimensions of the smallest view"
        )
    wide = np.hstack(shrunk)
    problem = wide.T @ wide
    ends = np.cumsum([0, *ranks])
    for start, end in pairwise(ends):
        problem[start:end, start:end] = 0.0
    size = len(problem)
    values, vectors = eigh(problem, subset_by_index=[size - n_components, size - 1])
    scores = wide @ vectors[:, ::-1] / len(views)
    scores /= scores.std(axis=0)
    largest = np.abs(scores).argmax(axis=0)
    scores *= np.sign(scores[largest, np.arange(n_components)])
    return SharedDimensions(scores, values[::-1] / (len(views) - 1))
