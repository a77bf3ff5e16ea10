"""Protein-like sequences whose segments, motifs and properties are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError
from multiunit.tasks.protein_properties import AMINO_ACIDS, HYDROPATHY, PROPENSITY, protein_properties

MASK = len(AMINO_ACIDS)
N_TOKENS = MASK + 1
# Shares of the amino acids in Swiss-Prot, in the order of AMINO_ACIDS, in percent.
_SHARE = np.array(
    [8.25, 1.38, 5.46, 6.71, 3.86, 7.07, 2.27, 5.91, 5.80, 9.65,
     2.41, 4.06, 4.74, 3.93, 5.53, 6.65, 5.36, 6.86, 1.10, 2.92]
)  # fmt: skip
_HYDROPATHY = np.array([HYDROPATHY[a] for a in AMINO_ACIDS])
# Letter of a segment, its mean length in residues, and after how many degrees its hydrophobic side comes again.
SEGMENTS = {
    "helix": ("H", 12, 100.0),
    "strand": ("E", 6, 180.0),
    "coil": ("C", 6, 0.0),
    "membrane": ("M", 18, 0.0),
    "positive": ("+", 6, 0.0),
    "negative": ("-", 6, 0.0),
}


def residue_probabilities(segment: str, *, sharpness: float = 2.0) -> np.ndarray:
    """The probability of every amino acid in a segment, `(20,)` in the order of `AMINO_ACIDS`.

    p(a) ~ share(a) w(a)^sharpness with the Chou-Fasman propensity as w in helix, strand and coil (turn); in membranes
    w = exp(hydropathy / 4); in charged segments w is 4 for residues of that charge and 1/2 for those of the other.

    Raises:
        InputError: for an unknown segment.

    >>> AMINO_ACIDS[int(residue_probabilities("positive").argmax())]
    'K'
    """
    if segment not in SEGMENTS:
        raise InputError("segment", segment, f"must be one of {', '.join(SEGMENTS)}")
    if segment in ("helix", "strand", "coil"):
        table = PROPENSITY["turn" if segment == "coil" else segment]
        weight = np.array([table[a] for a in AMINO_ACIDS])
    elif segment == "membrane":
        weight = np.exp(_HYDROPATHY / 4)
    else:
        mine, other = ("KR", "DE") if segment == "positive" else ("DE", "KR")
        weight = np.array([4.0 if a in mine else 0.5 if a in other else 1.0 for a in AMINO_ACIDS])
    raw = _SHARE * weight**sharpness
    return raw / raw.sum()


def protein_sequences(
    n_sequences: int,
    *,
    length: int | tuple[int, int] = 48,
    zinc_share: float = 0.15,
    diversity: float = 0.7,
    sharpness: float = 2.0,
    amphipathy: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Draw sequences of segments - helix, strand, coil, membrane, positive, negative - some with a zinc finger.

    A semi-Markov chain: each sequence draws its own mixture of segments (Dirichlet), each segment a geometric length
    and its residues from `residue_probabilities`; helices and strands have a hydrophobic side, weights
    exp(amphipathy * hydropathy/4 * cos(angle * i + phase)). A zinc finger is C-x(2,4)-C-x(12)-H-x(3,5)-H written over
    the residues at a random place.

    Args:
        n_sequences: rows.
        length: residues of every sequence, or the least and the most.
        zinc_share: share of sequences in which a zinc finger is planted.
        diversity: concentration of the Dirichlet; small values make sequences of nearly one kind of segment.
        sharpness: how far residues tell the segment.
        amphipathy: how hydrophobic the one side of helices and strands is.
        random_state: seed or generator.

    Returns:
        One row a sequence: `stimulus` int64 tokens (places in `AMINO_ACIDS`; `MASK` is the number after them),
        `stimulus_id`, `sequence`, `structure` (one letter a residue, see `SEGMENTS`), `share_helix` and so on for each
        segment, `zinc_start` (-1 without one), and all of `protein_properties`.

    Raises:
        InputError: for no sequences, lengths that are too short (26 with zinc fingers, else 2), or a share outside
            [0, 1].

    >>> frame = protein_sequences(50, zinc_share=0.5)
    >>> planted = frame["zinc_start"] >= 0
    >>> int(planted.sum()), bool(frame.loc[planted, "zinc_finger"].all()), len(frame["sequence"][0])
    (25, True, 48)
    """
    low, high = (length, length) if isinstance(length, int) else length
    if n_sequences < 1 or not 0 <= zinc_share <= 1:
        raise InputError("n_sequences", (n_sequences, zinc_share), "at least one sequence, and a share from 0 to 1")
    if low < (26 if zinc_share else 2) or high < low:
        raise InputError("length", length, "at least 26 residues with zinc fingers, else 2; the least comes first")
    if min(diversity, sharpness) <= 0:
        raise InputError("diversity", (diversity, sharpness), "diversity and sharpness must be above 0")
    rng = np.random.default_rng(random_state)
    names = list(SEGMENTS)
    tables = {name: residue_probabilities(name, sharpness=sharpness) for name in names}
    with_zinc = np.zeros(n_sequences, dtype=bool)
    with_zinc[rng.permutation(n_sequences)[: round(zinc_share * n_sequences)]] = True
    rows = []
    for zinc in with_zinc:
        n = int(rng.integers(low, high + 1))
        mixture = rng.dirichlet(np.full(len(names), diversity))
        tokens: list[int] = []
        structure = ""
        while len(tokens) < n:
            name = names[int(rng.choice(len(names), p=mixture))]
            letter, mean, angle = SEGMENTS[name]
            size = min(int(rng.geometric(1 / mean)), n - len(tokens))
            tokens += _residues(tables[name], size, np.deg2rad(angle), amphipathy, rng).tolist()
            structure += letter * size
        start = _plant_zinc(tokens, rng) if zinc else -1
        sequence = "".join(AMINO_ACIDS[token] for token in tokens)
        shares = {f"share_{name}": structure.count(SEGMENTS[name][0]) / n for name in names}
        row = {"stimulus": np.array(tokens), "sequence": sequence, "structure": structure, "zinc_start": start}
        rows.append(row | shares | protein_properties(sequence))
    return pd.DataFrame(rows).assign(stimulus_id=np.arange(n_sequences))


