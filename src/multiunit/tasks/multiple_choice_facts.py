"""Facts of several domains, asked as questions with four options."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

N_OPTIONS = 4


def multiple_choice_facts(
    *,
    n_domains: int = 5,
    n_facts: int = 24,
    n_orders: int = 24,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw facts - an object for each subject - and ask for them with the right object among three of the same domain.

    The answer is one of four letters, the place of the right option. A fact keeps its options; only their order
    changes, so that every letter is right equally often and neither letter nor place says anything of the fact.

    Args:
        n_domains: domains; subjects and objects are their own.
        n_facts: facts of each, at least four.
        n_orders: orders of the options of each fact, of 24; every letter is right equally often in multiples of 4.
        random_state: draws facts, options and orders.

    Returns:
        One row a prompt: `stimulus` int64 `(7,)` (the domain's word, subject, four options, the question),
        `stimulus_id`, `answer` (the token of the letter), `query` ("d0/3", a fact), `domain` ("d0"), `order`. Tokens:
        subjects, objects, domain words, the question, the four letters, which end the vocabulary.

    Raises:
        InputError: for fewer than one domain, four facts or one order, or more than 24 orders.

    >>> asked = multiple_choice_facts(n_domains=2, n_facts=5, n_orders=8)
    >>> len(asked), asked["query"].nunique(), asked.groupby("query")["answer"].value_counts().unique().tolist()
    (80, 10, [2])
    """
    if n_domains < 1 or n_facts < N_OPTIONS or not 1 <= n_orders <= 24:
        values = (n_domains, n_facts, n_orders)
        raise InputError("n_domains, n_facts, n_orders", values, "needs at least 1, 4 and 1, and at most 24 orders")
    rng = np.random.default_rng(random_state)
    n_all = n_domains * n_facts
    asked = 2 * n_all + n_domains
    every = np.array(list(permutations(range(N_OPTIONS))))
    rows = []
    for domain in range(n_domains):
        objects = n_all + domain * n_facts + rng.permutation(n_facts)
        for fact in range(n_facts):
            others = rng.choice(np.delete(objects, fact), size=N_OPTIONS - 1, replace=False)
            options = np.append(objects[fact], others)
            for number, order in enumerate(_orders(every, n_orders, rng)):
                prompt = [2 * n_all + domain, domain * n_facts + fact, *options[order], asked]
                rows.append(
                    {
                        "stimulus": np.array(prompt, dtype=np.int64),
                        "answer": asked + 1 + int(np.flatnonzero(order == 0)[0]),
                        "query": f"d{domain}/{fact}",
                        "domain": f"d{domain}",
                        "order": number,
                    }
                )
    frame = pd.DataFrame(rows)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame


def _orders(every: np.ndarray, n_orders: int, rng: np.random.Generator) -> np.ndarray:
    """Orders in which the right option takes the four places in turn."""
    by_place = [rng.permutation(np.flatnonzero(every[:, place] == 0)) for place in range(N_OPTIONS)]
    return every[np.stack(by_place, axis=1).ravel()[:n_orders]]
