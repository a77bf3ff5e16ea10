import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.protein_properties import AMINO_ACIDS, protein_properties

# The example of Biopython's ProtParam module, with the values printed there.
CHAIN = (
    "MAEGEITTFTALTEKFNLPPGNYKKPKLLYCSNGGHFLRILPDGTVDGTRDRSDQHIQLQLSAESVGEVYIKSTETGQYLAMDTSGLLYGSQTPSEEC"
    "LFLERLEENHYNTYTSKKHAEKNWFVGLKKNGSCKRGPRTHYGQKAILFLPLPV"
)


def test_mass_aromaticity_and_instability_are_those_of_biopython():
    found = protein_properties(CHAIN)
    assert found["mass"] == pytest.approx(17103.16, abs=0.01)
    assert found["aromaticity"] == pytest.approx(0.0987, abs=1e-4)
    assert found["instability"] == pytest.approx(41.98, abs=0.005)


def test_charge_is_zero_at_the_isoelectric_point():
    """7.72 by Biopython, whose pK of the amino end depends on the first residue; here it is that of any residue."""
    assert abs(protein_properties(CHAIN, ph=7.72)["charge"]) < 0.25
    assert protein_properties(CHAIN, ph=5.0)["charge"] > 3
    assert protein_properties(CHAIN, ph=11.0)["charge"] < -3


def test_each_property_follows_its_residues():
    flat, oily, sour = (protein_properties(a * 10) for a in "GID")
    assert oily["gravy"] == 4.5 > flat["gravy"] > sour["gravy"]
    assert sour["charge"] < -9 < flat["charge"] < 0.5
    assert protein_properties("E" * 10)["helix_propensity"] == pytest.approx(1.51)
    assert protein_properties("V" * 10)["strand_propensity"] == pytest.approx(1.70)


def test_zinc_fingers_are_recognised_by_their_spacing():
    good = "C" + "A" * 2 + "C" + "A" * 12 + "H" + "A" * 3 + "H"
    bad = "C" + "A" * 2 + "C" + "A" * 11 + "H" + "A" * 3 + "H"
    assert protein_properties("GG" + good)["zinc_finger"] == 1
    assert protein_properties(bad)["zinc_finger"] == 0


def test_errors():
    for chain in ("", "MKX", "mk"):
        with pytest.raises(InputError, match="sequence"):
            protein_properties(chain)
    assert len(protein_properties(AMINO_ACIDS)) == 8
