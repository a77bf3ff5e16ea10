"""Linear CKA in one pass over a stream: exact, in memory that does not grow with the presentations."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix

_PAIRS = (("x", "y"), ("x", "x"), ("y", "y"))
_ROWS = 512  # Double precision copies of a batch are made in pieces.


@method(kind="statistic", source="kornblith2019", two_systems=True)
class StreamingCKA(Statistic):
    """Compare two systems of any number of presentations as `linear_cka` does, without holding them.

    Of HSIC1 (see `unbiased_hsic`), tr(K L) = ||X'Y||_F^2 - sum_i |x_i|^2 |y_i|^2, and with s = X'1, K1 = X s - |x|^2:
    1'K L 1 = s_x' (X'Y) s_y - s_x' (X' |y|^2) - s_y' (Y' |x|^2) + sum_i |x_i|^2 |y_i|^2. All are sums over
    presentations: for each pair of systems, also of a system with itself, X'Y, X'|y|^2, Y'|x|^2 and the last one.
    Activity is taken relative to the mean of the first batch, which changes nothing but rounding.

    `update(activity, presentations, other=...)`: the second system's activity for the same presentations. Memory:
    p q + p^2 + q^2 numbers for p and q units. Sums are in double precision.

    Source: Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012 for the estimate; the single pass is ours.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 3))
    >>> cka = StreamingCKA()
    >>> for batch in np.split(x, 4):
    ...     cka.update(batch, pd.DataFrame(index=range(50)), other=5 - 2 * batch[:, ::-1])
    >>> round(cka.result()["linear_cka"].item(), 9)
    1.0
    """

    _sums: dict[str, torch.Tensor]

    def __init__(self) -> None:
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame, *, other: Any = None) -> None:
        x = as_matrix(activity, presentations)
        if other is None:
            raise InputError("other", None, "give the other system's activity for the same presentations")
        y = as_matrix(other, presentations).to(x.device)
        if not len(x):
            return
        if not self._sums:
            self._sums = _zeros(x.shape[1], y.shape[1], x.device)
            self._sums |= {"shift_x": x.double().mean(0), "shift_y": y.double().mean(0)}
        if x.shape[1] != len(self._sums["shift_x"]) or y.shape[1] != len(self._sums["shift_y"]):
            before = (len(self._sums["shift_x"]), len(self._sums["shift_y"]))
            raise InputError("activity", (x.shape[1], y.shape[1]), f"the batches before had {before} units")
        for a, b in zip(x.split(_ROWS), y.split(_ROWS), strict=True):
            _add(self._sums, a.double() - self._sums["shift_x"], b.double() - self._sums["shift_y"])

    def merge(self, other: Self) -> None:
        if not other._sums:
            return
        if not self._sums:
            self.load_state_dict(other.state_dict())
            return
        move = {name: other._sums[f"shift_{name}"] - self._sums[f"shift_{name}"] for name in "xy"}
        for name, value in _moved(other._sums, move).items():
            self._sums[name] += value

    def result(self) -> xr.Dataset:
        """`linear_cka`, debiased, and `biased`, the plain one.

        Raises:
            InputError: for fewer than four presentations, or a system whose unbiased variance is not above 0.
        """
        n = int(self._sums["n"]) if self._sums else 0
        if n < 4:
            raise InputError("activity", n, "needs at least 4 presentations")
        unbiased = {u + v: _unbiased(self._sums, u, v) for u, v in _PAIRS}
        scale = max(unbiased["xx"], unbiased["yy"])
        for name in "xy":
            size = float(self._sums[f"square_{name}"]) / n
            if unbiased[name * 2] <= 1e-12 * size**2 or not scale > 0:
                raise InputError("activity", unbiased[name * 2], f"the unbiased variance of {name} is not above 0")
        centred = {u + v: self._centred_square(u, v) for u, v in _PAIRS}
        return xr.Dataset(
            {
                "linear_cka": unbiased["xy"] / float(np.sqrt(unbiased["xx"]) * np.sqrt(unbiased["yy"])),
                "biased": centred["xy"] / float(np.sqrt(centred["xx"]) * np.sqrt(centred["yy"])),
            }
        )

    def _centred_square(self, u: str, v: str) -> float:
        """||X'Y||_F^2 of both centred."""
        n, s, t = float(self._sums["n"]), self._sums[f"sum_{u}"], self._sums[f"sum_{v}"]
        return _square(self._sums[u + v]) - float(2 * s @ self._sums[u + v] @ t / n - (s @ s) * (t @ t) / n**2)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {name: value.cpu().numpy().copy() for name, value in self._sums.items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._sums = {name: torch.tensor(value) for name, value in state.items()}


def _zeros(n_x: int, n_y: int, device: torch.device) -> dict[str, torch.Tensor]:
    """The sums of nothing."""
    size = {"x": n_x, "y": n_y}
    shapes: dict[str, tuple[int, ...]] = {"n": (), "y_xx": (n_y,)}
    for name in "xy":
        shapes |= {f"sum_{name}": (size[name],), f"square_{name}": ()}
    for u, v in _PAIRS:
        shapes |= {u + v: (size[u], size[v]), f"{u}_{v}{v}": (size[u],), f"{u}{u}_{v}{v}": ()}
    return {name: torch.zeros(shape, dtype=torch.float64, device=device) for name, shape in shapes.items()}


def _add(sums: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> None:
    """Add a piece to the sums."""
    sides = {"x": x, "y": y}
    squares = {name: torch.linalg.vector_norm(side, dim=1).square_() for name, side in sides.items()}
    sums["n"] += len(x)
    for name, side in sides.items():
        sums[f"sum_{name}"] += side.sum(0)
        sums[f"square_{name}"] += squares[name].sum()
    for u, v in _PAIRS:
        sums[u + v].addmm_(sides[u].T, sides[v])
        sums[f"{u}_{v}{v}"] += squares[v] @ sides[u]
        sums[f"{u}{u}_{v}{v}"] += squares[u] @ squares[v]
    sums["y_xx"] += squares["x"] @ y


def _moved(sums: dict[str, torch.Tensor], move: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The sums as they would be of u + move_u in place of u."""
    n = sums["n"]
    total = {name: sums[f"sum_{name}"] for name in "xy"}
    square = {name: sums[f"square_{name}"] for name in "xy"}
    length = {name: move[name] @ move[name] for name in "xy"}
    new = {"n": n}
    for name in "xy":
        new[f"sum_{name}"] = total[name] + n * move[name]
        new[f"square_{name}"] = square[name] + 2 * move[name] @ total[name] + n * length[name]
    for u, v in (*_PAIRS, ("y", "x")):
        cross = sums["xy"].T if (u, v) == ("y", "x") else sums[u + v]
        d, e = move[u], move[v]
        # |v + e|^2 = |v|^2 + 2 e v + |e|^2, times u + d, summed.
        new[f"{u}_{v}{v}"] = (
            sums[f"{u}_{v}{v}"]
            + 2 * cross @ e
            + length[v] * total[u]
            + d * (square[v] + 2 * e @ total[v] + n * length[v])
        )
        if (u, v) == ("y", "x"):
            continue
        new[u + v] = cross + torch.outer(total[u], e) + torch.outer(d, total[v]) + n * torch.outer(d, e)
        new[f"{u}{u}_{v}{v}"] = (
            sums[f"{u}{u}_{v}{v}"]
            + 2 * e @ (sums["y_xx"] if (u, v) == ("x", "y") else sums[f"{u}_{u}{u}"])
            + length[v] * square[u]
            + 2 * d @ sums[f"{u}_{v}{v}"]
            + 4 * d @ cross @ e
            + 2 * length[v] * (d @ total[u])
            + length[u] * (square[v] + 2 * e @ total[v] + n * length[v])
        )
    return new


def _unbiased(sums: dict[str, torch.Tensor], u: str, v: str) -> float:
    """HSIC1 of two systems from their sums."""
    n, cross, both = float(sums["n"]), sums[u + v], float(sums[f"{u}{u}_{v}{v}"])
    s, t = sums[f"sum_{u}"], sums[f"sum_{v}"]
    trace = _square(cross) - both
    ones = [_square(sums[f"sum_{name}"]) - float(sums[f"square_{name}"]) for name in (u, v)]
    middle = float(s @ cross @ t - s @ sums[f"{u}_{v}{v}"] - t @ sums[f"{v}_{u}{u}"]) + both
    return (trace + ones[0] * ones[1] / ((n - 1) * (n - 2)) - 2 * middle / (n - 2)) / (n * (n - 3))


def _square(values: torch.Tensor) -> float:
    """The sum of squares, without an array of them."""
    return float(torch.linalg.vector_norm(values)) ** 2
