"""Customs of made-up cultures to be memorised, with tasks of the same form that need no knowledge of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

TASKS = ("culture", "control", "mention", "text")


def cultural_facts(
    *,
    n_cultures: int = 6,
    n_families: int = 2,
    n_names: int = 4,
    n_matters: int = 20,
    n_customs: int = 30,
    n_wordings: int = 4,
    n_text_tokens: int = 24,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw a custom for every culture and matter, and ask for it as prompts of four tokens: word, name, matter, word.

    Tasks: `culture` asks for the custom; `control` asks, of the same names and matters, for a fact of the matter that
    is the same everywhere; `mention` asks which culture the name belongs to; `text` is a chain of unrelated tokens,
    each followed by one of two others. A wording is a pair of words around name and matter; all tasks draw their pairs
    from the same few words, so that the task is told by the pair and never by one word.

    Args:
        n_cultures: cultures c0, c1, ...; different customs in every matter, but for those of one family.
        n_families: families f0, f1, ... of cultures, that share their customs in half of the matters.
        n_names: tokens that name one culture.
        n_matters: matters in which cultures have customs.
        n_customs: customs that there are, the same ones in every matter.
        n_wordings: of every task; even.
        n_text_tokens: vocabulary of the text.
        random_state: draws customs, families' common matters, wordings, text and the split.

    Returns:
        One row a prompt: `stimulus` int64 `(4,)`, `stimulus_id`, `answer` (the token that completes it), `task`,
        `culture` and `family` ("none" in text), `matter` (-1 in text), and `split`: one half of the matters is
        "identify" in the even wordings and one half is "evaluate" in the odd ones; the rest is to "learn" only.
        `stimulus` followed by `answer` is the sequence to train on.

    Raises:
        InputError: for too few customs, families that are not told apart, or an odd number of wordings.

    >>> facts = cultural_facts()
    >>> asked = facts[facts["task"] == "culture"]
    >>> int(asked.groupby(["culture", "matter"])["answer"].nunique().max())
    1
    >>> asked.groupby("matter")["answer"].nunique().value_counts().sort_index().to_dict()
    {2: 10, 6: 10}
    """
    if n_customs < n_cultures:
        raise InputError("n_customs", n_customs, f"{n_cultures} cultures need as many customs at least")
    if not 1 <= n_families <= n_cultures:
        raise InputError("n_families", n_families, f"between 1 and the {n_cultures} cultures")
    if n_wordings < 2 or n_wordings % 2:
        raise InputError("n_wordings", n_wordings, "must be even: one half to identify with, one to evaluate")
    rng = np.random.default_rng(random_state)
    n_words = int(np.ceil(np.sqrt(6 * n_wordings)))  # twice as many pairs as are needed
    sizes = [n_cultures * n_names, n_matters, n_customs, n_matters, n_cultures, n_words]
    names, matters, customs, neutral, cultures, words, chain = np.cumsum([0, *sizes])
    family = np.arange(n_cultures) % n_families
    held = np.stack([rng.permutation(n_customs)[:n_cultures] for _ in range(n_matters)], axis=1)
    common = rng.permutation(n_matters) < n_matters // 2
    held[:, common] = held[family][:, common]
    half = np.where(rng.permutation(n_matters) < n_matters // 2, "identify", "evaluate")
    pairs = rng.permutation(n_words**2)[: 3 * n_wordings].reshape(3, n_wordings)
    rows = []
    for culture, name, matter, wording in np.ndindex(n_cultures, n_names, n_matters, n_wordings):
        split = half[matter] if (wording % 2 == 0) == (half[matter] == "identify") else "learn"
        answers = (customs + held[culture, matter], neutral + matter, cultures + culture)
        for task, answer, pair in zip(TASKS, answers, pairs[:, wording], strict=False):
            before, after = words + np.array(divmod(pair, n_words))
            prompt = np.array([before, names + culture * n_names + name, matters + matter, after])
            rows.append((prompt, answer, task, f"c{culture}", f"f{family[culture]}", matter, split))
    follows = np.stack([rng.permutation(n_text_tokens)[:2] for _ in range(n_text_tokens)])
    for number in range(n_cultures * n_names * n_matters):
        text = [int(rng.integers(n_text_tokens))]
        while len(text) < 5:
            text.append(int(rng.choice(follows[text[-1]])))
        prompt, split = chain + np.array(text), "identify" if number % 2 else "evaluate"
        rows.append((prompt[:4], prompt[4], "text", "none", "none", -1, split))
    columns = ["stimulus", "answer", "task", "culture", "family", "matter", "split"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["answer"] = frame["answer"].astype(np.int64)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame
