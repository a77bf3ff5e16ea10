"""Do methods that find heads find the planted ones? Published prompts, a small transformer, and a known truth.

    python benchmarks/planted_heads.py

A transformer of 2 layers of 8 heads is trained on the published prompts, word by word, names and years drawn anew for
every text, while all but four of its heads - two a layer, drawn by the seed - say nothing. The others then get the
weights of the planted ones in random order, a tenth as large where they write. Every method scores all heads on the
published pairs themselves; its first four are compared to the planted four. At this number precision and recall are
one; the average precision says where in the ranking the planted heads are. A random ranking is right as often as
heads are planted. A planted head that was never used cannot be found: what each one costs when it alone is
silenced is written down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from side_by_side import goal, write
from sklearn.metrics import average_precision_score

from multiunit.core.edit import Ablate
from multiunit.interventions.circuit_search import circuit_search
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.head_rankings import head_rankings
from multiunit.interventions.objective_values import objective_values
from multiunit.interventions.prompt_pairs import split_pairs
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.planted_heads import fill_other_heads, only_heads
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.similarity.set_overlap import set_overlap
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.circuit_prompts import circuit_prompts, circuit_texts

TASKS = ("ioi", "greater_than")
SEEDS = (0, 1, 2)
N_LAYERS, N_HEADS, PLANTED_A_LAYER = 2, 8, 2
N_TEXTS, N_STEPS, N_PAIRS = 20000, 1500, 100
STRENGTH = 0.1
THRESHOLD = 0.03


def one_case(task: str, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    prompts = circuit_prompts(task, random_state=rng)
    longest = max(len(prompt) for prompt in prompts.pairs["clean"])
    net = TinyTransformer(
        len(prompts.vocabulary),
        max_positions=longest + 1,
        n_heads=N_HEADS,
        n_layers=N_LAYERS,
        random_state=rng,
    )
    drawn = [rng.choice(N_HEADS, size=PLANTED_A_LAYER, replace=False) for _ in range(N_LAYERS)]
    planted = [(layer, int(head)) for layer, heads in enumerate(drawn) for head in sorted(heads)]
    texts = circuit_texts(prompts, N_TEXTS, random_state=rng)
    with only_heads(net, planted):
        train_language_model(net, texts, n_steps=N_STEPS, batch_size=64, learning_rate=4e-3, random_state=rng)
    fill_other_heads(net, planted, strength=STRENGTH, random_state=rng)

    system, objective = TorchSystem(net.eval()), LogitDifference()
    chosen = rng.permutation(len(prompts.pairs))[:N_PAIRS]
    pairs = prompts.pairs.iloc[chosen].drop(columns="slots").reset_index(drop=True)
    clean, corrupted = split_pairs(system, pairs)
    heads = heads_and_mlps(system, clean, mlps=False)["units"].to_dict()
    names = [f"head {layer}.{head}" for layer, head in planted]
    right = {
        name: objective_values(system, frame, objective=objective) for name, frame in (("c", clean), ("x", corrupted))
    }
    silenced = {
        name: float(
            (objective_values(system, clean, objective=objective, edits=[Ablate(heads[name])]) - right["c"]).mean()
        )
        for name in names
    }
    score = head_rankings(system, pairs, objective=objective)["score"]
    truth = np.isin(score["head"].values, names)
    methods: dict[str, Any] = {}
    for ranking in score["ranking"].values:
        values = score.sel(ranking=ranking).values
        top = set(score["head"].values[np.argsort(-values, kind="stable")[: len(names)]])
        methods[ranking] = _scores(top, names) | {"average_precision": float(average_precision_score(truth, values))}
    kept = circuit_search(system, pairs, threshold=THRESHOLD, components=heads)
    methods[f"search at {THRESHOLD} nats"] = _scores(set(kept["component"].values[kept["kept"].values]), names)
    random = [rng.permutation(len(truth)) for _ in range(1000)]
    methods["random"] = {
        "precision": float(truth.mean()),
        "recall": float(truth.mean()),
        "average_precision": float(np.mean([average_precision_score(truth, order) for order in random])),
    }
    return {
        "task": task,
        "seed": seed,
        "planted": names,
        "right_on_clean": float((right["c"] > 0).mean()),
        "logit_difference": {"clean": float(right["c"].mean()), "corrupted": float(right["x"].mean())},
        "moved_by_silencing": silenced,
        "methods": methods,
    }


def _scores(found: set[str], planted: list[str]) -> dict[str, Any]:
    overlap = set_overlap(found, planted, n_total=N_LAYERS * N_HEADS)
    # A search that keeps nothing is right about nothing.
    precision = overlap.first_in_second if found else 0.0
    return {"found": sorted(found), "precision": precision, "recall": overlap.second_in_first, "p": overlap.p}


def main() -> None:
    cases = []
    print(f"{'task':>13} {'seed':>4} {'ranking':>25} {'precision':>9} {'recall':>7} {'average':>8}")
    for task in TASKS:
        for seed in SEEDS:
            case = one_case(task, seed)
            cases.append(case)
            right, moved = case["right_on_clean"], {k: round(v, 2) for k, v in case["moved_by_silencing"].items()}
            print(
                f"{task:>13} {seed:>4} right {right:.2f}, {case['logit_difference']}, silenced alone {moved}",
                flush=True,
            )
            for name, found in case["methods"].items():
                average = found.get("average_precision", np.nan)
                print(
                    f"{'':>18} {name:>25} {found['precision']:>9.2f} {found['recall']:>7.2f} {average:>8.2f}",
                    flush=True,
                )
    rows = [{"task": c["task"], "ranking": n, **f} for c in cases for n, f in c["methods"].items()]
    table = (
        pd.DataFrame(rows).groupby(["task", "ranking"], sort=False)[["precision", "recall", "average_precision"]].mean()
    )
    print(table.round(3).to_string())
    random = table.xs("random", level="ranking")["recall"].min()
    write(
        "planted_heads",
        work="Four planted heads of 16, found on 100 published pairs of two tasks, three seeds.",
        notes=f"Trained on the spot; the other heads write {STRENGTH} as strongly. Random finds {random:.2f}.",
        settings={
            "cases": cases,
            "mean": [
                dict(zip(("task", "ranking"), key, strict=True)) | row.dropna().to_dict()
                for key, row in table.iterrows()
            ],
        },
        goals=[
            goal(
                f"{task}, {name}: mean recall of the planted heads",
                float(table.loc[(task, name), "recall"]),
                at_least=0.75,
            )
            for task in TASKS
            for name in ("activation patching", "attribution patching", "edge attribution", "search")
        ],
        packages=["multiunit", "numpy", "torch"],
    )


if __name__ == "__main__":
    main()