def encode_protein(sequence: str) -> np.ndarray:
    """Tokens of a chain, int64 `(residue,)`.

    Raises:
        InputError: for a letter that is no amino acid.

    >>> decode_protein(encode_protein("MKV"))
    'MKV'
    """
    tokens = [AMINO_ACIDS.find(letter) for letter in sequence]
    if -1 in tokens:
        raise InputError("sequence", sequence[tokens.index(-1)], f"needs letters of {AMINO_ACIDS}")
    return np.array(tokens, dtype=np.int64)


def decode_protein(tokens: np.ndarray) -> str:
    """The chain of tokens; a masked residue is written as X."""
    return "".join((AMINO_ACIDS + "X")[token] for token in tokens)


def _residues(table: np.ndarray, size: int, angle: float, amphipathy: float, rng: np.random.Generator) -> np.ndarray:
    tilt = np.zeros(size)
    if angle:
        tilt = amphipathy * np.cos(angle * np.arange(size) + rng.uniform(0, 2 * np.pi))
    raw = table * np.exp(tilt[:, None] * _HYDROPATHY / 4)
    edges = np.cumsum(raw / raw.sum(axis=1, keepdims=True), axis=1)
    drawn = (rng.random(size)[:, None] > edges).sum(axis=1)
    return np.minimum(drawn, len(AMINO_ACIDS) - 1)


def _plant_zinc(tokens: list[int], rng: np.random.Generator) -> int:
    """Write the four residues that bind the zinc into the sequence; the place of the first."""
    gaps = (int(rng.integers(2, 5)), 12, int(rng.integers(3, 6)))
    places = np.cumsum([0, *(gap + 1 for gap in gaps)])
    start = int(rng.integers(len(tokens) - places[-1]))
    for place, letter in zip(places, "CCHH", strict=True):
        tokens[start + place] = AMINO_ACIDS.index(letter)
    return start
