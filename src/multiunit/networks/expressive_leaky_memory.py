"""One neuron as a small recurrent network: traces of branches, and leaky memories that a perceptron writes to."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky_memory import leaky_memories


class ExpressiveLeakyMemory(nn.Module):
    """The expressive leaky memory neuron: slowly decaying memories, written to by a nonlinear reading of all branches.

    b_t = k_s b_{t-1} + sum over the synapses of each branch of relu(w) x_t, k_s = e^(-dt / tau_synapse);
    d_t = 1.7159 tanh(2/3 MLP([b_t, k m_{t-1}])), one hidden layer of relu units; m_t = k m_{t-1} + gain (1 - k) d_t,
    k = e^(-dt / tau) (`multiunit.dynamics.leaky_memory`); y_t = W m_t + c. All traces start at 0.

    Weights are not negative: the spikes of inhibitory inputs are given as -1.

    Args:
        n_in: inputs. n_out: numbers read at each step; of a spiking neuron the logit of a spike and its potential.
        n_memory: memories; the hidden layer has twice as many units.
        tau_memory: shortest and longest time constant, s; spaced evenly in their logarithm.
        tau_synapse: time constant of the traces, s.
        gain: lambda of the source.
        routing: input numbers `(branch, synapse)`; an input may come often or never. If None, each is its own branch.
        learn_tau: whether time constants are trained, within the two bounds.
        version: 1 as above; 2 with 1 - e^(-gain dt / tau) for gain (1 - k), as the later code of the source has it.
        dt: step, s.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for sizes below 1, time constants that are not positive or not in order, a routing of inputs that
            there are not, or an unknown version.

    Source: Spieler, Rahaman, Martius, Schoelkopf & Levina, arXiv:2306.16922; definitions from their code. Traces are
    kept for branches, which for equal time constants are the sums of those of the synapses; time constants stay within
    their bounds by a sigmoid of their logarithm, not of themselves.

    >>> net = ExpressiveLeakyMemory(4, 2, n_memory=5, routing=np.array([[0, 1], [2, 3]]))
    >>> net(torch.zeros(3, 10, 4)).shape
    torch.Size([3, 10, 2])
    >>> [round(tau, 4) for tau in net.tau_memory.tolist()]
    [0.001, 0.0056, 0.0316, 0.1778, 1.0]
    """

    routing: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_memory: int = 20,
        tau_memory: tuple[float, float] = (1e-3, 1.0),
        tau_synapse: float = 5e-3,
        gain: float = 5.0,
        routing: np.ndarray | None = None,
        learn_tau: bool = False,
        version: int = 1,
        dt: float = 1e-3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        for name, size in (("n_in", n_in), ("n_out", n_out), ("n_memory", n_memory)):
            if size < 1:
                raise InputError(name, size, "must be at least 1")
        low, high = tau_memory
        if not 0 < low < high < np.inf or not tau_synapse > 0:
            raise InputError("tau_memory", tau_memory, "needs a shorter and a longer time in s, and tau_synapse > 0")
        if version not in (1, 2):
            raise InputError("version", version, "is 1 or 2")
        routes = np.arange(n_in)[:, None] if routing is None else np.array(routing)
        if routes.ndim != 2 or not np.isin(routes, np.arange(n_in)).all():
            raise InputError("routing", routes.shape, f"needs input numbers from 0 to {n_in - 1}, (branch, synapse)")
        self.n_in, self.tau_bounds, self.gain, self.version, self.dt = n_in, tau_memory, gain, version, dt
        self.keeps = float(np.exp(-dt / tau_synapse))
        self.register_buffer("routing", torch.as_tensor(routes, dtype=torch.long))
        self.tau_logit = nn.Parameter(torch.logit(torch.linspace(0, 1, n_memory), eps=1e-6), requires_grad=learn_tau)
        self.synapse = nn.Parameter(torch.full(routes.shape, 0.5))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.hidden = nn.Linear(len(routes) + n_memory, 2 * n_memory)
            self.proposal = nn.Linear(2 * n_memory, n_memory)
            self.readout = nn.Linear(n_memory, n_out)

    @property
    def tau_memory(self) -> torch.Tensor:
        """Time constants of the memories, s, `(n_memory,)`."""
        low, high = self.tau_bounds
        return low * (high / low) ** torch.sigmoid(self.tau_logit)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(batch, time, n_in)` to `(batch, time, n_out)`."""
        return self.readout(self.memories(inputs))

    def memories(self, inputs: torch.Tensor) -> torch.Tensor:
        """m after each step, `(batch, time, n_memory)`, from `(batch, time, n_in)`.

        Raises:
            InputError: for another shape.
        """
        if inputs.ndim != 3 or inputs.shape[2] != self.n_in:
            raise InputError("inputs", tuple(inputs.shape), f"needs (batch, time, {self.n_in})")
        branches = self.branches(inputs)
        n_branches = branches.shape[2]
        keep = torch.exp(-self.dt / self.tau_memory)
        write = self.gain * (1.0 - keep) if self.version == 1 else 1.0 - keep**self.gain
        given = nn.functional.linear(branches, self.hidden.weight[:, :n_branches], self.hidden.bias)
        states = leaky_memories(
            given.permute(1, 2, 0),
            back=self.hidden.weight[:, n_branches:],
            onward=(2.0 / 3.0) * self.proposal.weight,
            bias=(2.0 / 3.0) * self.proposal.bias,
            keep=keep,
            scale=1.7159 * write,
        )
        return states.permute(2, 0, 1)

    def branches(self, inputs: torch.Tensor) -> torch.Tensor:
        """Traces of the branches after each step, `(batch, time, branch)`, from `(batch, time, n_in)`."""
        n_branches = len(self.routing)
        branch = torch.arange(n_branches, device=inputs.device)[:, None].expand_as(self.routing)
        weights = inputs.new_zeros(self.n_in, n_branches)
        weights = weights.index_put((self.routing, branch), torch.relu(self.synapse), accumulate=True)
        arrived = (inputs @ weights).transpose(0, 1)
        trace = torch.zeros_like(arrived[0])
        traces = []
        for now in arrived:
            trace = torch.add(now, trace, alpha=self.keeps)
            traces.append(trace)
        return torch.stack(traces, 1)
