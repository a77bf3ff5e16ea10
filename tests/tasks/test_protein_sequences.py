import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.protein_properties import AMINO_ACIDS, HYDROPATHY, protein_properties
from multiunit.tasks.protein_sequences import (
    MASK,
    SEGMENTS,
    decode_protein,
    encode_protein,
    protein_sequences,
    residue_probabilities,
)


def test_columns_agree_with_the_sequence():
    frame = protein_sequences(40, length=(30, 60), random_state=2)
    assert frame["sequence"].str.len().between(30, 60).all()
    assert frame["sequence"].str.len().nunique() > 5
    for row in frame.itertuples():
        assert decode_protein(row.stimulus) == row.sequence
        assert len(row.structure) == len(row.sequence)
        assert protein_properties(row.sequence)["charge"] == row.charge
        assert row.share_helix == row.structure.count("H") / len(row.structure)
    shares = frame[[f"share_{name}" for name in SEGMENTS]].sum(axis=1)
    assert np.allclose(shares, 1)


def test_segments_have_their_residues():
    frame = protein_sequences(300, zinc_share=0.0, random_state=1)
    residues = {letter: "" for letter, _, _ in SEGMENTS.values()}
    for row in frame.itertuples():
        for residue, letter in zip(row.sequence, row.structure, strict=True):
            residues[letter] += residue

    def share(letter, of):
        return np.mean([residue in of for residue in residues[letter]])

    assert share("+", "KR") > 0.5 > 0.1 > share("-", "KR")
    assert share("-", "DE") > 0.5
    hydropathy = {letter: np.mean([HYDROPATHY[r] for r in there]) for letter, there in residues.items()}
    assert max(hydropathy, key=hydropathy.get) == "M"
    for letter, name in (("H", "helix"), ("C", "coil")):
        expected = residue_probabilities(name)
        found = np.array([share(letter, a) for a in AMINO_ACIDS])
        assert np.abs(found - expected).max() < 0.04


def test_helices_have_a_hydrophobic_side():
    """The hydropathy of helix residues repeats after 3.6 residues: more alike four apart than two apart."""
    frame = protein_sequences(300, zinc_share=0.0, amphipathy=3.0, random_state=3)
    products = {2: [], 4: []}
    for row in frame.itertuples():
        values = np.array([HYDROPATHY[r] for r in row.sequence])
        for lag in products:
            inside = [row.structure[i : i + lag + 1] == "H" * (lag + 1) for i in range(len(values) - lag)]
            products[lag] += list((values[:-lag] * values[lag:])[inside])
    assert np.mean(products[4]) > np.mean(products[2]) + 0.5


def test_zinc_fingers_are_where_they_are_said_to_be():
    frame = protein_sequences(60, zinc_share=0.25, random_state=5)
    assert (frame["zinc_start"] >= 0).sum() == 15
    for row in frame[frame["zinc_start"] >= 0].itertuples():
        assert row.sequence[row.zinc_start] == "C"
        assert row.zinc_finger == 1


def test_seed_and_codes():
    a, b, c = (protein_sequences(5, random_state=seed)["sequence"].tolist() for seed in (0, 0, 1))
    assert a == b != c
    assert decode_protein(np.append(encode_protein("AC"), MASK)) == "ACX"


def test_errors():
    for options, name in (
        ({"length": 20}, "length"),
        ({"length": (40, 30)}, "length"),
        ({"zinc_share": 1.2}, "n_sequences"),
        ({"diversity": 0.0}, "diversity"),
    ):
        with pytest.raises(InputError, match=name):
            protein_sequences(3, **options)
    with pytest.raises(InputError, match="segment"):
        residue_probabilities("knot")
    with pytest.raises(InputError, match="sequence"):
        encode_protein("AB")
