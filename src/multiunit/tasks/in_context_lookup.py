"""Prompts that are completed by looking back - by who was named, by what was asked, by place - or by counting on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

# Tokens: one kind after the other.
_SIZES = {"name": 20, "object": 12, "colour": 12, "letter": 20, "number": 20, "word": 8}
_START = dict(zip(_SIZES, np.cumsum([0, *_SIZES.values()]).tolist(), strict=False))
N_TOKENS = sum(_SIZES.values())
NUMBERS = range(_START["number"], _START["number"] + _SIZES["number"])
_WORDS = {
    word: _START["word"] + k for k, word in enumerate(["who", "and", "gave", "which", "query", "where", "from", "to"])
}
# The place of the letter that is asked for, and the letters of a prompt.
_INDEX, _N_LETTERS = 3, 6
_N_OBJECTS = 3


def in_context_lookup(task: str, n_pairs: int, *, random_state: int | np.random.Generator = 0) -> pd.DataFrame:
    """Write pairs of prompts, alike but for the least that gives another answer.

    - `names`: "who A and B . A gave" -> B, the name that is not repeated, in either order; corrupted: B repeated.
    - `colours`: "which" three objects, each with its colour, "query" one of them -> its colour; corrupted: another one
      is asked for.
    - `place`: "where" six letters -> always the fourth; corrupted: it has changed places with another one.
    - `greater`: "from" a number "to" -> any larger number; corrupted: the smallest number.

    Args:
        task: one of these.
        n_pairs: pairs.
        random_state: seed or generator.

    Returns:
        One row a pair: `clean`, `corrupted` (int64 token numbers, below `N_TOKENS`), `answer` and `foil`, the answer of
        the corrupted prompt - of `greater` some larger number, and the number itself - and `key`, the position
        of what has to be copied (-1 where nothing is), with `others`, a list of positions of what could be
        copied instead.

    Raises:
        InputError: for an unknown task or no pairs.

    Source: `names` after the indirect objects of Wang et al. 2022, arXiv:2211.00593; `colours` after the coloured
    objects of Merullo et al. 2024, arXiv:2310.08744; `greater` after Hanna et al. 2023, arXiv:2305.00586.

    >>> pair = in_context_lookup("colours", 1).iloc[0]
    >>> bool(pair["clean"][pair["key"]] == pair["answer"]), int((pair["clean"] != pair["corrupted"]).sum())
    (True, 1)
    """
    makers: dict[str, Callable[[np.random.Generator], tuple]] = {
        "names": _names, "colours": _colours, "place": _place, "greater": _greater,
    }  # fmt: skip
    if task not in makers:
        raise InputError("task", task, f"must be one of {', '.join(makers)}")
    if n_pairs < 1:
        raise InputError("n_pairs", n_pairs, "must be at least 1")
    rng = np.random.default_rng(random_state)
    columns = ["clean", "corrupted", "answer", "foil", "key", "others"]
    rows = [dict(zip(columns, makers[task](rng), strict=True)) for _ in range(n_pairs)]
    return pd.DataFrame(rows).assign(task=task)


def _draw(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    return _START[kind] + rng.permutation(_SIZES[kind])[:n]


def _names(rng: np.random.Generator) -> tuple:
    answer, repeated = _draw(rng, "name", 2)
    swapped = bool(rng.integers(2))
    first, second = (answer, repeated) if swapped else (repeated, answer)
    start = [_WORDS["who"], first, _WORDS["and"], second, _WORDS["and"]]
    clean, corrupted = (np.array([*start, name, _WORDS["gave"]], dtype=np.int64) for name in (repeated, answer))
    return clean, corrupted, int(answer), int(repeated), 1 if swapped else 3, [3 if swapped else 1]


def _colours(rng: np.random.Generator) -> tuple:
    objects, colours = _draw(rng, "object", _N_OBJECTS), _draw(rng, "colour", _N_OBJECTS)
    asked, other = rng.permutation(_N_OBJECTS)[:2]
    start = [_WORDS["which"], *np.stack([objects, colours], axis=1).ravel(), _WORDS["query"]]
    clean, corrupted = (np.array([*start, objects[k]], dtype=np.int64) for k in (asked, other))
    others = [2 + 2 * int(k) for k in range(_N_OBJECTS) if k != asked]
    return clean, corrupted, int(colours[asked]), int(colours[other]), 2 + 2 * int(asked), others


def _place(rng: np.random.Generator) -> tuple:
    letters = _draw(rng, "letter", _N_LETTERS)
    other = int(rng.choice(np.delete(np.arange(_N_LETTERS), _INDEX)))
    swapped = letters.copy()
    swapped[[_INDEX, other]] = letters[[other, _INDEX]]
    clean, corrupted = (
        np.array([_WORDS["where"], *row, _WORDS["query"]], dtype=np.int64) for row in (letters, swapped)
    )
    others = [1 + k for k in range(_N_LETTERS) if k != _INDEX]
    return clean, corrupted, int(letters[_INDEX]), int(letters[other]), 1 + _INDEX, others


def _greater(rng: np.random.Generator) -> tuple:
    n = _SIZES["number"]
    low = int(rng.integers(1, n - 1))
    answer = int(rng.integers(low + 1, n))
    clean, corrupted = (np.array([_WORDS["from"], NUMBERS.start + k, _WORDS["to"]], dtype=np.int64) for k in (low, 0))
    return clean, corrupted, NUMBERS.start + answer, NUMBERS.start + low, -1, []
