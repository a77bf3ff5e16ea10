import numpy as np
import pandas as pd
import pytest

from multiunit.core import Recording
from multiunit.core.errors import InputError
from multiunit.io.homogenize import homogenize


def worm(names, n_frames=6, *, seed=0, step=1.0, quality=None, **columns):
    x = np.random.default_rng(seed).normal(size=(n_frames, len(names)))
    units = {"cell_class": names} | ({} if quality is None else {"quality": quality})
    return Recording.from_activity(
        x, units=units, presentations={"onset": step * np.arange(n_frames), **columns}, kind="calcium"
    )


def test_each_trace_lands_under_its_name_and_animal():
    worms = {"w1": worm(["RIBL", "AVAL", "AWA?", ""], seed=1), "w2": worm(["AVAL", "SMDD"], 4, seed=2)}
    both = homogenize(worms)
    assert both.units.index.tolist() == ["AVAL", "RIBL", "SMDD"]
    assert both.units["n_animals"].tolist() == [2, 1, 1]
    assert both.presentations["subject"].tolist() == ["w1"] * 6 + ["w2"] * 4
    assert both.presentations["frame"].tolist() == [*range(6), *range(4)]
    for animal, recording in worms.items():
        rows = (both.presentations["subject"] == animal).to_numpy()
        for column, name in enumerate(recording.units["cell_class"]):
            if name in both.units.index:
                trace = recording.activity[:, column]
                expected = (trace - trace.mean()) / trace.std()
                assert np.allclose(both.activity[rows, both.units.index.get_loc(name)], expected)
    observed = both.dataset["observed"].values
    assert np.array_equal(observed, np.isfinite(both.activity))
    assert observed[:6].all(axis=0).tolist() == [True, True, False]
    assert observed[6:].all(axis=0).tolist() == [True, False, True]


def test_of_duplicates_the_best_is_kept_and_poor_ones_go():
    one = worm(["AVAL", "AVAL", "RIBL"], quality=[2.0, 4.0, 1.0])
    aligned = homogenize({"w": one}, standardize=False, minimum_quality=1.5)
    assert aligned.units.index.tolist() == ["AVAL"]
    assert np.array_equal(aligned.activity[:, 0], one.activity[:, 1])


def test_wanted_names_keep_their_order_even_if_never_seen():
    aligned = homogenize({"w": worm(["AVAL", "RIBL"])}, names=["RIBL", "ZZZ", "AVAL"])
    assert aligned.units.index.tolist() == ["RIBL", "ZZZ", "AVAL"]
    assert not aligned.dataset["observed"].values[:, 1].any()
    assert np.isnan(aligned.activity[:, 1]).all()


def test_resampling_is_linear_interpolation_on_one_clock():
    one = worm(["AVAL"], 5, step=0.6, velocity=np.arange(5.0), state=["a", "b", "c", "d", "e"])
    aligned = homogenize({"w": one}, dt=0.25, standardize=False)
    clock = np.arange(0, 2.4 + 1e-9, 0.25)
    assert np.allclose(aligned.presentations["onset"], clock)
    assert np.allclose(aligned.activity[:, 0], np.interp(clock, 0.6 * np.arange(5), one.activity[:, 0]))
    assert np.allclose(aligned.presentations["velocity"], clock / 0.6)
    assert aligned.presentations["state"].tolist() == [*"aaabbcccdd"]


def test_only_shared_columns_survive():
    aligned = homogenize({"w1": worm(["AVAL"], velocity=np.zeros(6)), "w2": worm(["AVAL"])})
    assert "velocity" not in aligned.presentations
    assert "onset" in aligned.presentations


def test_connectome_joins_the_named_neurons():
    table = pd.DataFrame(
        {"pre": ["AVAL", "XXX", "RIBL"], "post": ["RIBL", "AVAL", "AVAL"], "weight": [3, 9, 2], "kind": "gap"}
    )
    aligned = homogenize({"w": worm(["RIBL", "AVAL"])}, connectome=table)
    data = aligned.dataset
    assert [(int(a), int(b)) for a, b in zip(data["pre"], data["post"], strict=True)] == [(0, 1), (1, 0)]
    assert data["weight"].values.tolist() == [3, 2]
    assert data["kind"].values.tolist() == ["gap", "gap"]


def test_inputs_are_not_changed_and_a_constant_trace_is_zero():
    x = np.array([[1.0, 2.0], [1.0, 4.0]])
    one = Recording.from_activity(x, units={"cell_class": ["A", "B"]})
    aligned = homogenize({"w": one})
    assert aligned.activity.tolist() == [[0.0, -1.0], [0.0, 1.0]]
    assert one.activity.tolist() == [[1.0, 2.0], [1.0, 4.0]]


def test_bad_input_is_named():
    with pytest.raises(InputError, match="recordings"):
        homogenize({})
    with pytest.raises(InputError, match="by='name'"):
        homogenize({"w": worm(["A"])}, by="name")
    with pytest.raises(InputError, match="no recorded unit"):
        homogenize({"w": worm(["", "A?"])})
    with pytest.raises(InputError, match="each name once"):
        homogenize({"w": worm(["A"])}, names=["A", "A"])
    with pytest.raises(InputError, match="dt=0"):
        homogenize({"w": worm(["A"])}, dt=0)
    with pytest.raises(InputError, match="onset"):
        homogenize({"w": Recording.from_activity(np.eye(2), units={"cell_class": ["A", "B"]})}, dt=1.0)
    broken = Recording.from_activity([[np.nan], [1.0]], units={"cell_class": ["A"]})
    with pytest.raises(InputError, match="trace of A"):
        homogenize({"w": broken})
    with pytest.raises(InputError, match="'pre'"):
        homogenize({"w": worm(["A"])}, connectome=pd.DataFrame({"post": ["A"]}))
