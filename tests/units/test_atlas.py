import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from multiunit.core import InputError, StoreError
from multiunit.units import Atlas


@pytest.fixture
def atlas():
    table = pd.DataFrame(
        {
            "site": ["a", "a", "b"],
            "mean": [0.0, 1.0, 2.0],
            "d.selected.x": [True, False, False],
            "d.control.x": [False, True, False],
        },
        index=["a/0", "a/1", "b/0"],
    )
    words = np.array([["é", "<b>"], ["", "ok"], ["x", "y"]], dtype=object)
    top = xr.Dataset({"value": (("unit", "rank"), np.arange(6.0).reshape(3, 2)), "token": (("unit", "rank"), words)})
    return Atlas(table, {"top": top.assign_coords(unit_id=("unit", table.index.to_numpy()))}, {"seed": 3})


def test_saved_and_loaded_it_is_the_same(atlas, tmp_path):
    again = Atlas.load(atlas.save(tmp_path / "A"))
    pd.testing.assert_frame_equal(again.table, atlas.table)
    xr.testing.assert_identical(again.details["top"], atlas.details["top"])
    assert again.manifest == {"seed": 3}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["A"]


def test_pictures_stay_when_an_atlas_is_saved_again(atlas, tmp_path):
    folder = atlas.save(tmp_path / "A")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a_0.png").write_bytes(b"picture")
    (folder / "details" / "old.npz").write_bytes(b"of another atlas")
    assert (atlas.save(folder) / "pictures" / "a_0.png").read_bytes() == b"picture"
    assert not (folder / "details" / "old.npz").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["A"]


def test_query_unit_selection_and_join(atlas):
    assert atlas.query("mean >= 1 and site == 'a'").table.index.tolist() == ["a/1"]
    row, details = atlas.unit("b/0")
    assert row["mean"] == 2
    assert details["top"]["token"].values.tolist() == ["x", "y"]
    assert atlas.selection("d", label="x") == ["a/0"]
    assert atlas.control("d") == ["a/1"]
    joined = atlas.join(atlas.query("mean > 0"))
    assert joined.table["mean_other"].tolist() == [1.0, 2.0]
    assert joined.details["top_other"].sizes["unit"] == 2


def test_bad_questions_name_the_mend(atlas):
    with pytest.raises(InputError, match="cannot be asked"):
        atlas.query("nothing > 1")
    with pytest.raises(InputError, match="there are: d"):
        atlas.selection("e")
    with pytest.raises(InputError, match="is not among the 3 units"):
        atlas.unit("c/0")


def test_a_broken_folder_and_a_foreign_one(atlas, tmp_path):
    folder = atlas.save(tmp_path / "A")
    (folder / "details" / "top.npz").write_bytes(b"PK")
    with pytest.raises(StoreError, match="is no readable atlas"):
        Atlas.load(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="is no atlas"):
        atlas.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_leaves_the_older_atlas(atlas, tmp_path, monkeypatch):
    folder = atlas.save(tmp_path / "A")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(StoreError, match="No space left"):
        Atlas(atlas.table * 1, atlas.details, {"seed": 4}).save(folder)
    assert json.loads((folder / "manifest.json").read_text())["seed"] == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["A"]
