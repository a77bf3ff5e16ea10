import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference import matched_control


def test_same_sites_same_number_disjoint_and_close():
    rng = np.random.default_rng(0)
    site = np.repeat(["a", "b"], 200)
    activity = rng.exponential(size=400)
    selected = np.zeros(400, dtype=bool)
    selected[rng.choice(400, size=30, replace=False)] = True
    control = matched_control(selected, site=site, mean_activity=activity)
    assert not (control & selected).any()
    for name in "ab":
        assert control[site == name].sum() == selected[site == name].sum()
    gap = abs(np.sort(activity[control]) - np.sort(activity[selected])).mean()
    free = rng.choice(np.flatnonzero(~selected), size=30, replace=False)
    assert gap < abs(np.sort(activity[free]) - np.sort(activity[selected])).mean()


def test_a_site_with_too_few_others_gives_what_it_has():
    control = matched_control([True, True, False], site=["a"] * 3, mean_activity=[0, 1, 2])
    assert control.tolist() == [False, False, True]


def test_the_seed_decides():
    args = {"site": ["a"] * 50, "mean_activity": np.arange(50)}
    selected = np.arange(50) < 5
    one, same, other = (matched_control(selected, **args, random_state=seed) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_bad_input():
    with pytest.raises(InputError, match="mean_activity='NaN"):
        matched_control([True, False], site=["a", "a"], mean_activity=[np.nan, 1])
    with pytest.raises(InputError, match="site="):
        matched_control([True, False], site=["a"], mean_activity=[1, 1])
