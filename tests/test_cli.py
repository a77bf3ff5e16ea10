import subprocess
import sys

import pytest
from typer.testing import CliRunner

from multiunit.cli import app
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
