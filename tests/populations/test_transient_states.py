import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.transient_states import transient_states


def test_stretches_rebuild_the_run():
    rng = np.random.default_rng(0)
    activity = np.repeat(rng.random((40, 3)), rng.integers(1, 6, 40), axis=0)
    found = transient_states(activity, threshold=0.5, dt=0.5)
    rebuilt = np.zeros(activity.shape, dtype=bool)
    for state, start, duration in found.itertuples(index=False):
        rebuilt[round(start / 0.5) : round((start + duration) / 0.5), list(state)] = True
    assert np.array_equal(rebuilt, activity > 0.5)
    assert np.isclose(found["duration"].sum(), 0.5 * len(activity))
    assert all(a != b for a, b in zip(found["state"], found["state"][1:], strict=False))


def test_one_sample_is_one_stretch():
    assert transient_states([[0.9, 0.1]]).values.tolist() == [[(0,), 0.0, 1.0]]


@pytest.mark.parametrize(
    ("activity", "dt", "name"),
    [(np.zeros(3), 1.0, "activity"), (np.zeros((0, 2)), 1.0, "activity"), ([[np.nan]], 1.0, "activity"),
     ([[1.0]], 0.0, "dt")],
)  # fmt: skip
def test_errors_name_what_is_wrong(activity, dt, name):
    with pytest.raises(InputError, match=f"^{name}="):
        transient_states(activity, dt=dt)
