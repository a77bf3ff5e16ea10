"""stream: four statistics of every MLP neuron in one pass over many tokens, beside storing everything first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from language_models import gpt2, stories, text, tokens
from side_by_side import REPETITIONS, compare, goal, machine, main, ratio, write

LENGTH, N_GROUPS, TOP = 128, 4, 20
ROWS = {"gpt2": 1, "stories": 16}  # sequences in a batch


def _open(model: str, n_tokens: int) -> tuple[Any, list[torch.nn.Module], Iterator[np.ndarray]]:
    """The model, the modules whose inputs are its MLP neurons, and for every round `(sequence, position)` tokens."""
    rows = n_tokens // LENGTH
    if model == "gpt2":
        net = gpt2()
        parts = tokens(rows * (REPETITIONS + 1), LENGTH).reshape(-1, rows, LENGTH)
        return net, [block.mlp.c_proj for block in net.h], iter(parts)
    net = stories()
    return net, [layer.mlp.down_proj for layer in net.model.layers], iter([text(rows, LENGTH)])


def _groups(n_sequences: int) -> np.ndarray:
    return np.arange(n_sequences) % N_GROUPS


def bare(*, model: str, n_tokens: int) -> Any:
    net, _, parts = _open(model, n_tokens)

    def work() -> int:
        stimuli = torch.as_tensor(next(parts))
        with torch.no_grad():
            for batch in stimuli.split(ROWS[model]):
                net(input_ids=batch, use_cache=False)
        return stimuli.numel()

    # It gives no statistics; how much it was given is what all can agree on.
    return work, lambda n: {"n_tokens": np.array(n)}


def multiunit(*, model: str, n_tokens: int) -> Any:
    """The statistics go on from round to round, as they do in a long stream."""
    from multiunit.statistics import FiringFraction, Moments, PositionProfile, TopPresentations
    from multiunit.statistics.accumulate import collect, feed
    from multiunit.systems import TorchSystem

    net, modules, parts = _open(model, n_tokens)
    names = {module: name for name, module in net.named_modules()}
    sites = [names[module] for module in modules]
    system = TorchSystem(net, batch_size=ROWS[model] * LENGTH)
    state: dict[str, Any] = {}
    statistics = {
        "firing": FiringFraction("group"),
        "moments": Moments(),
        "positions": PositionProfile(LENGTH),
        "top": TopPresentations(TOP),
    }

    def work() -> Any:
        stimuli = next(parts)
        frame = pd.DataFrame({"stimulus": list(stimuli), "group": [f"g{g}" for g in _groups(len(stimuli))]})
        for batch in system.stream(frame, sites):
            feed(state, statistics, batch)
        return collect(state)

    def answer(found: Any) -> dict[str, np.ndarray]:
        moments = {name: found["moments"][name].values for name in ("mean", "variance", "skewness", "kurtosis")}
        return _by_logarithm(moments) | {
            "n_tokens": found["moments"]["n"].values,
            "fraction": found["firing"]["fraction"].values,
            "active": found["positions"]["active"].values / found["positions"]["n"].values,
            "top": found["top"]["value"].values,
        }

    return work, answer


def stored(*, model: str, n_tokens: int) -> Any:
    """Keep all activity of a round in memory, then compute layer after layer."""
    net, modules, parts = _open(model, n_tokens)
    kept: list[list[torch.Tensor]] = [[] for _ in modules]
    for layer, module in zip(kept, modules, strict=True):
        module.register_forward_pre_hook(lambda _, args, layer=layer: layer.append(args[0].flatten(0, 1)))

    def work() -> dict[str, np.ndarray]:
        stimuli = next(parts)
        with torch.no_grad():
            for batch in torch.as_tensor(stimuli).split(ROWS[model]):
                net(input_ids=batch, use_cache=False)
        groups, found = np.repeat(_groups(len(stimuli)), LENGTH), []
        for layer in kept:
            found.append(_summary(torch.cat(layer).numpy(), groups))
            layer.clear()
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    return work, lambda found: _by_logarithm(found) | {"n_tokens": np.array(n_tokens)}


def _summary(x: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
    active = x > 0
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x - mean.astype(np.float32)
    square = centred**2
    variance, third, fourth = ((p.mean(axis=0, dtype=np.float64)) for p in (square, square * centred, square**2))
    return {
        "mean": mean,
        "variance": variance,
        "skewness": third / variance**1.5,
        "kurtosis": fourth / variance**2 - 3,
        "fraction": np.stack([active[groups == g].mean(axis=0) for g in range(N_GROUPS)], axis=1),
        "active": active.reshape(-1, LENGTH, x.shape[1]).mean(axis=0).T,
        "top": np.sort(np.partition(x, len(x) - TOP, axis=0)[-TOP:], axis=0)[::-1].T,
    }


def _by_logarithm(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Heavy tails make the higher moments of some units large: they are compared on a scale of logarithms."""
    return found | {name: np.arcsinh(found[name]) for name in ("skewness", "kurtosis")}


CONTENDERS = {"bare forward": bare, "multiunit": multiunit, "store, then compute": stored}
SHORT, LONG, MILLION = 2048, 8192, 1_000_064  # whole sequences of 128


def report() -> None:
    names, gate = list(CONTENDERS), {"reference": "multiunit", "tolerance": 2e-4}
    short = compare(__file__, names, {"model": "gpt2", "n_tokens": SHORT}, **gate)
    long = compare(__file__, names, {"model": "gpt2", "n_tokens": LONG}, once=True, **gate)
    able = names if machine()["memory_gib"] >= 16 else names[:2]  # Storing a million takes 10 GiB.
    million = compare(__file__, able, {"model": "stories", "n_tokens": MILLION}, once=True, **gate)
    peaks = [setting["contenders"]["multiunit"]["peak_bytes"] / 2**20 for setting in (short, long, million)]
    write(
        "stream",
        work="Firing fractions by group, moments, position profile and top 20 of all MLP neurons in one pass: of a "
        "real Llama (stories260k, 5 layers of 172 neurons) over a million tokens of text, and of a GPT-2 small "
        "without its language head (random weights, 12 layers of 3,072 neurons).",
        notes="The bare forward gives no statistics. Peak memory is that above model and tokens; it is in proportion "
        "to a batch, here 128 tokens for GPT-2 small and 2,048 for stories260k. GPT-2 small is timed on "
        f"{SHORT:,} tokens a round, as part of a longer stream: the statistics of multiunit go on from round to round, "
        f"the storing script starts anew. {LONG:,} tokens at once show that memory does not grow with their number. "
        "What ran once has one time, warm-up included.",
        settings={
            f"GPT-2 small, {SHORT:,} tokens": short,
            f"GPT-2 small, {LONG:,} tokens, once": long,
            f"stories260k, {MILLION:,} tokens, once": million,
        },
        goals=[
            goal("stories260k, a million tokens: peak memory above the model, MB", peaks[2], at_most=300),
            goal("GPT-2 small: peak memory above the model, MB", max(peaks[:2]), at_most=300),
            goal(f"GPT-2 small: peak memory at {LONG:,} tokens / at {SHORT:,}", peaks[1] / peaks[0], at_most=1.1),
            goal("GPT-2 small: multiunit / bare forward", ratio(short, "multiunit", "bare forward"), at_most=1.15),
        ],
        packages=["multiunit", "torch", "transformers", "numpy"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
