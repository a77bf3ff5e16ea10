"""Language neurons and alignment: aligning weak languages to a strong one makes neurons shared.

Claim: units split into language-specific, language-related (some languages) and language-agnostic ones; alignment
raises the number of related units and lowers that of specific ones.

Experiment: six synthetic languages, three families of two, that say the same things with the same 24 tokens in another
assignment; two languages share 5 % of the data. A transformer (3 layers of 256 GELU units) learns them in 400
steps; then 100 steps of alignment on sequences whose second half says in a weak language what the first half said in
its strong sibling. Classes before and after; what silencing a family's related units costs that family and the
others, and what silencing a language's specific units costs it and its sibling.

Control: the same 100 steps on monolingual sequences with the same shares of languages; permuted language labels;
random units of the same layers and mean activity.

Deviations: supervised alignment on parallel sequences where the paper tunes preferences over reasoning; bar at the
80th percentile and top 5 % as the catalogue has it for a network of this size, where the paper has the 95th and 1 %;
whether the numbers of neurons move in other, untrained languages is not asked.

Not shown: anything on reasoning, or on the four stages along the depth of a large model.
"""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.inference.matched_control import matched_control
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.next_token_loss import next_token_loss
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.synthetic_languages import Languages, random_languages, synthetic_languages
from multiunit.units.detect import detect
from multiunit.units.language_classes import RELATED, SPECIFIC, language_classes
from multiunit.units.question import Question

PAPER = Paper(
    id="language-neurons-alignment",
    title="How does Alignment Enhance LLMs' Multilingual Capabilities? A Language Neurons Perspective",
    year=2025,
    source="arXiv:2505.21505",
    level="trained",
    uses=(language_classes,),
)

