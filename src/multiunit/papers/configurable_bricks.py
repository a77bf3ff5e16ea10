"""Configurable foundation models: feed-forward neurons specialise, and fall into groups that act together.

Claim: the feed-forward layers of trained language models are sparse and modular - neurons specialise by function,
pruning the neurons of a function hurts that function most, and neurons act together in partitions, of which a few
are enough for an input.

Experiment: a real trained model (260,000 parameters, 5 layers of 172 gated neurons) on stories that it tells itself.
Its functions are what has to be said next: the rest of a word, a function word, another word, or punctuation. On half
of the stories neurons are scored by average precision, and each layer is cut into 8 bricks by co-activation. On the
other half the top 5 % of neurons of each function are silenced (loss change relative to the intact loss, own function
against others), and all layers run with their 2 strongest bricks only.

Control: random neurons of the same layers and mean size of activity; modularity of bricks cut after each neuron's
activity was permuted over tokens; random bricks of equal size, routed alike; and modularity with the entries of all
MLP weights permuted (reported).

Deviations: the survey's functions are abilities such as code and mathematics, of which this model has none. Sizes of
activity stand for activity, as gated neurons have signs. Bricks are cut spectrally and routed by an oracle.

Not shown: merging, updating and growing of bricks; anything at a size at which sparsity would save time. Neurons of
this model specialise, and its bricks are better than random ones, but nearly all bricks are needed to hold 95 % of a
token's activity, and they are no more modular than those of permuted weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr

from multiunit.core.edit import Edit, Replace
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.interventions.cross_effect import cross_effect, matched_sets
from multiunit.interventions.generate import generate
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.data_folder import data_folder
from multiunit.units.detection import strongest
from multiunit.units.ffn_partition import co_activation, coactivation_bricks, ffn_partition, keep_bricks, modularity

PAPER = Paper(
    id="configurable-bricks",
    title="Configurable Foundation Models: Building LLMs from a Modular Perspective",
    year=2024,
    source="arXiv:2409.02877",
    level="data",
    uses=(ffn_partition,),
    needs=("lm_stories260k",),
)

SITES = "model.layers.*.mlp.down_proj"
N_BRICKS, SHARE, TOP = 8, 0.25, 0.05
WORDS = (
    "the a an and to was were is it he she they you i we his her their my in of with that on for so but up at had be "
    "not do what this there as from when out all into if"
)
FUNCTION_WORDS = frozenset(WORDS.split())


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    system = open_hugging_face(data_folder("lm_stories260k"))
    n_stories, n_words = scale.pick(smoke=4, small=30), scale.pick(smoke=40, small=120)
    identify, evaluate = (_stories(system, n_stories, n_words, rng) for _ in range(2))
    recording = _labelled(system, identify)
    found = ffn_partition(recording, "next", n_bricks=N_BRICKS, magnitude=True, random_state=int(rng.integers(2**31)))

    functions, units = found["function"].values.tolist(), found["unit_id"].values
    sets = {f: units[strongest(found["score"].sel(function=f).values, TOP)].tolist() for f in functions}
    size = np.abs(recording.activity).mean(axis=0)
    table = xr.Dataset({"mean_activity": ("unit", size)}, {name: found[name] for name in ("unit_id", "site")})
    controls = matched_sets(sets, units=table, n_controls=scale.pick(smoke=2, small=5), random_state=rng)
    effects = cross_effect(
        sets,
        {f: _task(system, evaluate, f) for f in functions},
        controls=controls,
        random_state=rng,
    )
    rise = effects["effect"] / effects["unedited"]
    own = np.eye(len(functions), dtype=bool)
    selected, random = (rise.sel(condition=condition).values for condition in ("selected", "control"))

    sites = found["layer"].values.tolist()
    shuffled = Recording.from_activity(rng.permuted(recording.activity, axis=0), units=recording.units.reset_index())
    brick = {site: found["brick"].values[found["site"].values == site] for site in sites}
    draws = [
        {site: rng.permutation(parts) for site, parts in brick.items()} for _ in range(scale.pick(smoke=2, small=5))
    ]
    intact = _losses(system, evaluate, []).mean()
    permuted_weights = _modularity(_labelled(_permuted(rng), identify), sites, rng)
    return Claim(
        measured={
            "loss": float(intact),
            "own_rise": float(selected[own].mean()),
            "modularity": float(found["modularity"].mean()),
            "brick_loss": _bricked(system, evaluate, brick),
            "active_share": float(found["active_share"].mean()),
            "functions_hurt_most": float((selected.argmax(axis=1) == np.arange(len(functions))).mean()),
        },
        control={
            "other_rise": float(selected[~own].mean()),
            "random_rise": float(random[own].mean()),
            "shuffled_modularity": _modularity(shuffled, sites, rng),
            "permuted_weights_modularity": permuted_weights,
            "random_brick_loss": float(np.mean([_bricked(system, evaluate, draw) for draw in draws])),
        },
        criterion="measured.own_rise > 0 and measured.own_rise >= 3 * control.other_rise "
        "and measured.own_rise >= 3 * control.random_rise "
        "and measured.modularity >= control.shuffled_modularity + 0.05 "
        "and measured.brick_loss <= control.random_brick_loss - 0.1",
    )


def _stories(system: TorchSystem, n_stories: int, n_words: int, rng: np.random.Generator) -> np.ndarray:
    """Token numbers `(story, position)` of stories sampled from the model; those that end early are left out."""
    start = system.tokenizer("Once upon a time")["input_ids"]
    told: list[np.ndarray] = []
    while len(told) < n_stories:
        seed = int(rng.integers(2**31))
        tokens = generate(system, ["Once upon a time"], n_tokens=n_words, temperature=1.0, random_state=seed)["tokens"][
            0
        ]
        if len(tokens) == n_words:
            told.append(np.concatenate([start, tokens]))
    return np.stack(told)


def _next(system: TorchSystem, stories: np.ndarray) -> np.ndarray:
    """What has to be said after each token but the last, `(story, position - 1)`."""
    kinds = [_kind(token) for token in system.tokenizer.convert_ids_to_tokens(list(range(stories.max() + 1)))]
    return np.array(kinds, dtype=object)[stories[:, 1:]]


def _kind(token: str) -> str:
    word = token.removeprefix("\u2581")
    if not any(letter.isalpha() for letter in word) or word.startswith("<0x"):
        return "punctuation"
    if word == token:
        return "rest of a word"
    return "function word" if word.lower() in FUNCTION_WORDS else "other word"


def _labelled(system: TorchSystem, stories: np.ndarray) -> Recording:
    """Activity at every token but the last of a story, with what comes next."""
    whole = system.record(list(stories), SITES)
    kept = whole.select(presentations=np.flatnonzero(whole.presentations["position"] < stories.shape[1] - 1))
    table = kept.presentations
    following = _next(system, stories)[table["sequence_id"], table["position"]]
    return Recording.from_activity(
        kept.activity, units=kept.units.reset_index(), presentations=table.assign(next=following)
    )


def _losses(system: TorchSystem, stories: np.ndarray, edits: Sequence[Edit]) -> np.ndarray:
    """-log p of every token but the first, `(story, position - 1)`."""
    tokens = torch.as_tensor(stories)
    with system.edited(edits) as module, torch.no_grad():
        scores = module(tokens).logits[:, :-1].log_softmax(-1)
    return -scores.gather(-1, tokens[:, 1:, None])[..., 0].double().numpy()


def _task(system: TorchSystem, stories: np.ndarray, function: str) -> Callable[[Sequence[Edit]], np.ndarray]:
    """The losses of the tokens of one function, under edits."""
    asked = _next(system, stories) == function
    return lambda edits: _losses(system, stories, edits)[asked]


def _bricked(system: TorchSystem, stories: np.ndarray, bricks: dict[str, np.ndarray]) -> float:
    """Mean loss when every layer runs its strongest bricks only."""
    edits = [
        Replace(site, lambda a, parts=parts: keep_bricks(a, parts, share=SHARE, magnitude=True))  # type: ignore[misc]
        for site, parts in bricks.items()
    ]
    return float(_losses(system, stories, edits).mean())


def _modularity(recording: Recording, sites: Sequence[str], rng: np.random.Generator) -> float:
    """Mean modularity of the sites, each cut into its own bricks."""
    values = []
    for site in sites:
        columns = np.flatnonzero(recording.units["site"].to_numpy() == site)
        graph = co_activation(recording.activity[:, columns], magnitude=True)
        values.append(modularity(graph, coactivation_bricks(graph, n_bricks=N_BRICKS, random_state=rng)))
    return float(np.mean(values))


def _permuted(rng: np.random.Generator) -> TorchSystem:
    """The model with the entries of every MLP weight permuted."""
    system = open_hugging_face(data_folder("lm_stories260k"))
    with torch.no_grad():
        for name, weight in system.module.named_parameters():
            if ".mlp." in name:
                weight.copy_(weight.flatten()[torch.as_tensor(rng.permutation(weight.numel()))].view_as(weight))
    return system
