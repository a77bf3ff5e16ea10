"""Value and dopamine neurons: few units tell whether an answer will be right, and others how that outlook changes.

Claim: a probe of the expected reward needs less than 1 percent of the hidden units, without which the model fails; and
other units go with the error of that expectation, up if the outlook brightens and down if it darkens.

Experiment: a transformer (width 64, 3 layers) learns to write sums step by step, as writers of whom half are careless
and forget hard digits. It writes 1,000 answers at temperature 1, of which those that are right are rewarded; a probe
of the value learns by temporal differences from the residual stream of layer 2, at "=" and at every total. On 1,000
other answers: the AUROC of the value after the third of five totals, with 10 percent of the units and with all; the
accuracy with 5 percent (3 units) at zero; the correlation of the 5 percent dopamine units with the error, and the error
at the first wrong total, which must be negative.

Control: probes of random 10 percent, fitted anew; probes of rewards dealt anew over the answers; random units of
similar root-mean-square at zero, with the same luck in the draws of tokens; dopamine units of errors put in another
order within each answer. All random ones five times.

Deviations: the catalogue's writer never errs, and a network that imitates him is wrong only where it is badly trained;
nothing in the text makes it notice its own errors. Here slips are in the text and foretell more slips, so that noticing
pays. The kind and rate of slips and the training were set by how near the loss comes to that of the best reader, before
any probe was fitted. Answers are more than the catalogue's 600, the units 64 instead of 96 for speed, and the random
units at zero are as loud as the value units, since zeroing a loud unit costs more whatever it tells. A hundredth of 64
units is no unit: the shares are the catalogue's.

Reported beside the verdict: the same probe after a random rotation of the units, which tells whether single units
matter; the AUROC at "=", before a word is written; how well dopamine units tell first wrong totals from others, which
no probe has defined; and their correlation with the error among states of equal value, as a unit of the value alone
goes with its change, too.

Not shown: large language models; stability over data sets and layers; search that is guided by dopamine units.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import nn

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.inference.matched_control import matched_control
from multiunit.learning.train_language_model import train_language_model
from multiunit.maths.rank_scores import rank_scores
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.running_sums import N_TOKENS, answered_rightly, running_sums, slipped
from multiunit.units.value_neurons import ValueProbe, dopamine_neurons, pruning_curve, surprises, value_neurons

PAPER = Paper(
    id="sparse-reward-subsystem",
    title="Sparse Reward Subsystem in Large Language Models",
    year=2026,
    source="arXiv:2602.00986",
    level="trained",
    uses=(value_neurons, dopamine_neurons),
)

SITE = "layers.1"
N_DIGITS = 5
# States of an answer: "=" and every total. The value is judged after the third total.
N_STATES, MIDDLE = N_DIGITS + 1, 3
KEEP = (1, 0.1, 0.05)
SILENCED = 0.05


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    taught = running_sums(20_000, n_digits=N_DIGITS, random_state=rng)["stimulus"]
    net = TinyTransformer(N_TOKENS, max_positions=2 * N_DIGITS + 1, width=64, n_layers=3, random_state=rng)
    train_language_model(
        net, taught, n_steps=scale.pick(smoke=60, small=2000), batch_size=64, learning_rate=3e-3, random_state=rng
    )
    system = TorchSystem(net)
    n_answers, n_draws, n_steps = scale.pick(smoke=(200, 1, 50), small=(1000, 5, 1000))
    train, rows = _answers(system, n_answers, rng)
    test, test_rows = _answers(system, n_answers, rng)
    reward, final = answered_rightly(rows).astype(float), answered_rightly(test_rows)
    sequence = np.repeat(np.arange(n_answers), N_STATES)

    # The probe that `value_neurons` fits, from the same seed.
    seed = int(rng.integers(2**31))
    valued = value_neurons(train, top=SILENCED, n_steps=n_steps, random_state=seed)["selected"].values
    probe = _probe(train.activity, reward, n_steps, seed)
    middle = test.activity[MIDDLE::N_STATES]
    curve = _curve(probe, middle, final)
    rotation = np.linalg.qr(rng.normal(size=(train.n_units, train.n_units)))[0]
    rotated = _curve(_probe(train.activity @ rotation, reward, n_steps, rng), middle @ rotation, final)
    some, dealt = np.empty(n_draws), np.empty(n_draws)
    for draw in range(n_draws):
        units = rng.permutation(train.n_units)[: round(KEEP[1] * train.n_units)]
        some[draw] = _curve(_probe(train.activity[:, units], reward, n_steps, rng), middle[:, units], final)[0]
        dealt[draw] = _curve(_probe(train.activity, rng.permutation(reward), n_steps, rng), middle, final)[0]

    loudness = np.sqrt(np.square(train.activity).mean(axis=0))
    site = np.full(train.n_units, SITE)
    draws = [matched_control(valued, site=site, mean_activity=loudness, random_state=rng) for _ in range(n_draws)]
    luck = rng.random((n_answers, N_DIGITS))
    names = train.units.index.to_numpy()
    accuracy = [
        _accuracy(system, test_rows, luck, names[chosen].tolist()) for chosen in (np.zeros_like(valued), valued, *draws)
    ]

    value = probe.value(test.activity)
    errors = [surprises(probe.value(train.activity), sequence), surprises(value, sequence)]
    found, r = _dopamine(train, test, errors)
    shuffled = [_dopamine(train, test, [_another_order(e, rng) for e in errors])[1] for _ in range(n_draws)]
    first = slipped(test_rows)
    first &= first.cumsum(axis=1) == 1
    # "=" is no total and has no error.
    is_first = np.column_stack([np.zeros(n_answers, dtype=bool), first]).ravel()
    total = np.isfinite(errors[1])
    slips = rank_scores(-test.activity[total], is_first[total][:, None]).auroc[:, 0]
    dopamine = found["selected"].values
    given = [_given(value[total], test.activity[total][:, unit], errors[1][total]) for unit in np.flatnonzero(dopamine)]
    return Claim(
        measured={
            "accuracy": accuracy[0],
            "auroc": curve[0],
            "auroc_10": curve[1],
            "auroc_5": curve[2],
            "auroc_at_prompt": _curve(probe, test.activity[::N_STATES], final)[0],
            "accuracy_drop": accuracy[0] - accuracy[1],
            "dopamine_r": r,
            "dopamine_r_given_value": float(np.mean(given)),
            "error_at_slip": float(errors[1][total & is_first].mean()),
            "slip_auroc": float(slips[dopamine].mean()),
        },
        control={
            "random_auroc_10": float(some.mean()),
            "rotated_auroc_10": rotated[1],
            "shuffled_auroc": float(dealt.mean()),
            "random_drop": accuracy[0] - float(np.mean(accuracy[2:])),
            "shuffled_dopamine_r": float(np.mean(shuffled)),
            "error_elsewhere": float(errors[1][total & ~is_first].mean()),
            "random_slip_auroc": float(slips[found["control"].values].mean()),
        },
        criterion="measured.auroc_10 >= 0.95 * measured.auroc and measured.auroc_10 >= control.random_auroc_10 + 0.05 "
        "and abs(control.shuffled_auroc - 0.5) < 0.1 and measured.accuracy_drop > 0 "
        "and measured.accuracy_drop >= 2 * abs(control.random_drop) and measured.dopamine_r > 0 "
        "and measured.dopamine_r >= 2 * abs(control.shuffled_dopamine_r) and measured.error_at_slip < 0",
    )


def _answers(system: TorchSystem, n_answers: int, rng: np.random.Generator) -> tuple[Recording, np.ndarray]:
    """The states of new answers, `N_STATES` each and in order, with the reward; and what was written."""
    asked = np.stack(list(running_sums(n_answers, n_digits=N_DIGITS, random_state=rng)["stimulus"]))
    rows = _written(system.module, asked, rng.random((n_answers, N_DIGITS)))
    texts = pd.DataFrame({"stimulus": list(rows), "reward": answered_rightly(rows).astype(float)})
    return system.record(texts, SITE).select(presentations=f"position >= {N_DIGITS}"), rows


def _written(module: nn.Module, rows: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """The prompts `(answer, N_DIGITS + 1)` at the head of the rows, and totals drawn by the module with this luck."""
    tokens = rows[:, : N_DIGITS + 1]
    for drawn in luck.T:
        with torch.no_grad():
            p = module(torch.as_tensor(tokens))[:, -1].softmax(dim=1).double().numpy()
        following = (p.cumsum(axis=1) > drawn[:, None] * p.sum(axis=1, keepdims=True)).argmax(axis=1)
        tokens = np.column_stack([tokens, following])
    return tokens


def _accuracy(system: TorchSystem, rows: np.ndarray, luck: np.ndarray, silenced: list[str]) -> float:
    with system.edited([Ablate(silenced)] if silenced else []) as module:
        return float(answered_rightly(_written(module, rows, luck)).mean())


def _probe(states: np.ndarray, reward: np.ndarray, n_steps: int, random_state: int | np.random.Generator) -> ValueProbe:
    sequence = np.repeat(np.arange(len(reward)), N_STATES)
    probe = ValueProbe(n_steps=n_steps, random_state=random_state)
    return probe.fit(states, sequence, reward=np.repeat(reward, N_STATES))


def _curve(probe: ValueProbe, states: np.ndarray, final: np.ndarray) -> list[float]:
    """AUROC of the value at these states, one an answer, with the shares `KEEP` of the units."""
    curve = pruning_curve(lambda kept: probe.value(states, kept=kept), probe.importance_, reward=final, keep=KEEP)
    return [float(auroc) for auroc in curve]


def _dopamine(train: Recording, test: Recording, errors: list[np.ndarray]) -> tuple[xr.Dataset, float]:
    """The units that go with the errors of the first recording, and their mean correlation with those of the second."""
    found, judged = (
        dopamine_neurons(Recording(each.dataset.assign_coords(surprise=("presentation", error))), top=SILENCED)
        for each, error in zip((train, test), errors, strict=True)
    )
    return found, float(judged["score"].values[found["selected"].values].mean())


def _another_order(error: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Errors in another order within each answer; the first state has none and keeps none."""
    table = error.reshape(-1, N_STATES).copy()
    table[:, 1:] = rng.permuted(table[:, 1:], axis=1)
    return table.ravel()


def _given(value: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """the correlation of x and y once what is linear in the value is taken out of both."""
    known = np.column_stack([np.ones(len(value)), value])
    rest = [z - known @ np.linalg.lstsq(known, z, rcond=None)[0] for z in (x, y)]
    return float(np.corrcoef(rest)[0, 1])
