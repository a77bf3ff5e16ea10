"""Relation-specific neurons: silencing a relation's neurons costs facts of that relation, about whatever subject.

Claim: deactivating the candidate neurons of a relation damages held-out facts of that relation far more than facts of
other relations, increasingly with their number, and sometimes improves other relations.

Experiment: a transformer (width 96, 3 layers of 384 GELU units) memorises 320 facts - 8 relations of 40 subjects, in
three wordings of which no single word tells the relation. Neurons are ranked by average precision on the prompts about
half of the subjects; the top 0.5 to 8 % of a relation are set to 0, and the accuracy on all relations is measured on
the other half.

Control: random units of the same layers and mean activity; relations assigned to the prompts at random; and the units
of the highest mean activity.

Deviations: MLP units only (the paper adds the gate and up projections); one relation is set against all others
instead of four negatives a positive. The network knows all facts, the held-out ones too: what is held out is the
choice of neurons.

Not shown: relations as they are stored by a language model that learned them from text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.stats import spearmanr

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.synthetic_facts import n_tokens, synthetic_facts
from multiunit.units.detect import detect
from multiunit.units.question import Question
from multiunit.units.relation_neurons import relation_neurons

PAPER = Paper(
    id="relation-specific-neurons",
    title="On Relation-Specific Neurons in Large Language Models",
    year=2025,
    source="arXiv:2502.17355",
    level="trained",
    uses=(relation_neurons,),
)

SITES = "layers.*.mlp.down"
SIZES = (0.005, 0.01, 0.02, 0.04, 0.08)
TESTED = 0.04


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    facts = synthetic_facts(random_state=rng)
    net = TinyTransformer(n_tokens(facts), max_positions=4, width=96, n_layers=3, random_state=rng)
    known = [np.append(prompt, answer) for prompt, answer in zip(facts["stimulus"], facts["answer"], strict=True)]
    steps = scale.pick(smoke=80, small=1500)
    train_language_model(net, known, n_steps=steps, batch_size=64, learning_rate=3e-3, random_state=rng)
    system = TorchSystem(net)
    identify, evaluate = (facts[facts["split"] == split].reset_index(drop=True) for split in ("identify", "evaluate"))
    intact = _accuracy(system, evaluate)

    drops = {}
    for size in SIZES if scale.name == "small" else (TESTED,):
        found = _neurons(system, identify, size, rng)
        drops[size] = _drops(system, evaluate, found["unit_id"].values, found["selected"].values, intact)
    found = _neurons(system, identify, TESTED, rng)
    unit_id, selected = found["unit_id"].values, found["selected"].values
    chance = _neurons(system, identify.assign(relation=rng.permutation(identify["relation"])), TESTED, rng)
    loudest = np.zeros(len(unit_id), dtype=bool)
    loudest[np.argsort(-found["mean_activity"].values)[: selected[:, 0].sum()]] = True

    diagonal, other = _split(drops[TESTED])
    curve = [_split(drops[size])[0] for size in drops]
    return Claim(
        measured={
            "accuracy": float(intact.mean()),
            "own_drop": diagonal,
            "dose": float(spearmanr(list(drops), curve).statistic) if len(curve) > 1 and np.ptp(curve) else np.nan,
            "largest_gain_elsewhere": float(max(0.0, -drops[TESTED].min())),
        },
        control={
            "other_drop": other,
            "random_drop": _split(_drops(system, evaluate, unit_id, found["control"].values, intact))[0],
            "permuted_drop": _split(_drops(system, evaluate, unit_id, chance["selected"].values, intact))[0],
            "loudest_drop": float(_drops(system, evaluate, unit_id, loudest[:, None], intact).mean()),
        },
        criterion="measured.accuracy > 0.9 and measured.own_drop >= 3 * control.other_drop "
        "and measured.own_drop >= 3 * control.random_drop and measured.own_drop > 0 and measured.dose >= 0.8",
    )


def _neurons(system: TorchSystem, prompts: pd.DataFrame, top: float, rng: np.random.Generator) -> xr.Dataset:
    question = Question(by="relation", labels=tuple(sorted(prompts["relation"].unique())))
    return detect(relation_neurons, system, stimuli=prompts, question=question, sites=SITES, top=top, random_state=rng)


def _accuracy(system: TorchSystem, prompts: pd.DataFrame, silenced: list[str] | None = None) -> pd.Series:
    """The share of prompts completed rightly, by relation."""
    with system.edited([Ablate(silenced)] if silenced else []) as module, torch.no_grad():
        answers = module(torch.as_tensor(np.stack(list(prompts["stimulus"]))))[:, -1].argmax(dim=1).numpy()
    return (prompts["answer"] == answers).groupby(prompts["relation"]).mean()


def _drops(
    system: TorchSystem, prompts: pd.DataFrame, unit_id: np.ndarray, chosen: np.ndarray, intact: pd.Series
) -> np.ndarray:
    """`(relation whose units are silenced, relation tested)`: intact accuracy less the accuracy that is left."""
    return np.stack([intact - _accuracy(system, prompts, unit_id[units].tolist()) for units in chosen.T])


def _split(drops: np.ndarray) -> tuple[float, float]:
    """Mean drop of a relation's own facts, and of others'."""
    own = np.eye(len(drops), dtype=bool)
    return float(drops[own].mean()), float(drops[~own].mean())
