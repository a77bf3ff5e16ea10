"""Handwritten digits in several styles, each under a prompt that names some of what it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError
from multiunit.tasks.digits import digits

# Word 0 says nothing; the others name a digit, a contrast, an orientation.
WORDS = ("", *map(str, range(10)), "plain", "inverted", "upright", "turned")
CONTRASTS, ORIENTATIONS = ("plain", "inverted"), ("upright", "turned")


def captioned_digits(
    *,
    omitted: float = 0.3,
    test_fraction: float = 0.25,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Give every digit of scikit-learn in all four styles, under prompts that leave words out at random.

    Args:
        omitted: probability that a prompt does not mention the digit, the contrast or the orientation, each.
        test_fraction: share of each digit's images held out; an image is held out in all its styles.
        random_state: draws the split and the omissions.

    Returns:
        One row an image in a style: `stimulus` float32 `(64,)` in [-1, 1]; `prompt` int64 `(3,)`, places in `WORDS`;
        `digit`, `contrast` ("plain", "inverted"), `orientation` ("upright", "turned": 90 degrees), `image`, `split`.

    Raises:
        InputError: for a probability outside [0, 1), or as `digits`.

    >>> frame = captioned_digits(omitted=0.0)
    >>> row = frame[(frame["contrast"] == "inverted") & (frame["digit"] == "3")].iloc[0]
    >>> len(frame), [WORDS[word] for word in row["prompt"]]
    (7188, ['3', 'inverted', 'upright'])
    """
    if not 0 <= omitted < 1:
        raise InputError("omitted", omitted, "a probability, below 1")
    rng = np.random.default_rng(random_state)
    base = digits(test_fraction=test_fraction, random_state=rng)
    pieces = []
    for contrast in CONTRASTS:
        for orientation in ORIENTATIONS:
            images = 2 * np.stack(list(base["stimulus"]))[:, 0] - 1
            if orientation == "turned":
                images = np.rot90(images, axes=(1, 2))
            images = (images if contrast == "plain" else -images).reshape(len(base), -1)
            columns = {"digit": base["digit"], "contrast": contrast, "orientation": orientation}
            piece = pd.DataFrame({**columns, "image": base["stimulus_id"], "split": base["split"]})
            said = prompts(piece)
            said[rng.random(said.shape) < omitted] = 0
            pieces.append(piece.assign(stimulus=list(images), prompt=list(said)))
    return pd.concat(pieces, ignore_index=True)


def prompts(frame: pd.DataFrame) -> np.ndarray:
    """The full prompt of each row, `(row, 3)`, from its columns `digit`, `contrast` and `orientation`.

    >>> prompts(pd.DataFrame({"digit": ["0"], "contrast": ["plain"], "orientation": ["turned"]})).tolist()
    [[1, 11, 14]]
    """
    place = {word: number for number, word in enumerate(WORDS)}
    columns = ["digit", "contrast", "orientation"]
    return np.stack([frame[name].map(place).to_numpy(np.int64) for name in columns], axis=1)
