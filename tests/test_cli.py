import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from multiunit.cli import app
from multiunit.core import InputError
from multiunit.units import Atlas


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "multiunit.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_atlas_of_the_embedded_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_CACHE", str(tmp_path / "cache"))
    result = CliRunner().invoke(app, ["atlas", "-o", str(tmp_path / "A")])
    assert result.exit_code == 0, result.output
    assert "report.html" in result.output
    atlas = Atlas.load(tmp_path / "A")
    assert len(atlas.table) == 64 + 32
    scores = atlas.table.filter(like="expert_units.score.")
    assert scores.shape[1] == 10
    assert scores.max().min() > 0.3
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "A"), "activation_2/0"])
    assert "stimulus" in shown.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["A", "cache"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["atlas", "nowhere"], "no such file or directory"),
        (["show", "nowhere", "a/0"], "is no readable atlas"),
        (["where", "nothing-like-this"], "matches no method"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, words):
    result = command(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_bad_stimuli_write_nothing(tmp_path, shared_data):
    model = shared_data("lm_stories260k")
    files = {"empty.txt": " ", "ragged.csv": "text,label\na,b\nc\n", "other.csv": "text,label\nonce upon,x\na time,y\n"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    cases = [
        ("empty.txt", [], "is empty"),
        ("ragged.csv", [], "line 3 has 1 fields"),
        ("other.csv", ["--by", "colour"], "is no label"),
    ]
    cases.append(("other.csv", ["--sites", "nothing*"], "matches none of"))
    for name, more, words in cases:
        result = command("atlas", model, "--stimuli", tmp_path / name, "-o", tmp_path / "A", *more)
        assert (result.returncode, words in result.stderr) == (2, True), result.stderr
        assert not (tmp_path / "A").exists()


def test_papers_are_listed_shown_and_run(tmp_path):
    assert "relation-specific-neurons" in CliRunner().invoke(app, ["papers", "list"]).output
    shown = CliRunner().invoke(
        app, ["papers", "show", "relation-specific-neurons", "--results", str(tmp_path / "r.json")]
    )
    assert "Control: random units" in shown.output
    assert "last run" not in shown.output
    for arguments, words in (
        (["run"], "name the cards"),
        (["run", "nope"], "is no card"),
        (["show", "nope"], "no card"),
    ):
        result = command("papers", *arguments, "--results", tmp_path / "r.json")
        assert (result.returncode, words in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "r.json").exists()


def test_two_networks_are_compared(tmp_path):
    script = "import torch\ntorch.manual_seed(%d)\nnet = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh())\n"
    for seed in (0, 1):
        (tmp_path / f"net{seed}.py").write_text(script % seed)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", x=rng.normal(size=(90, 6)).astype("float32"))
    arguments = [f"{tmp_path}/net0.py:net", f"{tmp_path}/net1.py:net", "--stimuli", f"{tmp_path}/images.npz"]
    arguments += ["--sites-b", "1", "--bootstraps", "10", "--limit", "80", "-o", f"{tmp_path}/out"]
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "out" / "layers.csv")
    assert table[["layer", "other_layer"]].values.tolist() == [[0, 1], [1, 1]]
    assert (table["low"] < table["high"]).all()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["heatmap.png", "layers.csv", "report.json"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["n_presentations"] == 80
    for more, words in (["--metric", "layerwise"], "linear_cka"), (["--pool", "sum"], "mean, max, last or none"):
        result = CliRunner().invoke(app, ["compare", *arguments, *more])
        assert isinstance(result.exception, InputError)
        assert words in str(result.exception)
