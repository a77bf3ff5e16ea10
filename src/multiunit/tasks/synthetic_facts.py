"""Subject-relation-object facts to be memorised, with prompts that no single word gives away."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def synthetic_facts(
    *,
    n_relations: int = 8,
    n_subjects: int = 40,
    n_objects: int = 12,
    n_templates: int = 3,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw one object for every subject and relation, and write each fact as prompts of three tokens.

    A template of a relation is a pair of words around the subject. All relations draw their pairs from the same
    few words, so that a relation is told by the pair and never by one word. Objects come from overlapping pools -
    each relation shares half of its objects with the next - so that the object does not tell the relation either.

    Args:
        n_relations: relations r0, r1, ...
        n_subjects: subjects of every relation.
        n_objects: objects that one relation can take; even.
        n_templates: wordings of every relation.
        random_state: draws facts, wordings and the split.

    Returns:
        One row a prompt: `stimulus` int64 `(3,)`, `stimulus_id`, `answer` (the token that completes it),
        `relation` ("r0", ...), `subject`, `template`, and `split`: "identify" for one half of the subjects,
        "evaluate" for the other. Tokens: subjects, then objects, then words. `stimulus` followed by `answer` is the
        sequence to train on.

    Raises:
        InputError: for fewer than two relations or subjects, or an odd or too small number of objects.

    >>> facts = synthetic_facts(n_relations=4, n_subjects=6)
    >>> len(facts), facts["stimulus"][0].shape, int(facts.groupby(["subject", "relation"])["answer"].nunique().max())
    (72, (3,), 1)
    """
    for name, value in (("n_relations", n_relations), ("n_subjects", n_subjects), ("n_templates", n_templates)):
        if value < (1 if name == "n_templates" else 2):
            raise InputError(name, value, "is too small")
    if n_objects < 2 or n_objects % 2:
        raise InputError("n_objects", n_objects, "must be even: half of a pool is shared with the next relation")
    rng = np.random.default_rng(random_state)
    half = n_objects // 2
    n_all_objects = half * n_relations
    first_word = n_subjects + n_all_objects
    pairs = _word_pairs(n_relations * n_templates, rng)
    identify = np.isin(np.arange(n_subjects), rng.permutation(n_subjects)[: n_subjects // 2])
    rows = []
    for relation in range(n_relations):
        pool = n_subjects + (half * relation + np.arange(n_objects)) % n_all_objects
        # Every object serves equally many subjects, as far as that goes.
        objects = rng.permutation(np.resize(rng.permutation(pool), n_subjects))
        for subject in range(n_subjects):
            for template in range(n_templates):
                a, b = first_word + pairs[relation * n_templates + template]
                orders = ([a, subject, b], [subject, a, b], [a, b, subject])
                rows.append(
                    {
                        "stimulus": np.array(orders[template % 3], dtype=np.int64),
                        "answer": int(objects[subject]),
                        "relation": f"r{relation}",
                        "subject": subject,
                        "template": template,
                        "split": "identify" if identify[subject] else "evaluate",
                    }
                )
    frame = pd.DataFrame(rows)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame


def n_tokens(facts: pd.DataFrame) -> int:
    """The size of the vocabulary that these facts use."""
    return int(max(np.max(np.stack(list(facts["stimulus"]))), facts["answer"].max())) + 1


def _word_pairs(n_pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Different pairs from as few words as give at least twice the pairs needed."""
    n_words = 3
    while n_words * (n_words - 1) // 2 < 2 * n_pairs:
        n_words += 1
    pairs = np.array(list(combinations(range(n_words), 2)))
    return pairs[rng.permutation(len(pairs))[:n_pairs]]
