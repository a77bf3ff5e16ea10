"""Circuit component reuse: two tasks of one form of answer are done by largely the same heads.

Claim: the circuits of two tasks that both copy one of several candidates share most of their heads, and making those
heads attend in the weaker task as they do in the stronger one repairs it.

Experiment: a transformer (3 layers of 6 heads) first learns to continue random tokens that repeat with a period of 3 to
8, and then four tasks jointly: the name that is not repeated, the colour of the object asked for, the letter at a fixed
place, a larger number. The circuit of each task is found by path patching: the 3 heads with the
largest direct effect on the answer, and the 3 that speak most to those. Then a copy of the network goes on learning
with colours answered by any of the three listed, until it picks the right one in at most 60 % of 100 prompts, or for
300 steps. The 2 heads of this copy that carry most of the answer to `names` are made to attend, at the last token, to
the right colour; accuracy on new prompts.

Control: the circuit of `place`, which copies too but by position, and of `greater`, which copies nothing (reported);
sets of heads of that size at random (hypergeometric); as many random other heads made to attend likewise; reported,
the 2 heads that carry most of `place`, and the heads that speak to those of `names` made to attend to wrong colours.

Deviations: circuits have one size in all tasks instead of an effect above a threshold, as larger circuits would share
more; the paper forces the heads that inhibit and turns off a negative mover, here those that copy are forced. In
training each list of colours is asked about three times. An earlier version, without the texts that repeat and
from smaller weights, did not learn the colours; training was mended by the accuracies alone, on other seeds.

Not shown: a language model that learned from text; circuits of edges; that the heads do the same thing in both tasks.
The texts that repeat teach a lookup that serves colours and not names, so reuse by a network that learns all tasks at
once, from nothing, is not tested.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Edit
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.interventions.force_attention import ForceAttention
from multiunit.interventions.inner_sites import InnerSites, with_inner_sites
from multiunit.interventions.objective_values import outputs
from multiunit.interventions.path_circuit import path_circuit
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.similarity.set_overlap import Overlap, set_overlap
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.in_context_lookup import N_TOKENS, NUMBERS, in_context_lookup

PAPER = Paper(
    id="circuit-component-reuse",
    title="Circuit Component Reuse Across Tasks in Transformer Language Models",
    year=2024,
    source="arXiv:2310.08744",
    level="trained",
    uses=(path_circuit, ForceAttention, set_overlap),
)

TASKS = ("names", "colours", "place", "greater")
N_LAYERS, N_HEADS = 3, 6
LENGTH, PERIODS, WIDER = 16, (3, 8), 3.0
A_STAGE, FORCED = 3, 2
WEAK = 0.6


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_texts, n_pairs = scale.pick(smoke=50, small=6000), scale.pick(smoke=20, small=100)
    first_steps, n_steps = scale.pick(smoke=20, small=600), scale.pick(smoke=40, small=1200)
    texts = {task: _answered(in_context_lookup(task, n_texts, random_state=rng)) for task in TASKS}
    net = _network(rng)
    repeating = _repeating(scale.pick(smoke=50, small=20000), rng)
    train_language_model(net, repeating, n_steps=first_steps, batch_size=64, learning_rate=3e-3, random_state=rng)
    learned = texts | {"colours": _asked_on(texts["colours"], rng)}
    every = [text for task in TASKS for text in learned[task]]
    train_language_model(net, every, n_steps=n_steps, batch_size=64, learning_rate=3e-3, random_state=rng)

    pairs = {task: in_context_lookup(task, n_pairs, random_state=rng) for task in TASKS}
    system = TorchSystem(net.eval())
    accuracy = {task: _accuracy(system, pairs[task]) for task in TASKS}
    circuit = {task: _circuit(system, pairs[task]) for task in TASKS}
    shared = {task: _overlap(circuit["names"], circuit[task]) for task in TASKS[1:]}

    weak = _weakened(net, texts, pairs["colours"], rng, n_steps=scale.pick(smoke=10, small=300))
    tested = in_context_lookup("colours", scale.pick(smoke=20, small=300), random_state=rng)
    inner = with_inner_sites(weak, tested["clean"])
    before = _accuracy(weak, tested)
    movers, speakers = _strongest(weak, pairs["names"])
    rest = [(layer, head) for layer in range(N_LAYERS) for head in range(N_HEADS) if (layer, head) not in movers]
    random = [
        _forced(inner, [rest[k] for k in rng.permutation(len(rest))[:FORCED]], tested, "key")
        for _ in range(scale.pick(smoke=2, small=20))
    ]
    return Claim(
        measured={
            "names": accuracy["names"],
            "colours": accuracy["colours"],
            "shared_with_colours": shared["colours"].first_in_second,
            "p_colours": shared["colours"].p,
            "weakened": before,
            "gain": _forced(inner, movers, tested, "key") - before,
        },
        control={
            "place": accuracy["place"],
            "greater": accuracy["greater"],
            "shared_with_place": shared["place"].first_in_second,
            "shared_with_greater": shared["greater"].first_in_second,
            "random_gain": float(np.mean(random)) - before,
            "largest_random_gain": float(np.max(random)) - before,
            "place_gain": _forced(inner, _strongest(weak, pairs["place"])[0], tested, "key") - before,
            "speakers_gain": _forced(inner, speakers, tested, "others") - before,
        },
        criterion="measured.names >= 0.8 and measured.colours >= 0.8 "
        "and measured.shared_with_colours >= control.shared_with_place + 0.2 and measured.p_colours < 0.05 "
        "and measured.weakened >= 0.4 and measured.weakened <= 0.7 "
        "and measured.gain >= 0.1 and measured.gain >= 3 * control.random_gain",
    )


def _network(rng: np.random.Generator) -> TinyTransformer:
    net = TinyTransformer(
        N_TOKENS, max_positions=LENGTH, width=96, n_heads=N_HEADS, n_layers=N_LAYERS, mlp_width=96, random_state=rng
    )
    # From weights as small as GPT-2's, a network this narrow spends most of these steps on growing them.
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim > 1:
                weight.mul_(WIDER)
    return net


def _repeating(n_texts: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Tokens in random order, over and over; the period differs, so that looking back by place does not do."""
    shortest, longest = PERIODS
    periods = rng.integers(shortest, longest + 1, size=n_texts)
    return [rng.permutation(N_TOKENS)[np.arange(LENGTH) % period] for period in periods]


