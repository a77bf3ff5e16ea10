import numpy as np
import pytest

from multiunit.core.errors import InputError, StoreError
from multiunit.io.homogenize import homogenize
from multiunit.io.worm_activity import read_worms


def write(folder, name, traces, **behaviour):
    import h5py

    with h5py.File(folder / f"{name}-data.h5", "w") as file:
        file["gcamp/traces_array_F_F20"] = traces
        file["timing/timestamp_confocal"] = 0.6 * np.arange(len(traces))
        for key, values in behaviour.items():
            file[f"behavior/{key}"] = values


def test_labels_are_counted_from_one(tmp_path):
    traces = np.arange(12.0).reshape(4, 3)
    write(tmp_path, "w1", traces, velocity=np.arange(4.0), skeleton=np.zeros((4, 30)))
    (tmp_path / "neuropal_labels.csv").write_text(
        "recording,trace_column_1based,label,neuron_class,confidence\nw1,3,AVAL,AVA,4.5\nw2,1,XXX,XXX,1\n"
    )
    worm = read_worms(tmp_path)["w1"]
    assert worm.units["cell_class"].tolist() == ["", "", "AVAL"]
    assert worm.units["quality"].tolist() == [0, 0, 4.5]
    assert worm.presentations["onset"].tolist() == pytest.approx([0, 0.6, 1.2, 1.8])
    assert worm.presentations["velocity"].tolist() == [0, 1, 2, 3]
    assert "skeleton" not in worm.presentations
    assert np.array_equal(worm.activity, traces)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(InputError, match="holds no file"):
        read_worms(tmp_path)
    (tmp_path / "w1-data.h5").write_bytes(b"not hdf5")
    with pytest.raises(StoreError, match="w1-data"):
        read_worms(tmp_path)
    write(tmp_path, "w1", np.zeros((4, 3)))
    (tmp_path / "neuropal_labels.csv").write_text(
        "recording,trace_column_1based,label,neuron_class,confidence\nw1,4,AVAL,AVA,4\n"
    )
    with pytest.raises(InputError, match="beyond the 3"):
        read_worms(tmp_path)
    (tmp_path / "neuropal_labels.csv").write_text("recording,label\nw1,AVAL\n")
    with pytest.raises(InputError, match="trace_column_1based"):
        read_worms(tmp_path)


def test_homologues_of_the_real_worms_agree(shared_data):
    """A shift of the labels by one column, the trap of these files, gives -0.44 to 0.22 instead."""
    aligned = homogenize(read_worms(shared_data("worm_activity")))
    pair = aligned.select(units=["AVAL", "AVAR"])
    for worm, rows in pair.presentations.groupby("subject").groups.items():
        left, right = pair.select(presentations=list(rows)).activity.T
        assert np.corrcoef(left, right)[0, 1] > 0.9, worm
