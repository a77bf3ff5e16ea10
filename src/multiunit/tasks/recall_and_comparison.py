"""Stored facts asked for in two ways: what is the value of x, and which of x and y has the larger one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

TASKS = ("recall", "comparison", "copy")


def recall_and_comparison(
    *,
    n_entities: int = 40,
    n_attributes: int = 2,
    n_values: int = 10,
    trained: float = 0.7,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Give every entity a value of every attribute, and ask about pairs of entities in matched prompts of five tokens.

    A prompt is `question, attribute, x, y, "="`. Recall asks for the value of x, one stored fact. Comparison asks
    which of x and y has the larger value: two stored facts, composed. Copy asks for x, and needs no fact. The same
    pairs are asked about in all tasks; pairs of equal values are left out.

    Args:
        n_entities: entities, two or more.
        n_attributes: attributes, each an order of its own.
        n_values: values of an attribute, two or more.
        trained: share of the pairs whose prompts are meant for training; every fact occurs among them, but how the
            rest of the pairs compare is never told, in either order.
        random_state: draws the facts and the split.

    Returns:
        One row a prompt: `stimulus` int64 `(5,)`, `stimulus_id`, `task`, `answer`, `foil` (another value, or the
        other entity), `attribute`, `x`, `y`, and `split`: "train", and two halves of the rest, "identify" and
        "evaluate". Tokens: entities, values, attributes, the questions in the order of `TASKS`, "=".

    Raises:
        InputError: for a size that is too small, or a share outside (0, 1).

    >>> prompts = recall_and_comparison(n_entities=6, n_attributes=1, n_values=3)
    >>> prompts.groupby("task").size().nunique(), sorted(prompts["split"].unique())
    (1, ['evaluate', 'identify', 'train'])
    """
    for name, value, least in (
        ("n_entities", n_entities, 4), ("n_attributes", n_attributes, 1), ("n_values", n_values, 2),
    ):  # fmt: skip
        if value < least:
            raise InputError(name, value, f"must be at least {least}")
    if not 0 < trained < 1:
        raise InputError("trained", trained, "a share of the pairs, between 0 and 1")
    rng = np.random.default_rng(random_state)
    first_attribute = n_entities + n_values
    first_question = first_attribute + n_attributes
    equals = first_question + len(TASKS)
    rows = []
    for attribute in range(n_attributes):
        values = rng.permutation(np.resize(rng.permutation(n_values), n_entities))
        pairs = [pair for pair in combinations(range(n_entities), 2) if values[pair[0]] != values[pair[1]]]
        place = rng.permutation(len(pairs)) / len(pairs)
        for (a, b), at in zip(pairs, place, strict=True):
            split = "train" if at < trained else "identify" if at < (1 + trained) / 2 else "evaluate"
            for x, y in ((a, b), (b, a)):
                larger, smaller = (x, y) if values[x] > values[y] else (y, x)
                other = int(values[y])
                told = {
                    "recall": (n_entities + int(values[x]), n_entities + other),
                    "comparison": (larger, smaller),
                    "copy": (x, y),
                }
                for number, task in enumerate(TASKS):
                    prompt = [first_question + number, first_attribute + attribute, x, y, equals]
                    rows.append((np.array(prompt, dtype=np.int64), task, *told[task], attribute, x, y, split))
    names = ["stimulus", "task", "answer", "foil", "attribute", "x", "y", "split"]
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame
