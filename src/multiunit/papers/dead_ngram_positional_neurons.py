"""Neurons in large language models: dead, n-gram, positional.

Claim: in the first layers many units are dead, many live ones detect one token or n-gram and their output suppresses
that very token, and some encode position only.

Experiment: a ReLU transformer (3 layers of 256 MLP units, learned positions) is trained on character text of a grammar
of 60 words, in windows of 48. From the bits [activity > 0] over 60,000 fresh characters: the share of dead units, the
token and n-gram detectors of the first layer, where each one's main trigger stands among the tokens that its output
promotes (0: most suppressed, 1: most promoted), and the units that carry more than 0.05 nats of position.

Control: the same for triggers permuted among the detectors, for positions permuted within the windows, and for the
network before training.

Deviations: characters for words, 40 tokens instead of 50,000, so that an n-gram is a piece of a word. The trigger of
an n-gram detector is the last token of its most frequent n-gram. The criterion asks for detectors that suppress and
for positional units; the share of dead units is reported and asked nothing, as small networks may have none.

Not shown: anything on large models, or on units that are no ReLU, for which "active" is a choice; nor that
suppression of the trigger helps the prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.statistic import Batch
from multiunit.core.system import System
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.grammar_text import CHARACTERS, grammar_text, random_grammar
from multiunit.units.dead_neurons import dead_neurons
from multiunit.units.detect import detect
from multiunit.units.positional_neurons import positional_neurons
from multiunit.units.question import Question
from multiunit.units.token_detectors import token_detectors

PAPER = Paper(
    id="dead-ngram-positional-neurons",
    title="Neurons in Large Language Models: Dead, N-gram, Positional",
    year=2023,
    source="arXiv:2309.04827",
    level="trained",
    uses=(dead_neurons, token_detectors, positional_neurons),
)

WINDOW = 48
SITES = "layers.*.mlp.down"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    grammar = random_grammar(60, random_state=rng)
    texts = grammar_text(grammar, n_windows=scale.pick(smoke=300, small=4000), window=WINDOW, random_state=rng)
    fresh = grammar_text(grammar, n_windows=scale.pick(smoke=200, small=1250), window=WINDOW, random_state=rng)
    net = TinyTransformer(
        len(CHARACTERS), max_positions=WINDOW, n_layers=3, mlp_width=256, activation="relu", random_state=rng
    )
    untrained = _families(net, fresh, rng)
    steps = scale.pick(smoke=40, small=500)
    losses = train_language_model(
        net, texts["stimulus"], n_steps=steps, learning_rate=3e-3, weight_decay=0.1, random_state=rng
    )
    dead, detectors, positional, shuffled = _families(net, fresh, rng)

    first = detectors.isel(unit=np.flatnonzero(detectors["site"] == "layers.0.mlp.down"))
    unit, order = np.nonzero(first["selected"].values)
    tokens = first["trigger"].values[unit, order, 0, -1]
    # Without a detector there is no trigger to be suppressed, and the claim cannot hold.
    suppression, chance = _suppression(net, unit, tokens, rng) if len(unit) else (np.nan, np.nan)
    return Claim(
        measured={
            "loss": float(losses[-20:].mean()),
            "dead_first_layer": float(dead["selected"][dead["site"] == "layers.0.mlp.down"].mean()),
            "dead_last_layer": float(dead["selected"][dead["site"] == "layers.2.mlp.down"].mean()),
            "detectors_first_layer": float(len(unit)),
            "token_detectors_first_layer": float((order == 0).sum()),
            "trigger_percentile": suppression,
            "positional_share": float(positional["selected"].mean()),
        },
        control={
            "trigger_percentile": chance,
            "positional_share": float(shuffled["selected"].mean()),
            "untrained_detectors_first_layer": float(
                untrained[1]["selected"][untrained[1]["site"] == "layers.0.mlp.down"].sum()
            ),
            "untrained_dead": float(untrained[0]["selected"].mean()),
            "untrained_positional_share": float(untrained[2]["selected"].mean()),
        },
        criterion="measured.detectors_first_layer >= 5 and measured.positional_share >= 0.01 "
        "and measured.trigger_percentile <= control.trigger_percentile - 0.1 and control.positional_share == 0",
    )


def _families(net: TinyTransformer, texts: pd.DataFrame, rng: np.random.Generator) -> tuple[xr.Dataset, ...]:
    """Dead units, detectors and positional units, and the last with positions permuted within each window."""
    system = TorchSystem(net)
    windows = np.stack(list(texts["stimulus"]))
    ngrams = {n: np.lib.stride_tricks.sliding_window_view(windows, n, axis=1).reshape(-1, n) for n in (1, 2, 3)}
    question = Question(n_positions=WINDOW, vocabularies={n: np.unique(rows, axis=0) for n, rows in ngrams.items()})
    shuffled = cast(System, _Shuffled(system, rng))
    asked = (
        (dead_neurons, system),
        (token_detectors, system),
        (positional_neurons, system),
        (positional_neurons, shuffled),
    )
    return tuple(
        detect(detector, asked_of, stimuli=texts, question=question, sites=SITES, random_state=rng)
        for detector, asked_of in asked
    )


@dataclass(frozen=True)
class _Shuffled:
    """A system whose presentations claim permuted positions within their sequence."""

    system: TorchSystem
    rng: np.random.Generator

    def stream(self, stimuli: Any, sites: Any, *, first_batch: int = 0) -> Iterator[Batch]:
        for activity, table in self.system.stream(stimuli, sites, first_batch=first_batch):
            position = table.groupby("sequence_id")["position"].transform(self.rng.permutation)
            yield Batch(activity, table.assign(position=position))


def _suppression(
    net: TinyTransformer, unit: np.ndarray, tokens: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """Where the triggers stand in what their units write, mean over units, from 0 to 1; and with permuted triggers."""
    weight = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    written = weight["head.weight"] @ (weight["norm.weight"][:, None] * weight["layers.0.mlp.down.weight"])
    percentile = written[:, unit].argsort(axis=0).argsort(axis=0) / (len(written) - 1)
    column = np.arange(len(unit))
    permuted = [percentile[rng.permutation(tokens), column].mean() for _ in range(100)]
    return float(percentile[tokens, column].mean()), float(np.mean(permuted))
