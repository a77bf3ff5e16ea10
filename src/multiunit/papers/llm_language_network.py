"""The language network of a language model: a few units that a localiser finds, and language fails without them.

Claim: in 18 language models, ablating the top 1 % language-selective units damages language strongly, whereas ablating
as many random units does not.

Experiment: a real trained model (260,000 parameters, 5 layers; it writes little stories). The localiser contrasts
sentences with the same letters as non-words, at the last token, over MLP neurons and the residual stream; the top 1 %
of units by Welch t are set to 0. Measured on fresh texts: the rise of the next-token loss on sentences, and the drop of
the share of grammatical minimal pairs whose right sentence has the lower loss.

Control: ten sets of random units matched for site and mean |activity|, because silencing loud units is costly
whatever they stand for; ten matched for site alone, as in the paper (reported); the least selective units; and a
localiser whose condition labels are permuted.

Deviations: one very small model. Its other abilities are none, so that the second domain of the catalogue (numbers) is
replaced by the loss on non-words, reported and not asked for. Stimuli are this library's own, of a child's story.

Not shown: the prediction of brain responses; other networks (theory of mind, multiple demand).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.inference.matched_control import matched_control
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.systems.next_token_loss import next_token_loss
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.data_folder import data_folder
from multiunit.tasks.minimal_pairs import grammatical_pairs, localizer_texts
from multiunit.units.detect import detect
from multiunit.units.detection import strongest
from multiunit.units.language_localizer import language_localizer
from multiunit.units.question import Question

PAPER = Paper(
    id="llm-language-network",
    title="The LLM Language Network: A Neuroscientific Approach for Identifying Causally Task-Relevant Units",
    year=2024,
    source="arXiv:2411.02280",
    level="data",
    uses=(language_localizer,),
    needs=("lm_stories260k",),
)

SITES = ("model.layers.?", "model.layers.*.mlp.down_proj")
TOP = 0.01


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    system = open_hugging_face(data_folder("lm_stories260k"))
    texts = localizer_texts(scale.pick(smoke=40, small=240), random_state=rng)
    fresh = localizer_texts(scale.pick(smoke=20, small=120), random_state=rng)
    pairs = grammatical_pairs(scale.pick(smoke=20, small=200), random_state=rng)
    contrast = texts[texts["condition"] != "word lists"].reset_index(drop=True)
    found = _localize(system, contrast, rng)
    permuted = _localize(system, contrast.assign(condition=rng.permutation(contrast["condition"])), rng)

    units = found["unit_id"].values
    intact, intact_accuracy = _loss(system, fresh, []), _accuracy(system, pairs, [])
    lesioned = _loss(system, fresh, units[found["selected"]])
    n_draws = scale.pick(smoke=3, small=10)
    draws = _random_units(found, found["magnitude"].values, n_draws, rng)
    # Without the match in magnitude, as in the paper: any units of the same sites.
    unmatched_draws = _random_units(found, np.zeros(len(units)), n_draws, rng, n_nearest=len(units))
    random, unmatched = (
        np.array([_loss(system, fresh, draw)["sentences"] - intact["sentences"] for draw in some])
        for some in (draws, unmatched_draws)
    )
    least = units[strongest(-np.abs(found["score"].values), TOP)]
    return Claim(
        measured={
            "n_units": float(found["selected"].sum()),
            "loss": intact["sentences"],
            "loss_rise": lesioned["sentences"] - intact["sentences"],
            "nonword_loss_rise": lesioned["non-words"] - intact["non-words"],
            "accuracy": intact_accuracy,
            "accuracy_drop": intact_accuracy - _accuracy(system, pairs, units[found["selected"]]),
            "share_significant": float((found["q"] < 0.05).mean()),
        },
        control={
            "random_rise": float(random.mean()),
            "largest_random_rise": float(random.max()),
            "unmatched_random_rise": float(unmatched.mean()),
            "largest_unmatched_random_rise": float(unmatched.max()),
            "random_accuracy_drop": float(np.mean([intact_accuracy - _accuracy(system, pairs, d) for d in draws])),
            "least_selective_rise": _loss(system, fresh, least)["sentences"] - intact["sentences"],
            "permuted_rise": _loss(system, fresh, units[permuted["selected"]])["sentences"] - intact["sentences"],
            "permuted_share_significant": float((permuted["q"] < 0.05).mean()),
        },
        criterion="measured.loss_rise >= 3 * control.random_rise and measured.loss_rise > control.largest_random_rise "
        "and control.permuted_rise <= control.largest_random_rise and measured.loss_rise > 0",
    )


def _localize(system: TorchSystem, texts: pd.DataFrame, rng: np.random.Generator) -> xr.Dataset:
    question = Question(by="condition", labels=tuple(sorted(texts["condition"].unique())))
    return detect(language_localizer, system, stimuli=texts, question=question, sites=SITES, top=TOP, random_state=rng)


def _random_units(
    found: xr.Dataset, magnitude: np.ndarray, n_draws: int, rng: np.random.Generator, *, n_nearest: int = 10
) -> list[np.ndarray]:
    selected, site, units = found["selected"].values, found["site"].values, found["unit_id"].values
    matched = {"site": site, "mean_activity": magnitude}
    return [units[matched_control(selected, **matched, random_state=rng, n_nearest=n_nearest)] for _ in range(n_draws)]


def _loss(system: TorchSystem, texts: pd.DataFrame, silenced: np.ndarray | list[str]) -> dict[str, float]:
    """Mean next-token loss by condition, with these units at 0."""
    edits = [Ablate(list(silenced))] if len(silenced) else []
    losses = next_token_loss(system, texts, edits=edits).groupby("condition")["loss"].mean()
    return {str(condition): float(loss) for condition, loss in losses.items()}


def _accuracy(system: TorchSystem, pairs: pd.DataFrame, silenced: np.ndarray | list[str]) -> float:
    """The share of pairs whose grammatical sentence is the more probable: the lower total loss."""
    edits = [Ablate(list(silenced))] if len(silenced) else []
    scored = next_token_loss(system, pairs, edits=edits)
    total = scored.assign(total=scored["loss"] * scored["n_tokens"])
    right, wrong = (total[total["grammatical"] == g].set_index("pair")["total"] for g in (True, False))
    return float((right < wrong).mean())
