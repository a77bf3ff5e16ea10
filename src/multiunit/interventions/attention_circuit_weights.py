"""What a head looks for and what it says, read off its weights; and how near that is to gradient descent in context."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError


def attention_circuits(query: Any, key: Any, *, value: Any, output: Any) -> xr.Dataset:
    """Multiply the weights of each head into its two circuits, which alone decide what it does.

    KQ_h = K_h' Q_h: the score of token l for a query is z_l' KQ_h z_q; OV_h = O_h V_h: what token l then writes is
    OV_h z_l. Any change of basis inside the head cancels.

    Args:
        query, key, value: arrays or tensors `(head, inner, stream)`.
        output: `(head, stream, inner)`.

    Returns:
        `kq(head, key, query)` and `ov(head, written, read)`.

    Raises:
        InputError: for weights that do not fit each other, or are not finite.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".

    >>> turn = np.array([[[0.0, -1.0], [1.0, 0.0]]])
    >>> found = attention_circuits(turn, turn, value=2 * turn, output=turn)
    >>> found["kq"].values.tolist(), found["ov"].values.tolist()
    ([[[1.0, 0.0], [0.0, 1.0]]], [[[-2.0, 0.0], [0.0, -2.0]]])
    """
    weights = {
        name: np.asarray(given.detach().cpu() if hasattr(given, "detach") else given, dtype=float)
        for name, given in {"query": query, "key": key, "value": value, "output": output}.items()
    }
    q, k, v, o = weights.values()
    fits = q.ndim == 3 and q.shape == k.shape and v.ndim == 3 and o.shape == (len(v), q.shape[2], v.shape[1])
    if not fits or len(v) != len(q) or v.shape[2] != q.shape[2]:
        shapes = {name: w.shape for name, w in weights.items()}
        raise InputError("query", shapes, "needs (head, inner, stream), and (head, stream, inner) for output")
    if not all(np.isfinite(w).all() for w in weights.values()):
        raise InputError("query", "NaN or infinity", "all weights must be finite")
    return xr.Dataset(
        {
            "kq": (("head", "key", "query"), np.einsum("hik,hij->hkj", k, q)),
            "ov": (("head", "written", "read"), np.einsum("hki,hij->hkj", o, v)),
        }
    )


def pattern_report(circuits: xr.Dataset) -> xr.Dataset:
    """Compare heads that regress in context with the pattern KQ = omega diag(I, 0), OV = mu e_last e_last'.

    Tokens are (x, y), with y last, and the query's y is 0. Two heads of this pattern with opposite omega, and mu of sum
    0, make one step of gradient descent on y less its mean, at the rate 2 omega mu, to first order in omega.

    Args:
        circuits: `attention_circuits` of the heads.

    Returns:
        Over `head`: `omega`, the mean of the diagonal of KQ over x; `spread`, its standard deviation over |omega|;
        `off_diagonal`, mean |off the diagonal| over mean |diagonal|; `label`, likewise of the weights by which y
        attracts attention; `mu`, the weight from y to the answer; `leak`, mean |weight from x to the answer| over |mu|.
        Without dimensions: `zero_sum` = |sum mu| / sum |mu|, 0 for balanced heads and 1 for heads of one sign.

    Raises:
        InputError: for fewer than two features, or a head whose diagonal or mu is 0.

    Source: arXiv:2503.12734 (definitions made here, text not read).

    >>> kq = np.zeros((2, 3, 3))
    >>> kq[:, :2, :2] = np.array([0.5, -0.5])[:, None, None] * np.eye(2)
    >>> ov = np.zeros((2, 3, 3))
    >>> ov[:, 2, 2] = [3.0, -1.0]
    >>> heads = {"kq": (("head", "key", "query"), kq), "ov": (("head", "written", "read"), ov)}
    >>> found = pattern_report(xr.Dataset(heads))
    >>> found["omega"].values.tolist(), found["off_diagonal"].values.tolist(), found["zero_sum"].item()
    ([0.5, -0.5], [0.0, 0.0], 0.5)
    """
    kq, ov = circuits["kq"].values, circuits["ov"].values
    n_features = kq.shape[1] - 1
    if n_features < 2:
        raise InputError("circuits", kq.shape, "needs at least two features: one has nothing off the diagonal")
    block = kq[:, :n_features, :n_features]
    diagonal = np.diagonal(block, axis1=1, axis2=2)
    off = np.abs(block[:, ~np.eye(n_features, dtype=bool)]).mean(axis=1)
    omega, mu = diagonal.mean(axis=1), ov[:, -1, -1]
    size = np.abs(diagonal).mean(axis=1)
    if not (omega.all() and mu.all()):
        raise InputError("circuits", (omega.tolist(), mu.tolist()), "a head with omega or mu of 0 has no pattern")
    return xr.Dataset(
        {
            "omega": ("head", omega),
            "spread": ("head", diagonal.std(axis=1) / np.abs(omega)),
            "off_diagonal": ("head", off / size),
            "label": ("head", np.abs(kq[:, -1, :n_features]).mean(axis=1) / size),
            "mu": ("head", mu),
            "leak": ("head", np.abs(ov[:, -1, :-1]).mean(axis=1) / np.abs(mu)),
            "zero_sum": ((), np.abs(mu.sum()) / np.abs(mu).sum()),
        }
    )
