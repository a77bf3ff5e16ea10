"""Turn a trained network of rectified units into one of integrate-and-fire units, without training again."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spiking_sequential import SpikingSequential

# A leak this slow is none: exp(-dt / tau) is 1 in single and in double precision.
_NO_LEAK = 1e15
_LINEAR = nn.Linear | nn.Conv2d


def to_spiking(network: nn.Module, calibration: torch.Tensor, *, percentile: float = 99.9) -> SpikingSequential:
    """Replace each ReLU by integrate-and-fire units whose rate is its activation, in units of the layer's threshold.

    v_t = v_{t-1} + current_t - theta s_{t-1}, s_t = v_t > theta, theta the given percentile of the layer's activations
    over inputs, units and places. A spike stands for theta: the next layer's weights are multiplied by it, so that
    potentials keep the units of the network given. After T steps of a constant input, a unit of the first layer whose
    activation a is below theta has theta N / T within theta / T of a, N its number of spikes; above theta it saturates.

    Args:
        network: an `nn.Sequential`, nested or not, of Linear, Conv2d, BatchNorm1d or 2d directly after one of them
            (folded into it), ReLU, AvgPool2d, Flatten, Dropout and Identity (both dropped).
        calibration: inputs `(input, ...)`, typical ones, from which the thresholds are taken.
        percentile: 100 takes the largest activation: nobody saturates, but convergence is slower.

    Returns:
        The spiking network, in evaluation mode; nothing is shared with the one given. It takes currents `(time, batch,
        ...)`: for a constant input `x.expand(n_steps, *x.shape)`. The mean of its output over time approaches the
        output of the network given; if that ends with a ReLU, the mean times the last layer's threshold does.

    Raises:
        InputError: for another layer, a ReLU without weights before it, no inputs, or a layer that is never active.

    Source: Rueckauer et al., Frontiers in Neuroscience 11:682 (2017), for soft reset, percentiles and folding; Diehl et
    al., IJCNN 2015, for the balance of weights and thresholds by data.
    Reconstructed: equations were not read again there.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> _ = network.load_state_dict({"0.weight": torch.tensor([[2.0]]), "0.bias": torch.tensor([0.0])})
    >>> spiking = to_spiking(network, torch.tensor([[1.0], [2.0]]), percentile=100)    # threshold 4
    >>> spiking(torch.tensor([[1.01]]).expand(8, 1, 1)).flatten().tolist()    # a rate of 2.02 / 4
    [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """
    if not 0 < percentile <= 100:
        raise InputError("percentile", percentile, "must lie in (0, 100]")
    if not len(calibration) or not torch.isfinite(calibration).all():
        raise InputError("calibration", tuple(calibration.shape), "needs at least one input, and finite numbers only")
    parts = _folded(network)
    activity, scale = calibration, 1.0
    found: list[nn.Module] = []
    weighted = False
    with torch.no_grad():
        for place, part in enumerate(parts):
            activity = part(activity)
            if isinstance(part, nn.ReLU):
                if not weighted:
                    raise InputError("network", f"ReLU {place}", "needs weights between it and the ReLU before")
                scale = float(np.percentile(activity.numpy(force=True), percentile))
                if scale <= 0:
                    raise InputError("calibration", scale, f"is the threshold of ReLU {place}; raise the percentile")
                found.append(_units(found, scale))
                weighted = False
                continue
            if isinstance(part, _LINEAR) and not weighted:
                # What comes in are spikes of 1 that stand for `scale`; the bias is a current of its own.
                part.weight *= scale
                weighted = True
            found.append(part)
    return SpikingSequential(*found).eval()


def _units(before: list[nn.Module], threshold: float) -> LeakyLayer:
    last = next(part for part in reversed(before) if isinstance(part, _LINEAR))
    n_units = last.out_features if isinstance(last, nn.Linear) else last.out_channels
    return LeakyLayer(n_units, tau_membrane=_NO_LEAK, threshold=threshold)


def _folded(network: nn.Module) -> list[nn.Module]:
    """The layers in order, copied, in evaluation mode, with batch norms folded into the weights before them."""
    parts: list[nn.Module] = []
    for layer in _flat(network):
        part = copy.deepcopy(layer).eval()
        last = parts[-1] if parts else None
        if isinstance(part, nn.Dropout | nn.Identity):
            continue
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            if part.running_mean is None or not isinstance(last, _LINEAR):
                raise InputError("network", type(part).__name__, "must follow a Linear or Conv2d, and keep statistics")
            parts[-1] = (
                fuse_linear_bn_eval(last, part) if isinstance(last, nn.Linear) else fuse_conv_bn_eval(last, part)
            )
        elif isinstance(part, _LINEAR | nn.ReLU | nn.AvgPool2d | nn.Flatten):
            parts.append(part)
        else:
            allowed = "Linear, Conv2d, BatchNorm, ReLU, AvgPool2d, Flatten, Dropout, Identity"
            raise InputError("network", type(part).__name__, f"cannot be converted; use {allowed}")
    for part in parts:
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return parts


def _flat(network: nn.Module) -> Iterator[nn.Module]:
    if not isinstance(network, nn.Sequential):
        yield network
        return
    for part in network:
        yield from _flat(part)
