"""A spiking reservoir: different Izhikevich neurons, sparse random synapses under Dale's law, and a trace of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.circuits.circuit import Circuit
from multiunit.circuits.connectivity import EdgeList, OneToOne
from multiunit.circuits.inputs import Drive, PoissonInput
from multiunit.circuits.population import Population
from multiunit.circuits.projection import Coupling, Projection
from multiunit.core.errors import InputError
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.dynamics.synapses import exponential_synapse


def izhikevich_reservoir(
    inputs: np.ndarray,
    *,
    width: float,
    n_units: int = 500,
    density: float = 0.1,
    excitatory: float = 0.8,
    strength: float = 0.5,
    tau_synapse: float = 0.01,
    tau_trace: float = 0.05,
    bias: tuple[float, float] = (2.0, 8.0),
    noise: float = 0.03,
    input_density: float = 1.0,
    input_scaling: float = 30.0,
    dt: float = 5e-4,
    random_state: int = 0,
) -> Circuit:
    """Wire a reservoir to its inputs; run the circuit, and read its traces.

    Excitatory neurons go from regular spiking to chattering: (a, b, c, d) = (0.02, 0.2, -65 + 15 q^2, 8 - 6 q^2);
    inhibitory ones from low threshold to fast spiking: (0.02 + 0.08 q, 0.25 - 0.05 q, -65, 2), q uniform in (0, 1).
    A spike of an excitatory neuron adds strength |x| / sqrt(density n) to a current that decays with tau_synapse, that
    of an inhibitory one takes off as much times the ratio of the numbers of neurons; x is standard normal.

    Args:
        inputs: `(sample, input)`; each reaches a share `input_density` of neurons with weights uniform between -
            and + `input_scaling`, mV/ms.
        width: seconds a sample.
        n_units: neurons. density: of synapses, none to itself. excitatory: share of neurons.
        strength: mV/ms.
        tau_synapse: s. tau_trace: of the filter of each neuron's spikes, s.
        bias: constant currents are uniform between these, mV/ms.
        noise: Poisson spikes of 100 Hz at each neuron, as strong as this, mV/ms.
        dt: step, s.
        random_state: seed.

    Returns:
        A circuit of "neurons", their "synapses" and "trace": `run(seconds, states=["trace.g"], every=...)`. A trace
        jumps by 1 with a spike and decays.

    Raises:
        InputError: for inputs of another shape or values out of their range.

    Source: Izhikevich, IEEE Trans. Neural Networks 14 (2003), for the neurons; Yamada & Chao, arXiv:2510.14382, for
    such a reservoir. Reconstructed: sizes, weights, currents and time constants are not theirs.

    >>> cue = np.zeros((4, 1))
    >>> cue[2] = 1.0
    >>> circuit = izhikevich_reservoir(cue, width=0.05, n_units=100, random_state=0)
    >>> run = circuit.run(0.2, states=["trace.g"], every=0.05)
    >>> before, during = (np.concatenate(run.spikes.spike_trains) // 0.05 == k for k in (1, 2))
    >>> run.states["trace.g"].activity.shape, bool(during.sum() > 2 * before.sum())
    ((1, 100, 4), True)
    """
    inputs = np.asarray(inputs, dtype=float)
    if inputs.ndim != 2 or not np.isfinite(inputs).all():
        raise InputError("inputs", inputs.shape, "needs finite (sample, input)")
    n_excitatory = round(excitatory * n_units)
    if not 0 < n_excitatory < n_units:
        raise InputError("excitatory", excitatory, f"of {n_units} neurons leaves none of one kind")
    for name, share in (("density", density), ("input_density", input_density)):
        if not 0 < share <= 1:
            raise InputError(name, share, "needs a number above 0 and up to 1")
    rng = np.random.default_rng(random_state)
    excites = np.arange(n_units) < n_excitatory
    q = rng.random(n_units)
    cells: dict[str, Any] = {
        "a": np.where(excites, 0.02, 0.02 + 0.08 * q),
        "b": np.where(excites, 0.2, 0.25 - 0.05 * q),
        "c": np.where(excites, -65 + 15 * q**2, -65.0),
        "d": np.where(excites, 8 - 6 * q**2, 2.0),
    }
    wired = rng.random((n_units, n_units)) < density
    np.fill_diagonal(wired, False)
    weights = wired * np.abs(rng.normal(size=wired.shape)) * strength / np.sqrt(density * n_units)
    weights[~excites] *= -n_excitatory / (n_units - n_excitatory)
    into = rng.uniform(-input_scaling, input_scaling, (inputs.shape[1], n_units))
    into *= rng.random(into.shape) < input_density
    return Circuit(
        [
            Population(n_units, izhikevich, name="neurons", **cells),
            Population(n_units, exponential_synapse, name="synapses", tau=tau_synapse),
            Population(n_units, exponential_synapse, name="trace", tau=tau_trace),
        ],
        [
            Projection("neurons", "synapses", connectivity=EdgeList.from_matrix(weights), into="spikes"),
            Projection("neurons", "trace", connectivity=OneToOne(), into="spikes", weight=1.0),
            Projection(
                "synapses", "neurons", connectivity=OneToOne(), into="current", coupling=Coupling(_itself, pre=("g",))
            ),
        ],
        [
            Drive("neurons", "current", values=rng.uniform(*bias, n_units)),
            Drive("neurons", "current", values=inputs @ into, width=width),
            PoissonInput("synapses", "spikes", rate=100.0, weight=noise),
        ],
        dt=dt,
        random_state=random_state,
    )


def _itself(g: Any) -> Any:
    return g
