"""BrainTransformers: a language model whose activations are signed counts of spikes.

Claim: a transformer turned into signed spike counts keeps its language performance, because its neurons, with a
threshold that rises from step to step, reproduce the rounding to whole numbers exactly.

Experiment: a real trained model (Llama type, 260,000 parameters, 5 layers) with neurons before and after each of its 36
linear maps and after its embedding, their scales from 10 stories that it told itself; on 40 other stories of 100
tokens: bits a character, and the share of tokens whose most probable follower stays, with integers of 2, 3, 4, 6 and 8
bits. On two of the stories, for all neurons: whether the sum of the spikes is the rounded number; and for a head of the
first layer, whether the product of queries and keys built up by events is that of the counts. What spikes cost: the
additions for each spike and each target over the multiplications of the model as it was.

Control: a threshold that does not rise (alpha = 0), with which a neuron tells only a sign; 2 bits; and the formula for
the product that the paper prints, which is not the product.

Deviations: a real model in place of one trained on the spot, stories that it tells in place of benchmarks; scales are
fixed beforehand in place of taken from each tensor, over the batch and the positions to come; softmax, SiLU and norms
are exact.

Not shown: neurons fitted to SiLU, squares and roots; training that knows of the rounding; the plasticity of their third
stage; models of billions. That 8 bits take up to 127 steps makes spikes no bargain: see the cost.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.interventions.generate import generate
from multiunit.networks.spiking_transformer import (
    RampNeurons,
    count_operations,
    event_product,
    ramped_spikes,
    spiking_transformer,
)
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="spiking-transformer-conversion",
    title="BrainTransformers: SNN-LLM",
    year=2024,
    source="arXiv:2410.14687",
    level="data",
    uses=(spiking_transformer, event_product, count_operations),
    needs=("lm_stories260k",),
)

QUERY, KEY = ("model.layers.0.self_attn.q_proj.after", "model.layers.0.self_attn.k_proj.after")
# One head's query, and the key it is compared with.
HEAD = slice(0, 8)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    system = open_hugging_face(data_folder("lm_stories260k"))
    module = system.module
    n_tokens = scale.pick(smoke=20, small=100)
    calibration, stories = (
        _stories(system, n, n_tokens, rng) for n in (scale.pick(smoke=2, small=10), scale.pick(smoke=3, small=40))
    )
    assert system.tokenizer is not None
    n_characters = sum(len(system.tokenizer.decode(story[1:].tolist())) for story in stories)
    whole = _logits(module, stories)
    bits, agreement = {0: _bits(whole, stories) / n_characters}, {}
    models = {
        n: spiking_transformer(module, calibration, bits=n) for n in scale.pick(smoke=(2, 8), small=(2, 3, 4, 6, 8))
    }
    for n, model in models.items():
        logits = _logits(model, stories)
        bits[n] = _bits(logits, stories) / n_characters
        agreement[n] = float((logits.argmax(2) == whole.argmax(2)).float().mean())
    flat = spiking_transformer(module, calibration, bits=8, alpha=0.0)
    flat_bits = _bits(_logits(flat, stories), stories) / n_characters

    seen = _seen(models[8], stories[:2])
    cost = count_operations(models[8], stories).sum()
    events, printed, scaled = _products(models[8], seen)
    return Claim(
        measured={
            "bits_per_character": bits[0],
            **{f"excess_at_{n}_bits": bits[n] - bits[0] for n in models},
            **{f"agreement_at_{n}_bits": agreement[n] for n in models},
            "sums_that_are_rounded": rounded(models[8], seen),
            "event_product_error": events,
            "accumulates_per_multiplication": float(cost["accumulates"] / cost["macs"]),
        },
        control={
            "excess_flat_threshold": flat_bits - bits[0],
            "printed_product_error": printed,
            "printed_product_error_at_best_scale": scaled,
        },
        criterion="abs(measured.excess_at_8_bits) <= 0.02 and measured.excess_at_2_bits >= 0.2 "
        "and measured.sums_that_are_rounded == 1 and measured.event_product_error <= 1e-5 "
        "and control.printed_product_error >= 0.1 and control.excess_flat_threshold >= 0.5",
    )


def _stories(system: TorchSystem, n_stories: int, n_tokens: int, rng: np.random.Generator) -> torch.Tensor:
    """Token numbers `(story, position)` that the model writes; stories that end early are left out."""
    told: list[np.ndarray] = []
    while len(told) < n_stories:
        seed = int(rng.integers(2**31))
        table = generate(system, ["Once upon a time"], n_tokens=n_tokens, temperature=1.0, random_state=seed)
        if len(table["tokens"][0]) == n_tokens:
            told.append(table["tokens"][0])
    return torch.as_tensor(np.stack(told))


def _logits(model: nn.Module, stories: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(stories).logits[:, :-1]


def _bits(logits: torch.Tensor, stories: torch.Tensor) -> float:
    """Of all tokens together."""
    return float(cross_entropy(logits.flatten(0, 1), stories[:, 1:].flatten(), reduction="sum")) / math.log(2)


def _seen(model: nn.Module, stories: torch.Tensor) -> dict[str, torch.Tensor]:
    """What comes to each group of neurons, by its name."""
    seen: dict[str, torch.Tensor] = {}

    def watch(name: str, neurons: RampNeurons) -> torch.utils.hooks.RemovableHandle:
        return neurons.register_forward_pre_hook(lambda _, given: seen.__setitem__(name, given[0]))

    handles = [watch(name, part) for name, part in model.named_modules() if isinstance(part, RampNeurons)]
    _logits(model, stories)
    for handle in handles:
        handle.remove()
    return seen


def rounded(model: nn.Module, seen: dict[str, torch.Tensor]) -> float:
    """Share of values whose spikes add up to the nearest whole number, halves away from zero, within the range."""
    equal, n = 0, 0
    for name, x in seen.items():
        neurons = model.get_submodule(name)
        assert isinstance(neurons, RampNeurons)
        summed = ramped_spikes(x, scale=neurons.scale, bits=neurons.bits).sum(0).double().numpy()
        u = (x / neurons.scale).double().numpy()
        most = 2 ** (neurons.bits - 1) - 1
        equal += int((summed == np.clip(np.trunc(u + np.copysign(0.5, u)), -most, most)).sum())
        n += summed.size
    return equal / n


def _products(model: nn.Module, seen: dict[str, torch.Tensor]) -> tuple[float, float, float]:
    """Relative errors of the product of queries and keys: by events, as printed, and as printed at its best scale."""
    spikes = []
    for name in (QUERY, KEY):
        neurons = model.get_submodule(name)
        assert isinstance(neurons, RampNeurons)
        spikes.append(ramped_spikes(seen[name][0][:, HEAD], scale=neurons.scale, bits=neurons.bits))
    queries, keys = spikes
    true = queries.sum(0) @ keys.sum(0).T
    printed = torch.einsum("tid,tjd->ij", queries.cumsum(0), keys.cumsum(0))
    best = (true * printed).sum() / printed.square().sum()
    found = (event_product(queries, keys), printed, best * printed)
    events, literal, scaled = (float((product - true).norm() / true.norm()) for product in found)
    return events, literal, scaled
