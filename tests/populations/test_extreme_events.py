"""Events that are put in, and peaks against scipy's."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from multiunit.core import InputError
from multiunit.populations.extreme_events import extreme_events, peaks


def test_peaks_are_scipys():
    x = np.random.default_rng(0).normal(size=500)
    assert peaks(x).tolist() == find_peaks(x)[0].tolist()
    flat = np.repeat(np.random.default_rng(1).integers(0, 4, 200), 3)
    # Scipy names the middle of a plateau, we its beginning.
    assert peaks(flat).tolist() == [int(p) for p in find_peaks(flat, plateau_size=1)[1]["left_edges"]]


def test_planted_events_are_found_with_their_intervals():
    rng = np.random.default_rng(2)
    x = 0.1 * np.sin(np.arange(3000) / 5)[:, None] + 0.01 * rng.normal(size=(3000, 4))
    at = np.array([400, 1000, 2500])
    for bump in range(-2, 3):
        x[at + bump] += 2.0 - 0.5 * abs(bump)
    found = extreme_events(x)
    assert found["sample"].values.tolist() == at.tolist()
    assert found["interval"].values.tolist() == [600, 1500]
    assert float(found["largest_deviation"]) > 6
    np.testing.assert_allclose(found["height"], x.mean(1)[at])
    assert float(found["probability"]) == pytest.approx(3 / int(found["n_peaks"]))
    ordinary = extreme_events(np.delete(x, np.concatenate([at + b for b in range(-3, 4)]), axis=0))
    assert int(ordinary["n_events"]) == 0


def test_large_peaks_that_are_the_rule_are_no_extreme_events_but_pass_a_level():
    x = np.tile([0.0, 1.0], 50)[:, None]
    x[::6] -= 0.1
    assert int(extreme_events(x)["n_events"]) == 0
    assert int(extreme_events(x, level=0.6)["n_events"]) == 49
    assert float(extreme_events(x, level=0.6)["threshold"]) == 0.6


def test_events_of_one_unit_must_show_in_the_mean():
    x = 0.1 * np.random.default_rng(3).normal(size=(500, 100))
    x[250, 0] += 5.0
    assert int(extreme_events(x[:, :1])["n_events"]) == 1
    assert int(extreme_events(x)["n_events"]) == 0


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="activity"):
        extreme_events(np.arange(10.0)[:, None])
    with pytest.raises(InputError, match="NaN"):
        extreme_events(np.array([[0.0], [np.nan], [0.0]]))