def _answered(pairs: pd.DataFrame) -> list[np.ndarray]:
    return [np.append(prompt, answer) for prompt, answer in zip(pairs["clean"], pairs["answer"], strict=True)]


def _asked_on(texts: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Colours to learn from: the other two objects are asked for too, one after the other."""
    longer = []
    for text in texts:
        rest = [k for k in rng.permutation([1, 3, 5]) if text[k] != text[-2]]
        longer.append(np.concatenate([text, *([text[-3], text[k], text[k + 1]] for k in rest)]))
    return longer


def _circuit(system: TorchSystem, pairs: pd.DataFrame) -> set[str]:
    found = path_circuit(system, pairs, objective=LogitDifference(), n_heads=A_STAGE)
    return set(found["head"].values[found["found"].values >= 0])


def _overlap(first: set[str], second: set[str]) -> Overlap:
    return set_overlap(first, second, n_total=N_LAYERS * N_HEADS)


def _strongest(system: TorchSystem, pairs: pd.DataFrame) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The heads that carry most of the answer, and those that speak most to them, as (layer, head)."""
    found = path_circuit(system, pairs, objective=LogitDifference(), n_heads=FORCED)
    places = [tuple(map(int, name.removeprefix("head ").split("."))) for name in found["head"].values]
    first, second = (
        [(p[0], p[1]) for p, s in zip(places, found["found"].values, strict=True) if s == k] for k in (0, 1)
    )
    return first, second


def _weakened(
    net: TinyTransformer,
    texts: dict[str, list[np.ndarray]],
    pairs: pd.DataFrame,
    rng: np.random.Generator,
    *,
    n_steps: int,
) -> TorchSystem:
    """A copy that has learned on, five steps at a time, that any colour listed will do, until it is weak enough."""
    noisy = [text.copy() for text in texts["colours"]]
    for text in noisy:
        text[-1] = text[2 + 2 * int(rng.integers(3))]
    every = [*noisy, *(text for task in TASKS if task != "colours" for text in texts[task])]
    weak = copy.deepcopy(net)
    system = TorchSystem(weak)
    for _ in range(n_steps // 5):
        if _accuracy(system, pairs) <= WEAK:
            break
        train_language_model(weak, every, n_steps=5, batch_size=64, learning_rate=3e-4, random_state=rng)
    return system


def _forced(inner: InnerSites, heads: list[tuple[int, int]], pairs: pd.DataFrame, to: str) -> float:
    """Accuracy while heads attend, at the last token, to the positions that a column names."""
    keys = {k: list(np.atleast_1d(places)) for k, places in enumerate(pairs[to])}
    edits = [ForceAttention(inner, f"layers.{l}.attention.output", head=h, keys=keys) for l, h in heads]  # noqa: E741
    return _accuracy(inner.system, pairs, edits)


def _accuracy(system: TorchSystem, pairs: pd.DataFrame, edits: Sequence[Edit] = ()) -> float:
    """Share of prompts whose most likely continuation is right: of `greater`, any larger number."""
    right = np.zeros(len(pairs), dtype=bool)
    prompts = list(pairs["clean"])
    for batch, output, last in outputs(system, prompts, edits=edits):
        said = output[torch.arange(len(output)), last].argmax(dim=1).cpu().numpy()
        rows = pairs.iloc[batch.rows]
        greater = (rows["task"] == "greater").to_numpy()
        right[batch.rows] = np.where(greater, (said > rows["foil"]) & (said < NUMBERS.stop), said == rows["answer"])
    return float(right.mean())
