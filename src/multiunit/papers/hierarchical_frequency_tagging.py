"""Frequency tagging: units of a language model that follow the rhythm of phrases and sentences.

Claim: single MLP units of language models carry significant lines at the rates of sentences and phrases, which vanish
when the order of words is scrambled.

Experiment: a real trained model (260,000 parameters, 5 layers of 172 MLP units; it writes little stories) reads an
unbroken stream of 36 sentences [adjective noun][verb noun], at four words a second by definition: phrases at 2 Hz,
sentences at 1 Hz. 100 orders of the sentences, averaged in tens; a unit is tagged if its line passes the permutation
test and what shuffling the words within phrases takes from it has z > 2 over all units. Measured: the share of units
tagged at either rate, and the median over units of the amplitude over that of the shuffled stream.

Control: the shuffled stream in place of the experiment, against other draws of it; the same architecture with fresh
weights; and a model without context: the response to every word alone, played in the order of the stream, which holds
all that the classes of the words give.

Deviations: sentences are filled at random, so that no word predicts another. The paper reads larger models.

Not shown: that a tagged unit follows structure rather than word classes: `no_context_share` is what the classes alone
give, and `beyond_words` the share of units tagged with context and not without. z compares units with one another, so
that it cannot tell a network with strong lines from one with weak ones; the ratios can. Recordings of the human brain
(the method takes them).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.data_folder import data_folder
from multiunit.tasks.tagged_sentences import sentence_streams, tagged_sentences
from multiunit.units.frequency_tagging import frequency_tagging, word_courses

PAPER = Paper(
    id="hierarchical-frequency-tagging",
    title="Hierarchical Frequency Tagging Probe (HFTP): A Unified Approach to Investigate Syntactic Structure "
    "Representations in Large Language Models and the Human Brain",
    year=2025,
    source="arXiv:2510.13255",
    level="data",
    uses=(frequency_tagging,),
    needs=("lm_stories260k",),
)

SITES = "model.layers.*.mlp.down_proj"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    system = open_hugging_face(data_folder("lm_stories260k"))
    fresh = _fresh(system, rng)
    sentences = tagged_sentences(36, random_state=rng)
    n_streams, n_permutations = scale.pick(smoke=(10, 100), small=(100, 1000))
    intact, phrase, again, sentence = (
        sentence_streams(sentences, n_streams=n_streams, scramble=scramble, random_state=rng)
        for scramble in ("nothing", "phrase", "phrase", "sentence")
    )
    read, shuffled, reshuffled, scrambled = (
        word_courses(system, texts, sites=SITES) for texts in (intact, phrase, again, sentence)
    )

    def tagged(experiment: Recording, control: Recording) -> xr.Dataset:
        return frequency_tagging(experiment, control, n_permutations=n_permutations, random_state=rng)

    found = tagged(read, shuffled)
    chance = tagged(reshuffled, shuffled)
    untrained = tagged(*(word_courses(fresh, texts, sites=SITES) for texts in (intact, phrase)))
    alone = tagged(*(_without_context(system, texts) for texts in (intact, phrase)))
    beyond = found.assign(selected=found["selected"] & ~alone["selected"])
    layers = [_share(part) for _, part in found.groupby("site")]
    return Claim(
        measured={
            "share": _share(found),
            "sentence_share": _share(found.sel(rate=["sentence"])),
            "phrase_share": _share(found.sel(rate=["phrase"])),
            **{f"share_layer_{number}": share for number, share in enumerate(layers)},
            "sentence_ratio": _ratio(found, "sentence"),
            "phrase_ratio": _ratio(found, "phrase"),
            "beyond_words": _share(beyond),
            "share_against_sentence_scramble": _share(tagged(read, scrambled)),
        },
        control={
            "scrambled_share": _share(chance),
            "scrambled_phrase_ratio": _ratio(chance, "phrase"),
            "untrained_share": _share(untrained),
            "untrained_sentence_ratio": _ratio(untrained, "sentence"),
            "untrained_phrase_ratio": _ratio(untrained, "phrase"),
            "no_context_share": _share(alone),
            "no_context_sentence_ratio": _ratio(alone, "sentence"),
            "no_context_phrase_ratio": _ratio(alone, "phrase"),
        },
        criterion="measured.share >= 0.05 and measured.share >= 3 * control.scrambled_share "
        "and control.untrained_share < measured.share",
    )


def _share(found: xr.Dataset) -> float:
    """The share of units tagged at any of the rates."""
    return float(found["selected"].any("rate").mean())


def _ratio(found: xr.Dataset, rate: str) -> float:
    """The median over units of the amplitude over that in the control."""
    at = found.sel(rate=rate)
    return float((at["amplitude"] / at["control_amplitude"]).median())


def _fresh(system: TorchSystem, rng: np.random.Generator) -> TorchSystem:
    """The same architecture and tokenizer with weights as they are before training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        module = type(system.module)(system.module.config)
    return TorchSystem(module, tokenizer=system.tokenizer, name="untrained")


def _without_context(system: TorchSystem, texts: pd.DataFrame) -> Recording:
    """Every word read alone, and these responses in the order of the streams."""
    streams = [text.split(" ") for text in texts["stimulus"]]
    words = sorted({word for stream in streams for word in stream})
    read = word_courses(system, words, sites=SITES)
    number = {word: i for i, word in enumerate(words)}
    order = np.array([[number[word] for word in stream] for stream in streams])
    activity = read.activity[:, :, 0][order].transpose(0, 2, 1)
    return Recording.from_activity(activity, units=read.units, time=np.arange(order.shape[1]) / 4)
