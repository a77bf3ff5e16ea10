"""A recurrent network whose nonlinearity sits in its synapses: linear, with coefficients that depend on its state."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import softplus

from multiunit.core.errors import InputError
from multiunit.networks.fused_relaxation import relaxing_states

SYNAPSES = ("biophysical", "shared", "neuron")


class ConductanceRNN(nn.Module):
    """Units in continuous time that synapses with gates of their own pull to reversal potentials.

    f_ij = sigmoid(a_ij v_j + b_ij), dx_i/dt = g_leak,i (e_leak,i - x_i) + sum_j g_ij f_ij (e_ij - x_i), g >= 0; v_j is
    an input or the state of a unit. So dx/dt = B - A x with A_i = g_leak,i + sum_j g_ij f_ij and B_i = g_leak,i
    e_leak,i + sum_j g_ij f_ij e_ij: at any moment 1 / A is the time constant of each unit and B / A where it goes.
    A sample is some semi-implicit ("fused") steps x <- (x + h B) / (1 + h A), stable for any h; the start is 0.

    Args:
        n_in: inputs of a sample. n_out: numbers that are read from all units, by an affine map.
        n_units: units.
        synapse: `biophysical` as above; `shared`: the gates of a presynaptic cell, a_j and b_j, are the same at all its
            synapses; `neuron`: the rival with one weight a synapse, dx/dt = -x / tau + W tanh(x) + U u + c.
        mask: bool `(n_units, n_in + n_units)`, which synapses there are, inputs first; none are missing if None.
        n_substeps: substeps of a sample.
        dt: time between samples, s.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for an unknown synapse, sizes below 1, or a mask of another shape.

    Source: Lemmel & Grosu, On the benefits of biophysical synapses, arXiv:2303.04944, of which only abstract and
    beginning could be read; reconstructed from the liquid time-constant networks that it builds on. Their code gives
    the semi-implicit step and the ranges of the initial values (conductances here are those divided by its capacity of
    0.5); its trained scale of each input is left out, which the gates' slopes can take over.

    >>> net = ConductanceRNN(1, 2, n_units=4)
    >>> net(torch.zeros(3, 10, 1)).shape
    torch.Size([3, 10, 2])
    >>> x = net.states(torch.full((3, 10, 1), 100.0)).detach()
    >>> bool((x.abs() <= net.reversal.abs().max()).all())   # whatever comes in, no state leaves the reversal potentials
    True
    """

    mask: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_units: int,
        synapse: str = "biophysical",
        mask: np.ndarray | None = None,
        n_substeps: int = 6,
        dt: float = 1.0,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if synapse not in SYNAPSES:
            raise InputError("synapse", synapse, f"is one of {', '.join(SYNAPSES)}")
        for name, size in (("n_in", n_in), ("n_out", n_out), ("n_units", n_units), ("n_substeps", n_substeps)):
            if size < 1:
                raise InputError(name, size, "must be at least 1")
        shape = (n_units, n_in + n_units)
        present = np.ones(shape) if mask is None else np.asarray(mask, float)
        if present.shape != shape:
            raise InputError("mask", present.shape, f"needs {shape}: unit to, inputs and units from")
        self.n_in, self.synapse, self.n_substeps, self.dt = n_in, synapse, n_substeps, dt
        self.register_buffer("mask", torch.tensor(present, dtype=torch.get_default_dtype()))
        rng = np.random.default_rng(random_state)

        def drawn(low: float, high: float, *size: int) -> nn.Parameter:
            return nn.Parameter(torch.tensor(rng.uniform(low, high, size), dtype=torch.get_default_dtype()))

        if synapse == "neuron":
            self.weight, self.bias = drawn(-1.0, 1.0, *shape), drawn(-1.0, 1.0, n_units)
            for value in (self.weight, self.bias):
                value.data /= n_units**0.5
            self.leak = drawn(0.0, 1.0, n_units)
        else:
            rows = n_units if synapse == "biophysical" else 1
            self.slope = drawn(3.0, 8.0, rows, shape[1])
            self.offset = nn.Parameter(-self.slope.detach() * drawn(0.3, 0.8, rows, shape[1]).detach())
            self.conductance = nn.Parameter(_inverse_softplus(drawn(0.002, 2.0, *shape).detach()))
            self.reversal = nn.Parameter(drawn(-1.0, 1.0, *shape).detach().sign())
            self.leak = nn.Parameter(_inverse_softplus(drawn(0.002, 2.0, n_units).detach()))
            self.leak_reversal = drawn(-0.2, 0.2, n_units)
        self.readout = nn.utils.skip_init(nn.Linear, n_units, n_out)
        self.readout.weight = drawn(-(n_units**-0.5), n_units**-0.5, n_out, n_units)
        nn.init.zeros_(self.readout.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(batch, time, n_in)` to `(batch, time, n_out)`."""
        return self.readout(self.states(inputs))

    def states(self, inputs: torch.Tensor) -> torch.Tensor:
        """States after each sample, `(batch, time, n_units)`, from `(batch, time, n_in)`.

        Raises:
            InputError: for another shape.
        """
        if inputs.ndim != 3 or inputs.shape[2] != self.n_in:
            raise InputError("inputs", tuple(inputs.shape), f"needs (batch, time, {self.n_in})")
        u = inputs.permute(1, 2, 0)
        rate, drive = self._given(u)
        slope, offset, to_rate, to_drive = (value[:, self.n_in :] for value in self._gates())
        states = relaxing_states(
            rate,
            drive,
            slope=slope,
            offset=offset,
            to_conductance=to_rate,
            to_drive=to_drive,
            n_substeps=self.n_substeps,
            dt=self.dt,
        )
        return states.permute(2, 0, 1)

    def state_dependent_system(self, x: torch.Tensor, *, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A and B of dx/dt = B - A x, each `(batch, n_units)`, at a state of that shape and inputs `(batch, n_in)`."""
        rate, drive = self._given(inputs.T[None])
        slope, offset, to_rate, to_drive = (value[:, self.n_in :] for value in self._gates())
        f = torch.sigmoid(slope * x[:, None] + offset)
        return rate[0].T + (f * to_rate).sum(2), drive[0].T + (f * to_drive).sum(2)

    def contributions(self, x: torch.Tensor, *, inputs: torch.Tensor) -> torch.Tensor:
        """What each synapse adds to dx/dt, g f (e - x), `(batch, unit to, inputs and units from)`.

        Raises:
            InputError: if the network has no conductances.
        """
        g = self._conductances()
        f = torch.sigmoid(self.slope * torch.cat([inputs, x], 1)[:, None] + self.offset)
        return g * f * (self.reversal - x[:, :, None])

    def synapse_table(self) -> pd.DataFrame:
        """One row a synapse: source (`input/0`, `unit/0`, ...), target, conductance g, slope a, offset b, reversal e.

        Raises:
            InputError: if the network has no conductances.
        """
        g = self._conductances().detach().cpu().numpy()
        to, origin = np.nonzero(self.mask.cpu().numpy())
        names = [f"input/{i}" for i in range(self.n_in)] + [f"unit/{i}" for i in range(len(g))]
        table = {
            "source": [names[j] for j in origin],
            "target": [f"unit/{i}" for i in to],
            "conductance": g[to, origin],
        }
        for name in ("slope", "offset", "reversal"):
            value = getattr(self, name).detach().expand(g.shape)
            table[name] = value.cpu().numpy()[to, origin]
        return pd.DataFrame(table)

    def _conductances(self) -> torch.Tensor:
        if self.synapse == "neuron":
            raise InputError("synapse", self.synapse, "has weights, no conductances")
        return softplus(self.conductance) * self.mask

    def _gates(self) -> tuple[torch.Tensor, ...]:
        """Slope, offset, and what an open gate adds to A and to B; tanh(x) = 2 sigmoid(2 x) - 1 is a gate too."""
        if self.synapse == "neuron":
            weight = self.weight * self.mask
            slope = torch.full_like(weight[:1], 2.0)
            return slope, torch.zeros_like(slope), torch.zeros_like(weight), 2.0 * weight
        g = self._conductances()
        return self.slope, self.offset, g, g * self.reversal

    def _given(self, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What leak and inputs `(time, n_in, batch)` add to A and to B, `(time, unit, batch)` each."""
        leak = softplus(self.leak)[:, None]
        if self.synapse == "neuron":
            weight = self.weight * self.mask
            drive = weight[:, : self.n_in] @ u + (self.bias - weight[:, self.n_in :].sum(1))[:, None]
            return leak.expand_as(drive), drive
        slope, offset, to_rate, to_drive = (value[:, : self.n_in] for value in self._gates())
        f = torch.sigmoid(slope[..., None] * u[:, None] + offset[..., None])
        rate = leak + (f * to_rate[..., None]).sum(2)
        return rate, leak * self.leak_reversal[:, None] + (f * to_drive[..., None]).sum(2)


def _inverse_softplus(x: torch.Tensor) -> torch.Tensor:
    return x + torch.log(-torch.expm1(-x))
