"""Dead means never active, not rarely."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.dead_neurons import dead_neurons, needs, silence
from multiunit.units.question import Question


def test_the_planted_dead_are_found_and_a_rare_unit_is_not(counted):
    rng = np.random.default_rng(0)
    activity = np.maximum(rng.standard_normal((500, 20)), 0)
    activity[:, [3, 17]] = 0.0
    activity[:, 8] = 0.0
    activity[77, 8] = 1.0
    stored = counted(activity)
    found = dead_neurons(firing=stored.firing(["x"] * 500), moments=stored.moments())
    assert np.flatnonzero(found["selected"].values).tolist() == [3, 17]
    np.testing.assert_allclose(found["score"].values, (activity <= 0).mean(axis=0), rtol=0, atol=1e-12)
    assert found["active"].values[8] == 1
    assert found["control"].values.sum() == 2
    assert not (found["control"] & found["selected"]).any()
    assert found.attrs["rate_upper_bound"] == pytest.approx(1 - 0.05 ** (1 / 500))


def test_groups_are_added_up(counted):
    rng = np.random.default_rng(1)
    stored = counted(np.maximum(rng.standard_normal((60, 8)) - 2, 0))
    labels = list("ab" * 30)
    one = dead_neurons(firing=stored.firing(["x"] * 60), moments=stored.moments())
    two = dead_neurons(firing=stored.firing(labels), moments=stored.moments())
    assert one.identical(two)


def test_nothing_presented_is_an_error():
    with pytest.raises(InputError, match="nothing was presented"):
        silence(np.zeros(3), 0)


def test_the_threshold_of_the_question_is_passed_on():
    pytest.importorskip("multiunit.statistics")
    assert needs(Question(threshold=0.25))["firing"].threshold == 0.25
