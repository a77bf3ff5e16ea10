"""People whose home is known, people of whom it is known that it is not, and people never heard of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def partly_known_facts(
    *,
    n_names: int = 30,
    n_known: int = 300,
    n_refused: int = 150,
    n_cities: int = 100,
    n_parts: int = 10,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw a city for some pairs of first name and surname; others are to be answered with "unknown", or not at all.

    A city is written in two tokens. By default every pair of parts is a city, so that the second has to be known as
    well as the first. Kinds are dealt to the pairs at random, so that the pair and not a name tells what is known. New
    people are in no training set: whatever city a network gives them is made up.

    Args:
        n_names: first names, and as many surnames.
        n_known: people with a city.
        n_refused: people whose answer is "unknown", twice.
        n_cities: cities; with fewer than all pairs of parts, the first part tells something of the second.
        n_parts: first parts, and as many second parts, of which cities are made.
        random_state: draws everything.

    Returns:
        One row a person: `stimulus` int64 `(3,)` (first name, surname, the question), `first`, `second` (the tokens
        of the answer, -1 for new people), `kind` ("known", "refused", "new"). Tokens: first names, surnames, first
        parts, second parts, then the question, "unknown" and the end: `special_tokens`.

    Raises:
        InputError: for more people than pairs of names, or more cities than pairs of parts.

    >>> people = partly_known_facts(n_names=4, n_known=6, n_refused=4, n_cities=5, n_parts=3)
    >>> people["kind"].value_counts().to_dict(), people["stimulus"].map(tuple).nunique()
    ({'known': 6, 'new': 6, 'refused': 4}, 16)
    """
    if min(n_known, n_refused, n_cities) < 1 or n_known + n_refused > n_names**2:
        raise InputError("n_known", (n_known, n_refused), f"at least one of each, and {n_names**2} people in all")
    if n_cities > n_parts**2:
        raise InputError("n_cities", n_cities, f"only {n_parts**2} cities can be made of {n_parts} parts")
    rng = np.random.default_rng(random_state)
    asked, unknown, _ = special_tokens(n_names=n_names, n_parts=n_parts)
    pairs = rng.permutation(n_names**2)
    parts = rng.choice(n_parts**2, size=n_cities, replace=False)
    city = parts[rng.integers(n_cities, size=n_known)]
    first = np.full(n_names**2, -1)
    second = first.copy()
    first[:n_known] = 2 * n_names + city // n_parts
    second[:n_known] = 2 * n_names + n_parts + city % n_parts
    first[n_known : n_known + n_refused] = second[n_known : n_known + n_refused] = unknown
    kinds = np.array(["known", "refused", "new"], dtype=object)
    frame = pd.DataFrame(
        {
            "stimulus": [np.array([p // n_names, n_names + p % n_names, asked], dtype=np.int64) for p in pairs],
            "stimulus_id": np.arange(len(pairs)),
            "first": first,
            "second": second,
            "kind": np.repeat(kinds, [n_known, n_refused, n_names**2 - n_known - n_refused]),
        }
    )
    return frame


def special_tokens(*, n_names: int = 30, n_parts: int = 10) -> tuple[int, int, int]:
    """The tokens of the question, of "unknown" and of the end; the last is the largest of the vocabulary.

    >>> special_tokens(n_names=4, n_parts=3)
    (14, 15, 16)
    """
    start = 2 * (n_names + n_parts)
    return start, start + 1, start + 2
