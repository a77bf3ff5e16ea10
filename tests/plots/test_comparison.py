import json

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.plots.comparison import write_comparison
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.shape_distance import shape_distance


def found(score):
    over = ("layer", "other_layer")
    return xr.Dataset(
        {"score": (over, score)} | {n: (over, np.asarray(score) * 0.9) for n in ("low", "high", "shuffled")},
        coords={
            "layer": ["a", "b"],
            "other_layer": ["x", "y", "z"],
            "n_units": ("layer", [4, 5]),
            "n_other_units": ("other_layer", [1, 2, 3]),
        },
        attrs={"n_presentations": 9, "n_bootstraps": 2, "level": 0.95, "refused": ["b with y: silent"]},
    )


def test_the_folder_holds_table_picture_and_report(tmp_path):
    score = [[0.1, 0.9, 0.3], [0.8, np.nan, 0.2]]
    best = write_comparison(found(score), tmp_path / "out", metric=linear_cka, about={"a": "one", "b": "other"})
    assert best["other_layer"].tolist() == ["y", "x"]
    table = pd.read_csv(tmp_path / "out" / "layers.csv")
    np.testing.assert_allclose(table["score"], np.ravel(score))
    assert table["n_other_units"].tolist() == [1, 2, 3, 1, 2, 3]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["best"][0] == best.iloc[0].to_dict()
    assert (report["a"], report["refused"], report["smaller_is_alike"]) == ("one", ["b with y: silent"], False)
    assert (tmp_path / "out" / "heatmap.png").stat().st_size > 5000
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_of_a_distance_the_smallest_is_best(tmp_path):
    best = write_comparison(found([[0.1, 0.9, 0.3], [0.8, 0.4, 0.2]]), tmp_path, metric=shape_distance, about={})
    assert best["other_layer"].tolist() == ["x", "z"]


def test_where_nothing_could_be_scored_there_is_no_picture(tmp_path):
    best = write_comparison(found(np.full((2, 3), np.nan)), tmp_path, metric=linear_cka, about={})
    assert best.empty
    assert not (tmp_path / "heatmap.png").exists()
    assert json.loads((tmp_path / "report.json").read_text())["best"] == []
