"""Hallucination neurons: a handful of MLP units tell made-up answers, and turned up they make the network comply.

Claim: fewer than 0.1 percent of FFN units suffice to predict hallucinated answers across data sets, and amplifying
them increases over-compliance.

Experiment: a transformer (width 64, 3 layers of 256 GELU units) learns the cities of 300 people, and to answer
"unknown" for 150 others; 450 pairs of the same names are in no training set, and any city for them is made up. Each
person is asked ten times; of half of the people those are kept that are always answered rightly, or always with a
made-up city, as many of each. Contributions (CETT) at the two answer tokens of made-up answers are told from those of
right answers, and of all other tokens, by an L1 classifier (C = 1). Tested on single answers about the other half of
the people. Then the activity of the selected units is multiplied by 0 to 3, and the probability that the answer to
the new people of that half begins as a city does is measured.

Control: the same units' rivals are equally many random units of the same layers and mean contribution, with an L2
classifier that is fitted anew, as it is to the selected units; outcomes dealt anew over the people; the same random
units multiplied.

Deviations: the catalogue's numbers of people are doubled or more, so that AUROCs rest on more than a few tens of
answers, and answers have two tokens, so that there are answer tokens at which an answer is still being made. Selected
is what has a positive weight; the AUROC is that of these units alone, not of the classifier, which also uses negative
ones (reported). Reported too are the AUROC one token earlier, at the question, where the answer is chosen; that of all
units with an L2 penalty, which sparsity does not bind; and that of the network's own doubt, the probability that it
gave to what it answered: whether there is anything to be told. 768 units are too few for one in a thousand: the bound
is 5 percent.

Not shown: other data sets; the obedience of an assistant, for which a city instead of "unknown" stands in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multiunit.core.edit import Scale as Multiply
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.inference.matched_control import matched_control
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.partly_known_facts import partly_known_facts, special_tokens
from multiunit.units.cett import cett
from multiunit.units.hallucination_neurons import hallucination_neurons, hallucination_score

PAPER = Paper(
    id="hallucination-neurons",
    title="H-Neurons: On the Existence, Impact, and Origin of Hallucination-Associated Neurons in LLMs",
    year=2025,
    source="arXiv:2512.01797",
    level="trained",
    uses=(hallucination_neurons,),
)

GAINS = (0.0, 0.5, 1.0, 2.0, 3.0)
TIMES, N_PARTS = 10, 10
QUESTION, ANSWER, IS_ANSWER = (2,), (3, 4), "region == 'answer'"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_names = scale.pick(smoke=12, small=30)
    sizes = {"n_known": n_names**2 // 3, "n_refused": n_names**2 // 6, "n_parts": N_PARTS}
    people = partly_known_facts(n_names=n_names, random_state=rng, **sizes)
    end = special_tokens(n_names=n_names, n_parts=N_PARTS)[-1]
    parts = 2 * n_names + np.arange(2 * N_PARTS).reshape(2, N_PARTS)
    net = TinyTransformer(end + 1, max_positions=6, width=64, n_layers=3, random_state=rng)
    taught = people[people["kind"] != "new"]
    told = [[*p, a, b, end] for p, a, b in zip(taught["stimulus"], taught["first"], taught["second"], strict=True)]
    steps = scale.pick(smoke=300, small=1200)
    train_language_model(net, told, n_steps=steps, batch_size=64, learning_rate=3e-3, random_state=rng)
    system = TorchSystem(net)

    people = people.assign(test=rng.permutation(len(people)) % 2 == 0)
    answers = np.stack([_answers(net, people, rng) for _ in range(TIMES)])
    right = (answers == people[["first", "second"]].to_numpy()).all(axis=2) & (people["kind"] == "known").to_numpy()
    city = np.isin(answers[..., 0], parts[0]) & np.isin(answers[..., 1], parts[1])
    made_up = city & (people["kind"] == "new").to_numpy()
    always = right.all(axis=0) | made_up.all(axis=0)
    asked = (always & ~people["test"]).to_numpy()
    single = people["test"].to_numpy() & (right[0] | made_up[0])
    judged = people.assign(wrong=made_up[0], answer=list(answers[0]))
    learnt, asked_once = _balanced(judged[asked], rng), _balanced(judged[single], rng)
    train = _contributions(system, learnt, ANSWER, end)
    test = _contributions(system, asked_once, ANSWER, end).select(presentations=IS_ANSWER)
    earlier = _contributions(system, learnt, QUESTION, end)
    decided = _contributions(system, asked_once, QUESTION, end).select(presentations=IS_ANSWER)

    found = hallucination_neurons(contributions=train, random_state=rng)
    units, site = found["unit_id"].values, found["site"].values
    mean = train.activity.mean(axis=0)
    n_draws = scale.pick(smoke=2, small=5)
    draws = [
        matched_control(found["selected"].values, site=site, mean_activity=mean, random_state=rng)
        for _ in range(n_draws)
    ]
    new = people[(people["kind"] == "new") & people["test"]]
    slopes = [_slope(system, new, units[chosen].tolist(), parts[0]) for chosen in (found["selected"].values, *draws)]
    return Claim(
        measured={
            "known_right": float(right[:, people["kind"] == "known"].mean()),
            "made_up": float(made_up[:, people["kind"] == "new"].mean()),
            "n_train": float(len(learnt)),
            "n_test": float(len(asked_once)),
            "auroc": _auroc(train, test, found["selected"].values),
            "classifier_auroc": float(
                roc_auc_score(test.presentations["wrong"].astype(bool), hallucination_score(found, test))
            ),
            "auroc_at_question": _auroc(
                earlier, decided, hallucination_neurons(contributions=earlier)["selected"].values
            ),
            "all_units_auroc": _auroc(train, test, np.ones(len(units), dtype=bool)),
            "own_doubt_auroc": _own_doubt(net, asked_once),
            "share_of_units": float(found["selected"].mean()),
            "slope": slopes[0],
        },
        control={
            "random_auroc": float(np.mean([_auroc(train, test, chosen) for chosen in draws])),
            "shuffled_auroc": float(np.mean([_shuffled(train, test, rng) for _ in range(2 * n_draws)])),
            "random_slope": float(np.mean(slopes[1:])),
        },
        criterion="measured.auroc >= 0.75 and measured.share_of_units <= 0.05 "
        "and measured.auroc >= control.random_auroc + 0.08 and abs(control.shuffled_auroc - 0.5) < 0.1 "
        "and measured.slope > 0 and measured.slope >= 2 * abs(control.random_slope)",
    )


def _answers(net: TinyTransformer, people: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """`(person, 2)`: an answer drawn from the network's own probabilities."""
    tokens = np.stack(list(people["stimulus"]))
    for _ in range(2):
        with torch.no_grad():
            p = net(torch.as_tensor(tokens))[:, -1].softmax(dim=1).double().numpy()
        drawn = (p.cumsum(axis=1) > rng.random((len(p), 1)) * p.sum(axis=1, keepdims=True)).argmax(axis=1)
        tokens = np.column_stack([tokens, drawn])
    return tokens[:, 3:]


