"""`Recording`: selection keeps ragged spikes and edges consistent; the schema refuses by name."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiunit.core import InputError, Recording, SchemaError, as_recording


def spikes() -> Recording:
    return Recording.from_spikes([[0.2, 0.1], [], [0.3, 0.9, 0.4]], units={"site": ["a", "b", "a"]})


def test_ids_count_within_sites():
    assert spikes().units.index.tolist() == ["a/0", "b/0", "a/1"]


def test_selecting_units_keeps_their_spikes():
    chosen = spikes().select(units=["a/1", "a/0"])
    assert [t.tolist() for t in chosen.spike_trains] == [[0.3, 0.4, 0.9], [0.1, 0.2]]


def test_selecting_units_keeps_edges_between_them():
    dataset = xr.Dataset(
        {
            "pre": ("edge", [0, 1, 2]),
            "post": ("edge", [1, 2, 0]),
            "activity": (("presentation", "unit"), np.ones((1, 3))),
        }
    )
    chosen = Recording(dataset).select(units=[2, 0])
    assert chosen.dataset["pre"].values.tolist() == [0]
    assert chosen.dataset["post"].values.tolist() == [1]


def test_bins_count_every_spike_once_and_average_behaviour():
    recording = Recording.from_spikes([[0.0, 0.05, 0.1, 0.29]], behaviour={"x": [0.0, 2.0, 4.0]}, time=[0.0, 0.15, 0.3])
    binned = recording.bin(0.1)
    assert binned.activity.ravel().tolist() == [2.0, 1.0, 1.0]
    np.testing.assert_allclose(binned.presentations["x"], [0.0, 2.0, 4.0])


def test_count_uses_each_presentation_window():
    recording = Recording.from_spikes([[0.1, 1.1, 1.2]], presentations={"onset": [0.0, 1.0], "duration": [0.5, 0.15]})
    assert recording.count().activity.ravel().tolist() == [1.0, 1.0]
    assert recording.count(stop=0.5).activity.ravel().tolist() == [1.0, 2.0]


def test_align_puts_shared_stimuli_in_one_order():
    a = Recording.from_activity([[1.0], [2.0], [3.0]], presentations={"stimulus_id": ["x", "y", "z"]})
    b = Recording.from_activity([[30.0], [10.0]], presentations={"stimulus_id": ["z", "x"]})
    left, right = a.align(b)
    assert left.activity.ravel().tolist() == [1.0, 3.0]
    assert right.activity.ravel().tolist() == [10.0, 30.0]


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 5))), st.integers(1, 400))
def test_blocks_put_together_give_the_whole(activity, max_bytes):
    recording = as_recording(activity)
    for axis, dim in enumerate(("presentation", "unit")):
        blocks = [b.activity for b in recording.iter_blocks(dim, max_bytes=max_bytes)]
        np.testing.assert_array_equal(np.concatenate(blocks, axis=axis), activity)


@pytest.mark.parametrize(
    ("dataset", "named"),
    [
        (xr.Dataset({"activity": (("unit", "presentation"), np.ones((2, 3)))}), "activity"),
        (xr.Dataset({"activity": (("presentation", "neuron"), np.ones((2, 3)))}), "neuron"),
        (xr.Dataset({"spike_time": ("spike", [0.1]), "spike_count": ("unit", [2])}), "spike_count"),
        (xr.Dataset({"spike_time": ("spike", [0.2, 0.1]), "spike_count": ("unit", [2])}), "rise"),
        (xr.Dataset({"spike_time": ("spike", [np.nan]), "spike_count": ("unit", [1])}), "finite"),
        (xr.Dataset({"pre": ("edge", [5]), "post": ("edge", [0])}, {"site": ("unit", ["a"])}), "pre"),
        (xr.Dataset(coords={"unit_id": ("unit", ["a", "a"])}), "unique"),
        (xr.Dataset({"x": ("time", [1, 2])}, {"time": [1.0, 1.0]}), "increasing"),
    ],
)
def test_schema_errors_name_what_is_wrong(dataset, named):
    with pytest.raises(SchemaError, match=named):
        Recording(dataset)


def test_a_query_over_a_missing_column_names_the_columns_there_are():
    with pytest.raises(InputError, match="word"):
        Recording.from_activity([[1.0]], presentations={"word": ["a"]}).select(presentations="language == 'x'")


def test_wrong_labels_are_refused():
    with pytest.raises(SchemaError, match="3 units"):
        Recording.from_activity(np.ones((2, 3)), units={"cell_class": ["a"]})