LENGTH = 24
SITES = "layers.*.mlp.down"
SHARES = np.array([0.25, 0.025, 0.225, 0.025, 0.2375, 0.2375])  # a1 and b1 are weak
WEAK = {1: 0, 3: 2}  # weak language -> its strong sibling


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    languages = random_languages(n_families=3, n_per_family=2, cognates=0.8, shared_surface=True, random_state=rng)
    n = scale.pick(smoke=400, small=6000)
    texts = synthetic_languages(languages, n_sequences=n, length=LENGTH, shares=SHARES, random_state=rng)
    fresh = synthetic_languages(
        languages, n_sequences=scale.pick(smoke=20, small=150), length=LENGTH, parallel=True, random_state=rng
    )
    net = TinyTransformer(languages.n_tokens, max_positions=LENGTH, n_layers=3, random_state=rng)
    steps = scale.pick(smoke=30, small=400)
    train_language_model(net, texts["stimulus"], n_steps=steps, learning_rate=3e-3, random_state=rng)
    before = _classes(net, fresh, rng)
    permuted = _classes(net, fresh.assign(language=rng.permutation(fresh["language"])), rng)

    tuned = {name: copy.deepcopy(net) for name in ("parallel", "monolingual")}
    steps = scale.pick(smoke=10, small=100)
    for name, sequences in _alignment(languages, n // 4, rng).items():
        train_language_model(tuned[name], sequences, n_steps=steps, learning_rate=1e-3, random_state=rng)
    after = {name: _classes(module, fresh, rng) for name, module in tuned.items()}

    effect = _effects(net, fresh, before, rng)
    weak = [languages.names[k] for k in WEAK]
    return Claim(
        measured={
            "specific": _count(before, SPECIFIC),
            "related": _count(before, RELATED),
            "related_on_own_family": effect["related_own"],
            "specific_on_own_language": effect["specific_own"],
            "specific_change": _count(after["parallel"], SPECIFIC) - _count(before, SPECIFIC),
            "related_change": _count(after["parallel"], RELATED) - _count(before, RELATED),
            "weak_loss_before": _loss(net, fresh, weak),
            "weak_loss_after": _loss(tuned["parallel"], fresh, weak),
        },
        control={
            "related_on_other_families": effect["related_other"],
            "specific_on_sibling": effect["specific_other"],
            "random_on_own_language": effect["random_own"],
            "specific_change": _count(after["monolingual"], SPECIFIC) - _count(before, SPECIFIC),
            "related_change": _count(after["monolingual"], RELATED) - _count(before, RELATED),
            "weak_loss_after": _loss(tuned["monolingual"], fresh, weak),
            "permuted_specific": _count(permuted, SPECIFIC),
            "permuted_related": _count(permuted, RELATED),
        },
        criterion="measured.related_on_own_family >= 2 * control.related_on_other_families "
        "and measured.specific_on_own_language >= 2 * control.specific_on_sibling "
        "and measured.related_on_own_family > 0 and measured.specific_on_own_language > 0 "
        "and measured.related_change - measured.specific_change > control.related_change - control.specific_change",
    )


def _classes(net: TinyTransformer, texts: pd.DataFrame, rng: np.random.Generator) -> xr.Dataset:
    system = TorchSystem(net)
    question = Question(by="language", labels=tuple(sorted(texts["language"].unique())))
    return detect(
        language_classes,
        system,
        stimuli=texts,
        question=question,
        sites=SITES,
        random_state=rng,
        top=0.05,
        bar_quantile=0.8,
    )


def _alignment(languages: Languages, n: int, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Sequences that say the same twice, strong then weak; and sequences of one language, as many tokens of each."""
    parallel, monolingual = [], []
    for weak, strong in WEAK.items():
        for number in range(n // len(WEAK)):
            meaning = languages.mean(LENGTH // 2, rng)
            parallel.append(np.concatenate([languages.say(meaning, strong), languages.say(meaning, weak)]))
            monolingual.append(languages.say(languages.mean(LENGTH, rng), weak if number % 2 else strong))
    return {"parallel": parallel, "monolingual": monolingual}


def _effects(
    net: TinyTransformer, texts: pd.DataFrame, classes: xr.Dataset, rng: np.random.Generator
) -> dict[str, float]:
    """Mean rise of the loss: of the languages that the silenced units serve, and of those they should not."""
    system = TorchSystem(net)
    names = [str(name) for name in classes["label"].values]
    intact = next_token_loss(system, texts).groupby("language")["loss"].mean()

    def rise(units: np.ndarray) -> pd.Series:
        edits = [Ablate(classes["unit_id"].values[units].tolist())]
        return next_token_loss(system, texts, edits=edits).groupby("language")["loss"].mean() - intact

    serves, kind = classes["selected"].values, classes["language_class"].values
    site, activity = classes["site"].values, classes["mean_activity"].values
    found: dict[str, list[float]] = {
        name: [] for name in ("specific_own", "specific_other", "random_own", "related_own", "related_other")
    }
    for column, name in enumerate(names):
        (sibling,) = [other for other in names if other[0] == name[0] and other != name]
        specific = serves[:, column] & (kind == SPECIFIC)
        related = serves[:, column] & serves[:, names.index(sibling)] & (kind == RELATED)
        if specific.any():
            cost = rise(specific)
            found["specific_own"].append(cost[name])
            found["specific_other"].append(cost[sibling])
            control = matched_control(specific, site=site, mean_activity=activity, random_state=rng)
            found["random_own"].append(rise(control)[name])
        if related.any() and name < sibling:
            cost = rise(related)
            found["related_own"].append(cost[[name, sibling]].mean())
            found["related_other"].append(cost.drop([name, sibling]).mean())
    # A class without a single unit cannot be silenced: the claim then does not hold.
    return {name: float(np.mean(values)) if values else np.nan for name, values in found.items()}


def _count(classes: xr.Dataset, kind: str) -> float:
    return float((classes["language_class"] == kind).sum())


def _loss(net: TinyTransformer, texts: pd.DataFrame, languages: list[str]) -> float:
    return float(next_token_loss(TorchSystem(net), texts[texts["language"].isin(languages)])["loss"].mean())
