import numpy as np
import pandas as pd
import pytest
import xarray as xr

from multiunit.papers.protein_lm_neuron_labels import _entropy, _permuted, _random


def test_random_units_are_others_of_the_same_site():
    ids = [f"{site}/{i}" for site in "ab" for i in range(10)]
    sites = np.repeat(["a", "b"], 10)
    moments = xr.Dataset({"mean": ("unit", np.arange(20.0))}, {"site": ("unit", sites)})
    deviation = pd.Series(np.full(20, 0.5), index=ids)
    drawn = _random(pd.Series({"a/0": 0.9, "a/1": -0.8}), moments, deviation, np.random.default_rng(0))
    assert not set(drawn) & {"a/0", "a/1"}
    assert all(unit.startswith("a/") for unit in drawn)
    assert sorted(drawn.values()) == [-0.5, 0.5]


def test_permuted_labels_lose_what_the_labels_had():
    n = 400
    own = np.random.default_rng(0).integers(2, size=n)
    r = np.where(np.eye(2, dtype=bool)[own], 0.8, 0.0)
    names = np.array(["mass", "charge"], dtype=object)
    labels = xr.Dataset(
        {
            "correlation": (("unit", "property"), r),
            "held_out_correlation": (("unit", "property"), r),
            "follows": ("unit", names[own]),
        },
        {"property": names},
    )
    assert _permuted(labels, np.random.default_rng(1)) == pytest.approx(0.4, abs=0.05)


def test_entropy():
    known = pd.DataFrame({"stimulus": [np.array([0, 1, 0, 1])], "sequence": ["ACAC"]})
    assert _entropy(known) == pytest.approx(np.log(2))


def test_smoke_scale_runs_without_a_verdict(smoke_claim):
    """After 30 steps the network has not learned the residues' company, and its units steer little."""
    result = smoke_claim("protein-lm-neuron-labels")
    assert not result.holds
    assert result.measured["held_out_r"] > result.control["permuted_r"] + 0.2
    assert result.measured["loss"] > 0.9 * result.control["residue_entropy"]
