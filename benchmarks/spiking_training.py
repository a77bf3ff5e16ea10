"""snn-train: forward and backward through a spiking network of three layers, beside snntorch, spikingjelly and norse.

Each peer has a neuron of its own - what a spike takes, and when. Beside it multiunit runs that very neuron, so that
gradients can be compared: a setting for each peer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import compare, goal, main, ratio, write

N_STEPS, BATCH, SIZES, DENSITY = 100, 128, (700, 256, 256, 20), 0.03
DECAY, SLOPE = 0.9, 10.0
# How spiky the hidden layers are: weights times this.
SCALE = 3.0
TOLERANCE = 1e-5


def _drawn() -> tuple[Any, Any, list[Any]]:
    """Spikes `(time, batch, unit)`, labels, and linear layers, the same for everybody."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    spikes = (torch.rand(N_STEPS, BATCH, SIZES[0]) < DENSITY).float()
    labels = torch.randint(SIZES[-1], (BATCH,))
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(SIZES)]
    for layer in layers:
        layer.weight.data *= SCALE
    return spikes, labels, layers


def _training(run: Callable[[Any, list[Any]], Any], *, sparse: bool = False) -> Any:
    """`run(spikes, layers)` gives the output's spikes added up over time; the work is its loss and all gradients."""
    import torch

    spikes, labels, layers = _drawn()
    if sparse:
        from multiunit.networks.spike_linear import SpikeLinear

        for i, layer in enumerate(layers):
            layers[i] = SpikeLinear(layer.in_features, layer.out_features)
            layers[i].load_state_dict(layer.state_dict())

    def work() -> Any:
        for layer in layers:
            layer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(run(spikes, layers), labels)
        loss.backward()
        return loss.detach()

    def answer(loss: Any) -> dict[str, np.ndarray]:
        found = {"loss": np.array(float(loss))}
        for i, layer in enumerate(layers):
            gradient = layer.weight.grad.numpy()
            # In units of the largest: float32 adds up in another order in each of them.
            found[f"gradient {i}"] = gradient / np.abs(gradient).max()
        return found

    return work, answer


# --- contenders -------------------------------------------------------------------------------------------------------


def multiunit(peer: str, *, sparse: bool = False) -> Any:
    from multiunit.networks.fused_leaky import LeakyLayer
    from multiunit.networks.surrogate import arctan, fast_sigmoid

    tau = -1e-3 / math.log(DECAY)
    options: dict[str, Any] = {
        "snntorch": {"reset": "subtract", "surrogate": fast_sigmoid(width=1 / SLOPE)},
        "spikingjelly": {"reset": "soft", "surrogate": arctan(width=0.5)},
        # Its neuron leaks an input, too: a tenth of it arrives, at a threshold of a tenth. Its slope has width 1:
        # norse 1.1 does nothing with its `alpha`.
        "norse": {
            "reset": "zero",
            "detach_reset": False,
            "gain": 1 - DECAY,
            "threshold": 1 - DECAY,
            "surrogate": fast_sigmoid(width=1.0),
        },
    }[peer]
    neurons = [LeakyLayer(n, tau_membrane=tau, dt=1e-3, **options) for n in SIZES[1:]]

    def run(x: Any, layers: list[Any]) -> Any:
        for layer, neuron in zip(layers, neurons, strict=True):
            x = neuron(layer(x)).spikes
        return x.sum(0)

    return _training(run, sparse=sparse)


def multiunit_sparse(peer: str) -> Any:
    return multiunit(peer, sparse=True)


def snntorch(peer: str) -> Any:
    import snntorch as snn
    from snntorch import surrogate

    neurons = [snn.Leaky(beta=DECAY, spike_grad=surrogate.fast_sigmoid(slope=SLOPE)) for _ in SIZES[1:]]

    def run(x: Any, layers: list[Any]) -> Any:
        states, total = [neuron.init_leaky() for neuron in neurons], 0
        for now in x:
            for i, layer in enumerate(layers):
                now, states[i] = neurons[i](layer(now), states[i])
            total = total + now
        return total

    return _training(run)


def spikingjelly(peer: str) -> Any:
    from spikingjelly.activation_based import functional, neuron, surrogate

    neurons = [
        neuron.LIFNode(
            tau=1 / (1 - DECAY),
            decay_input=False,
            v_reset=None,
            detach_reset=True,
            surrogate_function=surrogate.ATan(),
            step_mode="m",
        )
        for _ in SIZES[1:]
    ]

    def run(x: Any, layers: list[Any]) -> Any:
        for layer, node in zip(layers, neurons, strict=True):
            functional.reset_net(node)
            x = node(layer(x))
        return x.sum(0)

    return _training(run)


def norse(peer: str) -> Any:
    import norse.torch as no
    import torch

    given = no.LIFBoxParameters(tau_mem_inv=torch.tensor(1e3 * (1 - DECAY)), v_th=torch.tensor(1 - DECAY))
    neurons = [no.LIFBoxCell(given) for _ in SIZES[1:]]

    def run(x: Any, layers: list[Any]) -> Any:
        states: list[Any] = [None] * len(neurons)
        total = 0
        for now in x:
            for i, layer in enumerate(layers):
                now, states[i] = neurons[i](layer(now), states[i])
            total = total + now
        return total

    return _training(run)


CONTENDERS = {
    "multiunit": multiunit,
    "multiunit, sparse": multiunit_sparse,
    "snntorch": snntorch,
    "spikingjelly": spikingjelly,
    "norse": norse,
}
GOALS = {"snntorch": 4.0, "spikingjelly": 2.5, "norse": 4.0}


def report() -> None:
    settings = {
        peer: compare(
            __file__,
            ["multiunit", "multiunit, sparse", peer],
            {"peer": peer},
            reference="multiunit",
            tolerance=TOLERANCE,
        )
        for peer in GOALS
    }
    goals = [
        goal(f"{peer} / multiunit, sparse", ratio(settings[peer], peer, "multiunit, sparse"), at_least=least)
        for peer, least in GOALS.items()
    ]
    goals.append(
        goal("snntorch / multiunit, dense", ratio(settings["snntorch"], "snntorch", "multiunit"), at_least=2.0)
    )
    write(
        "snn_train",
        work=f"Loss and all gradients of a spiking network {'-'.join(map(str, SIZES))}, {N_STEPS} steps, batches of "
        f"{BATCH}, {DENSITY:.0%} of the inputs spike; float32, one thread.",
        notes="In each setting all run the neuron of that peer. Differences are those of the loss and of gradients, in "
        "units of the layer's largest. `sparse` adds up the weights of inputs that spike (`SpikeLinear`).",
        settings=settings,
        goals=goals,
        packages=["multiunit", "torch", "numba", *GOALS],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
