"""The page of papers: every card's verdict with its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiunit.core.walk import papers
from multiunit.papers.run import read_results

_HEAD = """# Papers

Each card is one paper's claim put to a small experiment with a control, on three seeds. The verdict is computed:
*holds* if the criterion is met on every seed, *does not hold* if on none, *mixed* otherwise. The level says what was
shown: `synthetic` on a toy, `trained` on a small network trained on the spot, `data` on real recordings or real
weights. A verdict at one level is no replication of the paper at its own scale.

This page is written by `make papers`. Numbers are medians over seeds; seconds are those of the slowest seed.

| card | paper | level | verdict | measured | control | criterion | seconds |
|---|---|---|---|---|---|---|---|
"""


def write_page(results: Path, page: Path) -> None:
    """Write the table of all cards, run or not."""
    found = read_results(results)
    rows = []
    for paper, _ in papers():
        record = found.get(paper.id)
        cells = [f"`{paper.id}`", f"{paper.title} ({paper.year}), {paper.source}", paper.level]
        if record is None:
            cells += ["not run", "", "", "", ""]
        else:
            criterion = record["criterion"].replace("|", "\\|")
            numbers = [_numbers(record[name]) for name in ("measured", "control")]
            cells += [f"**{record['verdict']}**", *numbers, f"`{criterion}`", str(record["seconds"])]
        rows.append("| " + " | ".join(cells) + " |")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def _numbers(values: dict[str, Any]) -> str:
    shown = (f"{name} {'-' if value is None else format(value, '.3g')}" for name, value in values.items())
    return "<br>".join(shown)