def _balanced(judged: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """As many people with wrong as with right answers."""
    size = int(judged["wrong"].value_counts().reindex([True, False], fill_value=0).min())
    kinds = [rng.permutation(np.flatnonzero(judged["wrong"] == wrong))[:size] for wrong in (True, False)]
    return judged.iloc[np.sort(np.concatenate(kinds))]


def _contributions(system: TorchSystem, judged: pd.DataFrame, positions: tuple[int, ...], end: int) -> Recording:
    """CETT at these positions, as the region "answer", and at all others."""
    said = [np.array([*p, *a, end]) for p, a in zip(judged["stimulus"], judged["answer"], strict=True)]
    texts = pd.DataFrame({"stimulus": said, "wrong": judged["wrong"].to_numpy()})
    return cett(system, texts, region=lambda t: np.where(t["position"].isin(positions), "answer", "other"))


def _auroc(train: Recording, test: Recording, chosen: np.ndarray) -> float:
    """Of an L2 classifier of the chosen units, fitted as the sparse one is; 0.5 if there are none."""
    if not chosen.any():
        return 0.5
    table = train.presentations
    positive = (table["region"] == "answer").to_numpy() & table["wrong"].to_numpy(bool)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(train.activity[:, chosen].astype(float), positive)
    score = model.decision_function(test.activity[:, chosen].astype(float))
    return float(roc_auc_score(test.presentations["wrong"].to_numpy(bool), score))


def _own_doubt(net: TinyTransformer, judged: pd.DataFrame) -> float:
    """AUROC of the probability of the answer: the lower, the more likely it is wrong."""
    said = torch.as_tensor(np.array([[*p, *a] for p, a in zip(judged["stimulus"], judged["answer"], strict=True)]))
    with torch.no_grad():
        log_p = net(said[:, :-1]).log_softmax(dim=2)[:, 2:].gather(2, said[:, 3:, None]).sum(dim=(1, 2))
    return float(roc_auc_score(judged["wrong"].to_numpy(bool), -log_p.numpy()))


def _shuffled(train: Recording, test: Recording, rng: np.random.Generator) -> float:
    """The same with outcomes dealt anew over the people."""
    table = train.presentations
    outcome = table.groupby("sequence_id")["wrong"].first()
    dealt = pd.Series(rng.permutation(outcome.to_numpy(bool)), index=outcome.index)
    wrong = dealt.loc[table["sequence_id"]].to_numpy()
    other = Recording(train.dataset.assign_coords(wrong=("presentation", wrong)))
    found = hallucination_neurons(contributions=other, random_state=rng)
    return _auroc(other, test, found["selected"].values)


def _slope(system: TorchSystem, people: pd.DataFrame, units: list[str], begins: np.ndarray) -> float:
    """How fast the probability of the first part of a city rises with the gain of the units."""
    tokens = torch.as_tensor(np.stack(list(people["stimulus"])))
    cities = []
    for gain in GAINS:
        with system.edited([Multiply(units, gain=gain)] if units else []) as module, torch.no_grad():
            cities.append(float(module(tokens)[:, -1].softmax(dim=1)[:, begins].sum(dim=1).mean()))
    return float(np.polyfit(GAINS, cities, 1)[0])
