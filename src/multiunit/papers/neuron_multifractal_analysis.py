"""Multifractal analysis of neuron interactions: the weights of a language model become more ordered as it learns.

Claim: during the training of language models the spectrum of the weight graph widens and alpha0 falls, and the degree
of emergence that joins the two rises together with performance.

Experiment: a transformer (width 64, 3 layers of 256 MLP units) learns character text of a grammar. At 10 checkpoints on
a logarithmic clock the graph of its MLP weights (7 layers of nodes: the residual stream and the MLP units in turn) is
analysed in 3 draws of 48 units a layer. Measured: Spearman's correlation over the checkpoints of the emergence E with
the accuracy of the next character on fresh text. The estimator is tried on a lattice, of two dimensions.

Control: every checkpoint's weights permuted within their matrices, which keeps their histogram and destroys the wiring;
the same training on text whose characters are permuted, of which only their frequencies can be learned (rank
correlation with the accuracy of the trained run, checkpoint by checkpoint); and weights that leave the start as far
as the trained ones do, in a random direction. A real trained model (`stories`) is set beside its permuted weights.

Deviations: attention is left out, as its weights join no two layers of units. One small network, one text.

Not shown: models of the Pythia size, benchmarks, or that the fits are power laws: `power_law` is the share of graphs
whose fits all have r^2 of at least 0.9. Nor is a spectrum `concave` here, so that alpha0 - the alpha of the largest f,
as defined - stands at an end of the orders; `..._at_zero` takes the alpha at q = 0 in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.populations.multifractal_analysis import emergence, multifractal_analysis, multifractal_spectrum
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.tasks.data_folder import data_folder
from multiunit.tasks.grammar_text import CHARACTERS, grammar_text, random_grammar

PAPER = Paper(
    id="neuron-multifractal-analysis",
    title="Exploring Neuron Interactions and Emergence in LLMs: From the Multifractal Analysis Perspective",
    year=2024,
    source="arXiv:2402.09099",
    level="trained",
    uses=(multifractal_analysis,),
    needs=("lm_stories260k",),
)

WINDOW, N_LAYERS = 48, 3
Matrices = list[np.ndarray]


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    grammar = random_grammar(60, random_state=rng)
    texts = grammar_text(grammar, n_windows=scale.pick(smoke=200, small=4000), window=WINDOW, random_state=rng)
    fresh = np.stack(list(grammar_text(grammar, n_windows=200, window=WINDOW, random_state=rng)["stimulus"]))
    steps = scale.pick(smoke=20, small=500)
    at = np.unique(np.r_[0, np.geomspace(2, steps, scale.pick(smoke=3, small=9)).round().astype(int)])
    start = int(rng.integers(2**31))
    weights, accuracy = _trained(texts["stimulus"], at, start, fresh, rng)
    letters = np.stack(list(texts["stimulus"]))
    scrambled, _ = _trained(list(rng.permuted(letters.ravel()).reshape(letters.shape)), at, start, fresh, rng)
    series = {
        "trained": weights,
        "permuted": [_permuted(w, rng) for w in weights],
        "scrambled_text": scrambled,
        "random_direction": _random_direction(weights, rng),
    }
    n_samples = scale.pick(smoke=1, small=3)
    alpha0, width, flags, e, e_at_zero = {}, {}, {}, {}, {}
    for name, checkpoints in series.items():
        found = [
            multifractal_analysis(w, nodes_per_layer=48, n_samples=n_samples, random_state=rng) for w in checkpoints
        ]
        alpha0[name], width[name] = (np.array([float(f[v].mean()) for f in found]) for v in ("alpha0", "width"))
        flags[name] = {v: float(np.mean([f[v].mean() for f in found])) for v in ("power_law", "concave")}
        e[name] = emergence(width[name], alpha0[name])
        e_at_zero[name] = emergence(width[name], [float(f["alpha"].sel(q=0)) for f in found])
    rank, rank_at_zero = (
        {name: float(spearmanr(values, accuracy).statistic) for name, values in some.items()} for some in (e, e_at_zero)
    )
    real = _stories()
    stories, shuffled = (
        multifractal_analysis(w, n_samples=n_samples, random_state=rng) for w in (real, _permuted(real, rng))
    )
    ring = np.roll(np.eye(30), 1, axis=1)
    lattice = multifractal_spectrum(np.kron(ring, np.eye(30)) + np.kron(np.eye(30), ring))
    others = [name for name in series if name != "trained"]
    return Claim(
        measured={
            "lattice_dimension": lattice.alpha0,
            "accuracy_start": float(accuracy[0]),
            "accuracy_end": float(accuracy[-1]),
            "correlation": rank["trained"],
            "emergence_end": float(e["trained"][-1]),
            "width_ratio": float(width["trained"][-1] / width["trained"][0]),
            "alpha0_ratio": float(alpha0["trained"][-1] / alpha0["trained"][0]),
            "correlation_at_zero": rank_at_zero["trained"],
            **flags["trained"],
            "stories_width": float(stories["width"].mean()),
            "stories_alpha0": float(stories["alpha0"].mean()),
        },
        control={
            **{f"{name}_correlation": rank[name] for name in others},
            **{f"{name}_correlation_at_zero": rank_at_zero[name] for name in others},
            **{f"{name}_emergence_end": float(e[name][-1]) for name in others},
            "stories_permuted_width": float(shuffled["width"].mean()),
            "stories_permuted_alpha0": float(shuffled["alpha0"].mean()),
        },
        criterion="measured.lattice_dimension >= 1.7 and measured.lattice_dimension <= 2.2 "
        "and measured.correlation >= 0.6 and measured.correlation >= control.permuted_correlation + 0.2",
    )


def _trained(
    sequences: Sequence[np.ndarray] | pd.Series, at: np.ndarray, start: int, fresh: np.ndarray, rng: np.random.Generator
) -> tuple[list[Matrices], np.ndarray]:
    """The MLP weights after these numbers of steps, and the accuracy of the next character there."""
    net = TinyTransformer(len(CHARACTERS), max_positions=WINDOW, n_layers=N_LAYERS, mlp_width=256, random_state=start)
    kept: list[Matrices] = []
    accuracy: list[float] = []
    step = 0

    def keep(module: torch.nn.Module) -> None:
        kept.append(_weights(module, "layers.{}.mlp.up.weight", "layers.{}.mlp.down.weight"))
        with torch.no_grad():
            # Not net(...): that would call this hook again.
            said = net.forward(torch.as_tensor(fresh[:, :-1])).argmax(dim=2).numpy()
        accuracy.append(float((said == fresh[:, 1:]).mean()))

    def look(module: torch.nn.Module, inputs: object) -> None:
        nonlocal step
        if step in at:
            keep(module)
        step += 1

    # One forward pass a step: what is seen before the pass of step t is the network after t updates.
    hook = net.register_forward_pre_hook(look)
    train_language_model(net, sequences, n_steps=int(at[-1]), learning_rate=3e-3, random_state=rng)
    hook.remove()
    keep(net)
    return kept, np.array(accuracy)


def _permuted(weights: Matrices, rng: np.random.Generator) -> Matrices:
    return [rng.permuted(w.ravel()).reshape(w.shape) for w in weights]


def _random_direction(checkpoints: list[Matrices], rng: np.random.Generator) -> list[Matrices]:
    """Weights that lie as far from the start as those of each checkpoint, in one random direction."""
    first = checkpoints[0]
    direction = [d / np.linalg.norm(d) for d in (rng.normal(size=w.shape) for w in first)]
    return [
        [a + np.linalg.norm(w - a) * d for a, w, d in zip(first, weights, direction, strict=True)]
        for weights in checkpoints
    ]


def _stories() -> Matrices:
    module = open_hugging_face(data_folder("lm_stories260k"), device="cpu").module
    return _weights(module, "model.layers.{}.mlp.up_proj.weight", "model.layers.{}.mlp.down_proj.weight")


def _weights(module: torch.nn.Module, up: str, down: str) -> Matrices:
    """What leads into and out of the MLP units of each layer in turn."""
    state = module.state_dict()
    numbers = [number for number in range(len(state)) if up.format(number) in state]
    return [state[name.format(number)].numpy().copy() for number in numbers for name in (up, down)]
