"""At which rhythm every unit's activity goes up and down along a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, column


@method(kind="statistic", source="welch1967")
class SpectralPower(Statistic):
    """Mean periodogram of the activity along sequences, in windows that do not overlap.

    `P(f) = mean over windows |sum_t h_t (x_t - mean) exp(-2 pi i f t)|^2 / sum h^2` with the Hann window h.
    What is left of a sequence after its last whole window is not used.

    Args:
        n_window: positions in a window.

    Source: Welch 1967, without overlap, so that windows are independent of how the stream is cut.

    >>> spectrum = SpectralPower(8)
    >>> wave = np.cos(np.pi * np.arange(16) / 2)[:, None]
    >>> spectrum.update(wave, pd.DataFrame({"sequence_id": 0, "position": range(16)}))
    >>> power = spectrum.result()["power"]
    >>> float(power["frequency"][int(power.argmax("frequency")[0])])
    0.25
    """

    _power: Any
    _n: Any

    def __init__(self, n_window: int = 64) -> None:
        if n_window < 4:
            raise InputError("n_window", n_window, "at least 4 positions")
        self.n_window = n_window
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        sequence = column(presentations, "sequence_id", "presentations")
        starts = np.flatnonzero(np.r_[True, sequence[1:] != sequence[:-1]]) if len(sequence) else np.empty(0, int)
        hann = torch.hann_window(self.n_window, periodic=True, dtype=torch.float64, device=x.device)[:, None]
        if self._power is None:
            shape = (self.n_window // 2 + 1, x.shape[1])
            self._power = torch.zeros(shape, dtype=torch.float64, device=x.device)
        for start, stop in zip(starts, [*starts[1:], len(sequence)][: len(starts)], strict=True):
            for first in range(start, stop - self.n_window + 1, self.n_window):
                window = x[first : first + self.n_window].double()
                spectrum = torch.fft.rfft(hann * (window - window.mean(0)), dim=0)
                self._power += spectrum.abs().square() / hann.square().sum()
                self._n += 1

    def merge(self, other: Self) -> None:
        if other._power is not None:
            self._power = other._power.clone() if self._power is None else self._power + other._power
            self._n += other._n

    def result(self) -> xr.Dataset:
        """`power(unit, frequency)`, frequency in cycles a position, and the number of windows `n`."""
        n_frequencies = self.n_window // 2 + 1
        power = np.empty((0, n_frequencies)) if self._power is None else self._power.T.cpu().numpy() / max(1, self._n)
        return xr.Dataset(
            {"power": (("unit", "frequency"), power), "n": ((), self._n)},
            coords={"frequency": np.arange(n_frequencies) / self.n_window},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        return {} if self._power is None else {"power": self._power.cpu().numpy(), "n": np.array(self._n)}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._power = torch.tensor(state["power"]) if state else None
        self._n = int(state["n"]) if state else 0
