"""Culture neurons: fewer than one unit in a hundred carries what is known of cultures, and little else.

Claim: fewer than 1 % of units, mostly in shallow to middle MLP layers, carry cultural knowledge: zeroing them cuts
cultural benchmarks by up to 30 % and leaves general tests of language nearly unchanged; units specific to one culture
serve that culture and those related to it.

Experiment: a made-up world of six cultures in two families; cultures of a family share half of their customs. A
transformer (width 96, 3 layers of 384 GELU units) learns which custom a culture has in each of 20 matters, in four
wordings and under four names of each culture; a control task of the same form that needs no culture, asked of the same
names; a mention task, which culture a name belongs to; and unrelated text. Culture neurons are found on one half of
the matters in two of the wordings, and set to 0 on the other half in the other two.

Control: random units of the same layers and mean activity; the most active units; selection without the control and
the mention task; cultures assigned to the items at random.

Deviations: MLP units only, after their nonlinearity; the authors take gate, query, key and value projections. The
network was trained on all items: what is held out is the choice of neurons. It answers all of them rightly and with
much to spare, where real models do not, so that a lesion of 1 % may change no answer: the rise of the surprise, and the
drop when ten times as many units are silenced, are reported beside and not asked for. The customs of a culture have
nothing in common here but the culture, where a real culture's may hang together.

Not shown: that training on general tests erodes cultural knowledge; where in a deep network culture neurons lie
(`in_first_layers` is reported: the share in the first two of three).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.next_token_loss import next_token_loss
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.cultural_facts import cultural_facts
from multiunit.tasks.synthetic_facts import n_tokens
from multiunit.units.culture_neurons import GENERAL, culture_neurons, skill_scores
from multiunit.units.detection import strongest

PAPER = Paper(
    id="culture-neurons-culnig",
    title="Neuron-Level Analysis of Cultural Understanding in Large Language Models",
    year=2025,
    source="arXiv:2510.08284",
    level="trained",
    uses=(culture_neurons, skill_scores),
)

SITES = "layers.*.mlp.down"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    items = cultural_facts(n_matters=scale.pick(smoke=6, small=20), random_state=rng)
    net = TinyTransformer(n_tokens(items), max_positions=5, width=96, n_layers=3, random_state=rng)
    known = [np.append(prompt, answer) for prompt, answer in zip(items["stimulus"], items["answer"], strict=True)]
    steps = scale.pick(smoke=60, small=1200)
    train_language_model(net, known, n_steps=steps, batch_size=64, learning_rate=3e-3, random_state=rng)
    system = TorchSystem(net)
    identify, evaluate = (items[items["split"] == split].reset_index(drop=True) for split in ("identify", "evaluate"))
    tasks = {str(name): part.reset_index(drop=True) for name, part in identify.groupby("task")}

    scores = {
        name: skill_scores(system, part, by="culture", sites=SITES, clip=name == "control")
        for name, part in tasks.items()
        if name != "text"
    }
    search = partial(culture_neurons, control=scores["control"], mention=scores["mention"], random_state=rng)
    found = search(culture=scores["culture"])
    larger = search(culture=scores["culture"], top_general=0.1, top_specific=0.03)
    control, mention = (scores[name].assign(mean=0 * scores[name]["mean"]) for name in ("control", "mention"))
    plain = search(culture=scores["culture"], control=control, mention=mention, drop=0.0)
    dealt = tasks["culture"].assign(culture=rng.permutation(tasks["culture"]["culture"]))
    permuted = search(culture=skill_scores(system, dealt, by="culture", sites=SITES))

    chosen, unrefined = (answer["selected"].sel(label=GENERAL).values for answer in (found, plain))
    loudest = strongest(np.abs(scores["culture"]["mean_activity"].values), chosen.mean())
    intact, units = _results(system, evaluate), found["unit_id"].values

    def lesion(mask: np.ndarray) -> pd.Series:
        return _results(system, evaluate, units[mask]) - intact

    general, random = lesion(chosen), lesion(found["control"].sel(label=GENERAL).values)
    more, more_random = (lesion(larger[which].sel(label=GENERAL).values) for which in ("selected", "control"))
    own, related, unrelated = _by_kinship(system, evaluate, found, "selected")
    more_own, more_related, more_unrelated = _by_kinship(system, evaluate, larger, "selected")
    early = ~np.char.startswith(found["site"].values.astype(str), "layers.2")
    return Claim(
        measured={
            "accuracy": intact["culture"],
            "share_of_units": float(chosen.mean()),
            "in_first_layers": float(early[chosen].mean()) if chosen.any() else np.nan,
            "drop": -general["culture"],
            "relative_drop": -general["culture"] / intact["culture"],
            "relative_control_drop": -general["control"] / intact["control"],
            "relative_text_rise": general["text_loss"] / intact["text_loss"],
            "surprise_rise": general["surprise"],
            "own_drop": own,
            "related_drop": related,
            "tenfold_drop": -more["culture"],
            "tenfold_control_drop": -more["control"],
            "tenfold_own_drop": more_own,
            "tenfold_related_drop": more_related,
        },
        control={
            "random_drop": -random["culture"],
            "random_surprise_rise": random["surprise"],
            "loudest_drop": -lesion(loudest)["culture"],
            "unrefined_drop": -lesion(unrefined)["culture"],
            "unrefined_control_drop": -lesion(unrefined)["control"],
            "unrelated_drop": unrelated,
            "random_own_drop": _by_kinship(system, evaluate, found, "control")[0],
            "permuted_own_drop": _by_kinship(system, evaluate, permuted, "selected")[0],
            "tenfold_random_drop": -more_random["culture"],
            "tenfold_unrelated_drop": more_unrelated,
        },
        criterion="measured.accuracy > 0.9 and measured.drop >= 3 * control.random_drop and measured.drop >= 0.1 "
        "and measured.relative_control_drop <= measured.relative_drop / 3 "
        "and measured.relative_text_rise <= measured.relative_drop / 3 "
        "and measured.own_drop >= 1.5 * control.unrelated_drop and measured.own_drop > 0 "
        "and measured.own_drop >= measured.related_drop and measured.related_drop >= control.unrelated_drop",
    )


def _results(system: TorchSystem, items: pd.DataFrame, silenced: Sequence[str] = ()) -> pd.Series:
    """The accuracy at each task and, at `culture`, of each culture and the surprise in nats; the loss on the text."""
    edits = [Ablate(list(silenced))] if len(silenced) else []
    asked, text = items[items["task"] != "text"], items[items["task"] == "text"]
    with system.edited(edits) as module, torch.no_grad():
        answers = module(torch.as_tensor(np.stack(list(asked["stimulus"]))))[:, -1].log_softmax(1).numpy()
    right = pd.Series(answers.argmax(axis=1) == asked["answer"].to_numpy(), index=asked.index)
    surprise = pd.Series(-answers[np.arange(len(asked)), asked["answer"]], index=asked.index)
    culture = asked["task"] == "culture"
    return pd.Series(
        {
            **right.groupby(asked["task"]).mean(),
            **right[culture].groupby(asked["culture"]).mean(),
            "surprise": surprise[culture].mean(),
            "text_loss": next_token_loss(system, text, edits=edits)["loss"].mean(),
        },
        dtype=float,
    )


def _by_kinship(system: TorchSystem, items: pd.DataFrame, found: xr.Dataset, which: str) -> tuple[float, float, float]:
    """Mean drop of accuracy when a culture's units are silenced: of itself, of its family, and of the others."""
    intact = _results(system, items)
    family = items[items["task"] == "culture"].groupby("culture")["family"].first()
    lesioned = [
        _results(system, items, found["unit_id"].values[found[which].sel(label=culture).values])
        for culture in family.index
    ]
    drops = np.stack([(intact - after)[family.index].to_numpy() for after in lesioned])
    kin, own = np.equal.outer(family.to_numpy(), family.to_numpy()), np.eye(len(family), dtype=bool)
    return float(drops[own].mean()), float(drops[kin & ~own].mean()), float(drops[~kin].mean())
