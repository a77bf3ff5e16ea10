"""A recurrent network on a ring, in which activity travels: the recent past is laid out in space."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.identity_rnn import Recurrence, rectified_recurrence

_STARTS = ("wave", "standing", "random")
_SITES = ("one", "all")


class WaveRNN(nn.Module):
    """Rectified units in channels on a ring, coupled to their neighbours by one kernel for all places.

    h_t = relu(u * h_{t-1} + V x_t + b), y_t = W h_t + a; u is a circular convolution over places. The start is the
    whole trick: u shifts each channel by one place, and V is 1 at place 0 and 0 elsewhere (b = 0), so that what comes
    in at one place is carried on unchanged, one place a step. All is trained.

    Args:
        n_in: inputs.
        n_units: places on the ring.
        n_out: outputs.
        channels: units at each place.
        kernel: width of u, odd.
        start: of u: `wave` as above; `standing` keeps each place as it is; `random` is torch's own for a convolution.
        input_site: of V: `one` as above; `all`: every place, from N(0, 0.001^2).
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for an unknown start or site, or a kernel that is even or wider than the ring.

    Source: Keller et al., Traveling waves encode the recent past, arXiv:2309.08045; definitions from their code, of
    which this is the mirror image (their waves move to lower places), without the random biases of its convolution.

    >>> net = WaveRNN(2, 8, channels=1)
    >>> pulse = torch.zeros(5, 1, 2)
    >>> pulse[0, 0, 1] = 1.0
    >>> net(pulse).activity[:, 0, 0].argmax(1).tolist()
    [0, 1, 2, 3, 4]
    """

    shifts: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_units: int = 100,
        *,
        n_out: int = 10,
        channels: int = 6,
        kernel: int = 3,
        start: str = "wave",
        input_site: str = "one",
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if start not in _STARTS:
            raise InputError("start", start, f"is one of {', '.join(_STARTS)}")
        if input_site not in _SITES:
            raise InputError("input_site", input_site, f"is one of {', '.join(_SITES)}")
        if not 3 <= kernel <= n_units or kernel % 2 == 0:
            raise InputError("kernel", kernel, f"needs an odd width from 3 to {n_units}, the places")
        if channels < 1:
            raise InputError("channels", channels, "must be at least 1")
        self.channels, self.n_units = channels, n_units
        size = channels * n_units
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.inward = nn.Linear(n_in, size)
            self.kernel = nn.Parameter(nn.Conv1d(channels, channels, kernel).weight.detach())
            self.readout = nn.Linear(size, n_out)
            nn.init.normal_(self.inward.weight, std=0.001)
        centre = kernel // 2
        with torch.no_grad():
            self.inward.bias.zero_()
            if input_site == "one":
                self.inward.weight.zero_()
                self.inward.weight.view(channels, n_units, n_in)[:, 0] = 1.0
            if start != "random":
                self.kernel.zero_()
                self.kernel[:, :, centre - (start == "wave")] = torch.eye(channels)
        # shifts[j] h has at each place what h has j - centre places further on.
        eye = torch.eye(n_units)
        shifts = torch.stack([eye.roll(j - centre, dims=1) for j in range(kernel)])
        self.register_buffer("shifts", shifts, persistent=False)

    def recurrent(self) -> torch.Tensor:
        """The matrix that does what u does, `(channel x place, channel x place)`: a step is faster by one product."""
        matrix = torch.einsum("oij,jxy->oxiy", self.kernel, self.shifts)
        return matrix.flatten(2).flatten(0, 1)

    def forward(self, x: torch.Tensor) -> Recurrence:
        """Run over `(time, sequence, input)` from 0; the activity is `(time, sequence, channel, place)`.

        Raises:
            InputError: for another shape.
        """
        activity = rectified_recurrence(self.inward, x, recurrent=self.recurrent())
        return Recurrence(self.readout(activity), activity.unflatten(2, (self.channels, self.n_units)))
