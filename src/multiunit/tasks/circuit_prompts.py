"""Published prompts of two circuits - indirect objects, later years - word by word, and texts to learn them from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError
from multiunit.tasks.data_folder import data_folder

_WORD = re.compile(r"\d\d|[^\W\d]+|[^\w\s]")


class CircuitPrompts(NamedTuple):
    """Pairs of prompts in numbers.

    Args:
        pairs: one row a pair: `clean`, `corrupted` (int64 token numbers), `answer`, `foil`, and `slots`, positions of
            what can be exchanged: of the indirect object and of the subject, or of the year.
        vocabulary: the words, by token number.
        fillers: token numbers that the slots are filled with: the names, or the years 01 to 99 in order.
    """

    pairs: pd.DataFrame
    vocabulary: list[str]
    fillers: np.ndarray


def circuit_prompts(task: str, *, random_state: int | np.random.Generator = 0) -> CircuitPrompts:
    """Read the prompts of a circuit from the folder `prompts_circuits` of the real data.

    - `ioi`: "Then, A and B were working at the house. A decided to give a drink to" -> B, foil A; corrupted: a third
      name gives, so that either may be meant.
    - `greater_than`: "The plan lasted from the year 16 42 to the year 16" -> any later year, foil any year but later,
      both drawn for each pair; corrupted: from the year 01.

    Words, marks and pairs of digits are tokens.

    Args:
        task: one of these.
        random_state: draws answers and foils of `greater_than`.

    Raises:
        InputError: for an unknown task, absent data, or a prompt of another form.

    Source: prompts of Wang et al. 2022, arXiv:2211.00593, and Hanna et al. 2023, arXiv:2305.00586,
    both as handed on by Hanna et al. 2024, arXiv:2403.17806.

    >>> from multiunit.tasks.circuit_prompts import tokenise
    >>> tokenise("The plan lasted from the year 1642 to the year 16")[-6:]
    ['16', '42', 'to', 'the', 'year', '16']
    """
    readers: dict[str, tuple[str, Callable[..., list[tuple]]]] = {
        "ioi": ("ioi_llama.csv", _ioi),
        "greater_than": ("greater_than_data.csv", _greater_than),
    }
    if task not in readers:
        raise InputError("task", task, f"must be one of {', '.join(readers)}")
    name, read = readers[task]
    path: Path = data_folder("prompts_circuits") / name
    if not path.exists():
        raise InputError("task", task, f"there is no {name} in the data folder prompts_circuits")
    table = pd.read_csv(path, dtype=str)
    texts = [[tokenise(text) for text in table[column]] for column in ("clean", "corrupted")]
    years = [f"{year:02d}" for year in range(1, 100)]
    rows = read(*texts, np.random.default_rng(random_state))
    words = {word for both in texts for text in both for word in text}
    third = {b for pair in zip(*texts, strict=True) for a, b in zip(*pair, strict=True) if a != b}
    names = sorted(third | {row[k] for row in rows for k in (0, 1)}) if task == "ioi" else years
    vocabulary = sorted(words | set(names))
    number = {word: k for k, word in enumerate(vocabulary)}
    pairs = pd.DataFrame(
        {
            "clean": [np.array([number[word] for word in text]) for text in texts[0]],
            "corrupted": [np.array([number[word] for word in text]) for text in texts[1]],
            "answer": [number[answer] for answer, _, _ in rows],
            "foil": [number[foil] for _, foil, _ in rows],
            "slots": [slots for _, _, slots in rows],
        }
    )
    return CircuitPrompts(pairs, vocabulary, np.array([number[name] for name in names]))


def circuit_texts(
    prompts: CircuitPrompts, n_texts: int, *, random_state: int | np.random.Generator = 0
) -> list[np.ndarray]:
    """Write answered prompts to learn from: the clean prompts, each slot filled anew, and the answer to that.

    Args:
        prompts: of `circuit_prompts`, or some of its pairs.
        n_texts: texts, each from a random pair.
        random_state: seed or generator.

    Returns:
        int64 token numbers, one array a text; the last one is the answer: the name that is not repeated, or any later
        year.

    Raises:
        InputError: for no texts.
    """
    if n_texts < 1:
        raise InputError("n_texts", n_texts, "must be at least 1")
    rng = np.random.default_rng(random_state)
    texts = []
    for row in rng.integers(len(prompts.pairs), size=n_texts):
        text, slots = prompts.pairs["clean"].iloc[row].copy(), prompts.pairs["slots"].iloc[row]
        if len(slots) == 1:
            first, second = np.sort(rng.choice(len(prompts.fillers), size=2, replace=False))
            text[slots[0]], answer = prompts.fillers[first], prompts.fillers[second]
        else:
            drawn = rng.choice(prompts.fillers, size=2, replace=False)
            for places, name in zip(slots, drawn, strict=True):
                text[places] = name
            answer = drawn[0]
        texts.append(np.append(text, answer))
    return texts


def tokenise(text: str) -> list[str]:
    """Words, pairs of digits and marks."""
    return _WORD.findall(text)


def _ioi(clean: list[list[str]], corrupted: list[list[str]], _: np.random.Generator) -> list[tuple]:
    """The indirect object, the subject, and where they stand."""
    rows = []
    for text, other in zip(clean, corrupted, strict=True):
        differ = [k for k, (a, b) in enumerate(zip(text, other, strict=False)) if a != b]
        if len(differ) != 1 or len(text) != len(other):
            raise InputError("ioi", " ".join(text), "clean and corrupted must differ in one word")
        subject, link = text[differ[0]], text.index("and")
        named = {text[link - 1], text[link + 1]}
        if subject not in named or len(named) != 2:
            raise InputError("ioi", " ".join(text), "needs 'A and B' and one of them again")
        (giver,) = named - {subject}
        places = [[k for k, word in enumerate(text) if word == name] for name in (giver, subject)]
        rows.append((giver, subject, places))
    return rows


def _greater_than(clean: list[list[str]], corrupted: list[list[str]], rng: np.random.Generator) -> list[tuple]:
    """A later year, one that is not later, and where the year stands."""
    rows = []
    for text, other in zip(clean, corrupted, strict=True):
        place = text.index("year") + 2 if "year" in text else -1
        if len(text) != len(other) or not 0 < place < len(text) or not text[place].isdigit():
            raise InputError("greater_than", " ".join(text), "needs '... the year 1642 to the year 16'")
        year = int(text[place])
        if not 1 < year < 99:
            raise InputError("greater_than", " ".join(text), "its year must lie between 02 and 98")
        rows.append((f"{rng.integers(year + 1, 100):02d}", f"{rng.integers(2, year + 1):02d}", [[place]]))
    return rows
