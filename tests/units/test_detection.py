"""Every answer of a detector has the same shape, and its control is disjoint, of the same sites and size."""

import numpy as np
import pytest
import xarray as xr

from multiunit.core import InputError
from multiunit.units.detection import detection, same_units, strongest


@pytest.fixture
def units():
    return xr.Dataset(
        coords={
            "unit_id": ("unit", [f"{s}/{i}" for s in "ab" for i in range(20)]),
            "site": ("unit", list("a" * 20 + "b" * 20)),
        }
    )


def test_every_label_gets_its_own_control(units):
    rng = np.random.default_rng(0)
    selected = np.zeros((40, 2), dtype=bool)
    selected[[1, 2, 25], 0] = selected[[30, 31], 1] = True
    found = detection(
        rng.random(40), selected, units=units, mean_activity=rng.random(40), labels=["x", "y"], random_state=0
    )
    assert found["score"].dims == ("unit",)
    assert found["control"].dims == ("unit", "label")
    for label in ("x", "y"):
        chosen, control = found["selected"].sel(label=label), found["control"].sel(label=label)
        assert not (chosen & control).any()
        for site in "ab":
            here = found["site"].values == site
            assert chosen.values[here].sum() == control.values[here].sum()


def test_the_seed_decides_the_control(units):
    selected = np.arange(40) % 10 == 0
    draws = [
        detection(np.zeros(40), selected, units=units, mean_activity=np.zeros(40), random_state=seed)["control"].values
        for seed in (1, 1)
    ]
    np.testing.assert_array_equal(*draws)


def test_bad_shapes_and_nan_are_named(units):
    with pytest.raises(InputError, match="score"):
        detection(np.zeros(3), np.zeros(40, bool), units=units, mean_activity=np.zeros(40))
    with pytest.raises(InputError, match="selected"):
        detection(np.zeros(40), np.zeros((40, 2), bool), units=units, mean_activity=np.zeros(40), labels=["x"])
    with pytest.raises(InputError, match="1 NaN"):
        detection(np.where(np.arange(40) == 3, np.nan, 0), np.zeros(40, bool), units=units, mean_activity=np.zeros(40))


def test_strongest_counts_all_units_but_takes_only_eligible_ones():
    score = np.arange(10.0)
    assert np.flatnonzero(strongest(score, 0.3)).tolist() == [7, 8, 9]
    assert np.flatnonzero(strongest(score, 0.3, eligible=score < 2)).tolist() == [0, 1]
    assert strongest(score, 0.001).sum() == 1
    assert strongest(np.array([5.0]), 0.01).tolist() == [True]
    with pytest.raises(InputError, match="top"):
        strongest(score, 0.0)


def test_statistics_of_other_units_are_named(units):
    with pytest.raises(InputError, match="moments"):
        same_units(firing=units, moments=units.isel(unit=slice(None, None, -1)))
    with pytest.raises(InputError, match="no units"):
        same_units(firing=units.isel(unit=[]))
