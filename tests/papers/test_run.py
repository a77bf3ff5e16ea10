import json
from types import SimpleNamespace

import pytest

from multiunit.core import InputError, StoreError
from multiunit.core.paper import Claim, Paper
from multiunit.core.walk import papers
from multiunit.papers import run as runner
from multiunit.papers.page import write_page
from multiunit.papers.run import run_card, run_cards

PAPER = Paper("toy", "A toy", 2020, "here", "synthetic")


def card(threshold, paper=PAPER):
    def claim(scale, rng):
        return Claim({"x": rng.random()}, {"y": threshold}, "measured.x > control.y")

    return paper, SimpleNamespace(claim=claim)


def test_the_verdict_is_computed_over_seeds():
    assert run_card(card(-1.0))["verdict"] == "holds"
    assert run_card(card(2.0))["verdict"] == "does not hold"
    mixed = run_card(card(0.5))
    assert {run["holds"] for run in mixed["seeds"]} == {True, False}
    assert mixed["verdict"] == "mixed"
    assert mixed["measured"]["x"] == sorted(run["measured"]["x"] for run in mixed["seeds"])[1]
    with pytest.raises(InputError, match="three seeds"):
        run_card(card(0.5), seeds=[0])


def test_what_is_not_finite_is_null_and_never_holds(tmp_path, monkeypatch):
    module = SimpleNamespace(claim=lambda scale, rng: Claim({"x": float("nan")}, {}, "measured.x < 1"))
    monkeypatch.setattr(runner, "papers", lambda: [(PAPER, module)])
    assert run_cards(tmp_path / "r.json") == {"toy": "does not hold"}
    assert json.loads((tmp_path / "r.json").read_text())["toy"]["measured"] == {"x": None}


def test_absent_data_keep_the_older_result(tmp_path, monkeypatch):
    results = tmp_path / "papers" / "r.json"
    needy = card(-1.0, Paper("needy", "Needs data", 2020, "here", "data", needs=("no-such-folder",)))
    monkeypatch.setattr(runner, "papers", lambda: [card(-1.0), needy])
    verdicts = run_cards(results)
    assert verdicts == {"toy": "holds", "needy": "not run: no data no-such-folder"}
    assert list(json.loads(results.read_text())) == ["toy"]
    monkeypatch.setattr("multiunit.papers.page.papers", lambda: [card(-1.0), needy])
    write_page(results, tmp_path / "papers.md")
    page = (tmp_path / "papers.md").read_text()
    assert "| `needy` |" in page
    assert "not run" in page
    assert "**holds**" in page
    results.write_text("{")
    with pytest.raises(StoreError, match="cannot read"):
        run_cards(results, ids=["toy"])
    with pytest.raises(InputError, match="is no card"):
        run_cards(results, ids=["nothing"])


@pytest.mark.parametrize("name", [paper.id for paper, _ in papers()])
def test_every_card_runs_at_smoke_scale_and_differs_from_its_control(name, smoke_claim):
    claim = smoke_claim(name)
    assert claim.measured
    assert dict(claim.measured) != dict(claim.control)
    assert isinstance(claim.holds, bool)
