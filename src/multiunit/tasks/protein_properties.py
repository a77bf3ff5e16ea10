"""Biochemical properties of a protein from its sequence alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from multiunit.core.errors import InputError

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"

# Kyte & Doolittle 1982, table 2.
HYDROPATHY: Mapping[str, float] = {
    "A": 1.8, "C": 2.5, "D": -3.5, "E": -3.5, "F": 2.8, "G": -0.4, "H": -3.2, "I": 4.5, "K": -3.9, "L": 3.8,
    "M": 1.9, "N": -3.5, "P": -1.6, "Q": -3.5, "R": -4.5, "S": -0.8, "T": -0.7, "V": 4.2, "W": -0.9, "Y": -1.3,
}  # fmt: skip
# Average masses of the free amino acids and of water, in dalton.
_MASS: Mapping[str, float] = {
    "A": 89.0932, "C": 121.1582, "D": 133.1027, "E": 147.1293, "F": 165.1891, "G": 75.0666, "H": 155.1546,
    "I": 131.1729, "K": 146.1876, "L": 131.1729, "M": 149.2113, "N": 132.1179, "P": 115.1305, "Q": 146.1445,
    "R": 174.201, "S": 105.0926, "T": 119.1192, "V": 117.1463, "W": 204.2252, "Y": 181.1885,
}  # fmt: skip
_WATER = 18.0153
# pK values of Bjellqvist et al. 1993; those of the ends are the ones for any residue.
_ACIDS = {"D": 4.05, "E": 4.45, "C": 9.0, "Y": 10.0}
_BASES = {"K": 10.0, "R": 12.0, "H": 5.98}
_CARBOXYL_END, _AMINO_END = 3.55, 7.5
# Chou & Fasman 1978: how much more often a residue stands in a helix, in a strand, in a turn than anywhere.
PROPENSITY: Mapping[str, Mapping[str, float]] = {
    "helix": {
        "A": 1.42, "C": 0.70, "D": 1.01, "E": 1.51, "F": 1.13, "G": 0.57, "H": 1.00, "I": 1.08, "K": 1.16, "L": 1.21,
        "M": 1.45, "N": 0.67, "P": 0.57, "Q": 1.11, "R": 0.98, "S": 0.77, "T": 0.83, "V": 1.06, "W": 1.08, "Y": 0.69,
    },
    "strand": {
        "A": 0.83, "C": 1.19, "D": 0.54, "E": 0.37, "F": 1.38, "G": 0.75, "H": 0.87, "I": 1.60, "K": 0.74, "L": 1.30,
        "M": 1.05, "N": 0.89, "P": 0.55, "Q": 1.10, "R": 0.93, "S": 0.75, "T": 1.19, "V": 1.70, "W": 1.37, "Y": 1.47,
    },
    "turn": {
        "A": 0.66, "C": 1.19, "D": 1.46, "E": 0.74, "F": 0.60, "G": 1.56, "H": 0.95, "I": 0.47, "K": 1.01, "L": 0.59,
        "M": 0.60, "N": 1.56, "P": 1.52, "Q": 0.98, "R": 0.95, "S": 1.43, "T": 0.96, "V": 0.50, "W": 0.96, "Y": 1.14,
    },
}  # fmt: skip
# Guruprasad et al. 1990: the weight of a residue followed by another; pairs that are not listed have 1.
_INSTABILITY = {
    "A": "C44.94 D-7.49 H-7.49 P20.26",
    "C": "D20.26 H33.6 L20.26 M33.6 P20.26 Q-6.54 T33.6 V-6.54 W24.68",
    "D": "F-6.54 K-7.49 R-6.54 S20.26 T-14.03",
    "E": "C44.94 D20.26 E33.6 H-6.54 I20.26 P20.26 Q20.26 S20.26 W-14.03",
    "F": "D13.34 K-14.03 P20.26 Y33.601",
    "G": "A-7.49 E-6.54 G13.34 I-7.49 K-7.49 N-7.49 T-7.49 W13.34 Y-7.49",
    "H": "F-9.37 G-9.37 I44.94 K24.68 N24.68 P-1.88 T-6.54 W-1.88 Y44.94",
    "I": "E44.94 H13.34 K-7.49 L20.26 P-1.88 V-7.49",
    "K": "G-7.49 I-7.49 L-7.49 M33.6 P-6.54 Q24.64 R33.6 V-7.49",
    "L": "K-7.49 P20.26 Q33.6 R20.26 W24.68",
    "M": "A13.34 H58.28 M-1.88 P44.94 Q-6.54 R-6.54 S44.94 T-1.88 Y24.68",
    "N": "C-1.88 F-14.03 G-14.03 I44.94 K24.68 P-1.88 Q-6.54 T-7.49 W-9.37",
    "P": "A20.26 C-6.54 D-6.54 E18.38 F20.26 M-6.54 P20.26 Q20.26 R-6.54 S20.26 V20.26 W-1.88",
    "Q": "C-6.54 D20.26 E20.26 F-6.54 P20.26 Q20.26 S44.94 V-6.54 Y-6.54",
    "R": "G-7.49 H20.26 N13.34 P20.26 Q20.26 R58.28 S44.94 W58.28 Y-6.54",
    "S": "C33.6 E20.26 P44.94 Q20.26 R20.26 S20.26",
    "T": "E20.26 F13.34 G-7.49 N-14.03 Q-6.54 W-14.03",
    "V": "D-14.03 G-7.49 K-1.88 P20.26 T-7.49 Y-6.54",
    "W": "A-14.03 G-9.37 H24.68 L13.34 M24.68 N13.34 T-14.03 V-7.49",
    "Y": "A24.68 D24.68 E-6.54 G-7.49 H13.34 M44.94 P13.34 R-15.91 T-7.49 W-9.37 Y13.34",
}
_PAIR = {first + entry[0]: float(entry[1:]) for first, row in _INSTABILITY.items() for entry in row.split()}
_ZINC_FINGER = re.compile(r"C.{2,4}C.{12}H.{3,5}H")


def protein_properties(sequence: str, *, ph: float = 7.0) -> dict[str, float]:
    """Mass, charge, hydropathy, aromaticity, instability and structural propensities of a chain.

    Args:
        sequence: one-letter codes of the twenty amino acids.
        ph: at which the charge is taken.

    Returns:
        `mass` (Da, average isotopes); `charge` = sum 1/(1 + 10^(pH - pK)) over bases - sum 1/(1 + 10^(pK - pH)) over
        acids, both ends included (elementary charges); `gravy`, mean hydropathy; `aromaticity`, the share of F, W
        and Y; `instability` = 10/n times the sum of the weights of neighbours, unstable above 40; `helix_propensity`,
        `strand_propensity`, means over residues; `zinc_finger`, 1 if the chain holds C-x(2,4)-C-x(12)-H-x(3,5)-H.

    Raises:
        InputError: for an empty chain or another letter.

    Source: Kyte & Doolittle 1982 (gravy); Bjellqvist et al. 1993 (pK); Lobry & Gautier 1994 (aromaticity); Guruprasad
    et al. 1990 (instability); Chou & Fasman 1978 (propensities).

    >>> found = protein_properties("KKKK")
    >>> found["gravy"], round(found["charge"], 1)
    (-3.9, 3.8)
    """
    wrong = [letter for letter in sequence if letter not in HYDROPATHY]
    if not sequence or wrong:
        raise InputError("sequence", wrong[0] if wrong else "(empty)", f"needs letters of {AMINO_ACIDS}")
    n = len(sequence)
    count = {letter: sequence.count(letter) for letter in AMINO_ACIDS}
    positive = sum(count[a] / (1 + 10 ** (ph - pk)) for a, pk in _BASES.items()) + 1 / (1 + 10 ** (ph - _AMINO_END))
    negative = sum(count[a] / (1 + 10 ** (pk - ph)) for a, pk in _ACIDS.items()) + 1 / (1 + 10 ** (_CARBOXYL_END - ph))
    return {
        "mass": sum(_MASS[a] * c for a, c in count.items()) - (n - 1) * _WATER,
        "charge": positive - negative,
        "gravy": sum(HYDROPATHY[a] * c for a, c in count.items()) / n,
        "aromaticity": sum(count[a] for a in "FWY") / n,
        "instability": 10 / n * sum(_PAIR.get(sequence[i : i + 2], 1.0) for i in range(n - 1)),
        "helix_propensity": sum(PROPENSITY["helix"][a] for a in sequence) / n,
        "strand_propensity": sum(PROPENSITY["strand"][a] for a in sequence) / n,
        "zinc_finger": float(bool(_ZINC_FINGER.search(sequence))),
    }
