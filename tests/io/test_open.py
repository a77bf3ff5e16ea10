import pickle

import nibabel
import numpy as np
import pytest

from multiunit.core import InputError, StoreError, UnsafeFileError
from multiunit.io import from_pynapple, read_nifti, read_nwb, read_recording, to_pynapple
from multiunit.io.trodes import read_trodes


def test_arrays_and_tables_open(tmp_path):
    activity = np.arange(12.0).reshape(4, 3)
    np.save(tmp_path / "a.npy", activity)
    np.savez(tmp_path / "a.npz", activity=activity, word=["a", "b", "c", "d"], depth=[1, 2, 3])
    (tmp_path / "a.csv").write_text("onset,left,right,side\n0,1.5,2,l\n1,3,4,r\n")
    assert read_recording(tmp_path / "a.npy").activity.tolist() == activity.tolist()
    labelled = read_recording(tmp_path / "a.npz")
    assert labelled.presentations["word"].tolist() == list("abcd")
    assert labelled.units["depth"].tolist() == [1, 2, 3]
    table = read_recording(tmp_path / "a.csv")
    assert table.units["name"].tolist() == ["left", "right"]
    assert table.activity.tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert table.presentations[["onset", "side"]].to_numpy().tolist() == [[0, "l"], [1, "r"]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"x,y\n1,2\n3\n", "1 NaN or infinite values"),
        ("a.csv", b"x,y\n1,2\n3,4,5\n", "cannot be read"),
        ("a.csv", b"x,y\n1,nan\n", "first in row 0"),
        ("a.csv", b"word\nto\n", "columns of numbers"),
        ("a.npy", b"", "is empty"),
        ("a.nwb", b"no HDF5", "cannot read"),
        ("a.nii", b"no image", "cannot read"),
        ("a.doc", b"text", "no known format"),
        ("a.parquet", b"text", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InputError, StoreError), match=words):
        read_recording(tmp_path / name)


def test_pickles_are_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Bomb()))
    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    for name in ("a.pkl", "a.npy"):
        with pytest.raises(UnsafeFileError):
            read_recording(tmp_path / name)


def test_an_image_with_its_events(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(3, 2, 1, 6)).astype("float32")
    image = nibabel.Nifti1Image(data, np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_zooms((2.0, 3.0, 4.0, 1.5))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "bold.nii.gz")
    mask = np.zeros((3, 2, 1), dtype="uint8")
    mask[2, 1, 0] = mask[0, 0, 0] = 1
    nibabel.save(nibabel.Nifti1Image(mask, image.affine), tmp_path / "v1_mask.nii.gz")
    (tmp_path / "events.tsv").write_text("onset\tduration\ttrial_type\n1.5\t3.0\tface\n")
    opened = read_recording(tmp_path)
    np.testing.assert_array_equal(opened.activity, data[mask > 0].T)
    assert opened.units[["x", "y", "z"]].to_numpy().tolist() == [[0, 0, 0], [4, 3, 0]]
    assert opened.presentations["condition"].tolist() == ["rest", "face", "face", "rest", "rest", "rest"]
    assert opened.presentations["onset"].tolist() == [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]
    shifted = read_nifti(tmp_path / "bold.nii.gz", events=tmp_path / "events.tsv", delay=3.0)
    assert shifted.presentations["condition"].tolist() == ["rest"] * 3 + ["face", "face", "rest"]
    assert shifted.n_units == 6


def test_nwb_columns_keep_their_names(tmp_path):
    import datetime

    import pynwb

    file = pynwb.NWBFile("a session", "id", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    file.add_unit_column("quality_text", "a text")
    file.add_unit_column("depth", "a number")
    for number in range(3):
        file.add_unit(spike_times=np.arange(number + 1) + 0.5, quality_text=f"q{number}", depth=10.0 * number)
    file.add_trial_column("side", "left or right")
    for start in range(4):
        file.add_trial(start_time=float(start), stop_time=start + 0.5, side="lr"[start % 2])
    behaviour = file.create_processing_module("behavior", "of the animal")
    behaviour.add(pynwb.TimeSeries(name="speed", data=np.arange(10.0), unit="m/s", rate=2.0))
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "w") as out:
        out.write(file)
    opened = read_recording(tmp_path / "a.nwb")
    assert [len(t) for t in opened.spike_trains] == [1, 2, 3]
    assert opened.units["quality_text"].tolist() == ["q0", "q1", "q2"]
    assert opened.units["depth"].tolist() == [0.0, 10.0, 20.0]
    assert opened.presentations["side"].tolist() == list("lrlr")
    assert opened.presentations["duration"].tolist() == [0.5] * 4
    assert opened.behaviour["speed"].tolist() == list(range(10))
    with pytest.raises(InputError, match="there are: trials"):
        read_nwb(tmp_path / "a.nwb", table="epochs")


def test_pynapple_there_and_back():
    recording = read_spikes = from_pynapple(to_pynapple(_spikes()))
    assert [t.tolist() for t in recording.spike_trains] == [[0.1, 0.4], [0.2]]
    assert read_spikes.units["depth"].tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="needs a pynapple"):
        from_pynapple([1, 2])


def _spikes():
    from multiunit.core import Recording

    return Recording.from_spikes([[0.1, 0.4], [0.2]], units={"depth": [1.0, 2.0]})


def test_the_real_files_open(shared_data):
    human = read_recording(shared_data("human_mtl_nwb"))
    assert (human.n_units, human.n_presentations) == (35, 450)
    assert sorted(set(human.units["site"])) == ["amygdala_right", "hippocampus_right"]
    assert sorted(set(human.presentations["table"])) == [
        "encoding_table",
        "recognition_table",
        "timediscrimination_table",
    ]
    clamp = read_recording(shared_data("current_clamp_nwb"))
    assert clamp.activity.shape == (10, 1, 23200)
    assert -0.1 < clamp.activity.mean() < 0
    rat = read_trodes(shared_data("hippocampus") / "linear-track")
    assert rat.n_units == 31
    assert set(rat.behaviour) == {"x", "y", "position", "speed", "tracked"}
    # The light was lost for about half of the session, at one pixel off the track.
    assert 0.3 < rat.behaviour["tracked"].mean() < 0.7
    assert np.median(rat.behaviour["y"][rat.behaviour["tracked"] > 0]) > 150
    brain = read_recording(shared_data("fmri_haxby"))
    assert brain.activity.shape == (968, 530)
    assert len(set(brain.presentations["condition"])) == 9
    assert brain.presentations["onset"].iloc[1] == 2.5


def test_worms_together_are_the_worms_apart(shared_data):
    from multiunit.io import read_worms

    folder = shared_data("worm_activity")
    together, apart = read_recording(folder), read_worms(folder)
    for animal, worm in apart.items():
        mine = together.select(units=f"site == '{animal}'", presentations=f"subject == '{animal}'")
        np.testing.assert_array_equal(mine.activity, worm.activity)
        assert mine.dataset["observed"].values.all()
    assert together.dataset["observed"].values.sum() == sum(w.activity.size for w in apart.values())
    assert {name.split("/")[1] for name in together.units.index} >= {"AVAL", "AVAR", "RIBL"}
