"""Write docs/benchmarks.md from benchmarks/results/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
BUSY = 0.1  # cores that worked for others: above, the page says so

HEAD = """# Benchmarks

What the work costs beside the peers' way of doing it, goals that were missed included. This page is written by
`make bench`, from `benchmarks/results/*.json`.

Each contender runs in a process of its own, on one thread; they take turns, round by round. No time counts before all
have given the same answer: *differs by* is the largest difference from the reference's. A first run is warm-up and not
counted. Times are seconds, median (smallest - largest) of five rounds; *ratio* is processor time in units of the
reference's, the median of the rounds' ratios. Peak memory is what the work took above what was resident once the
contender was set up.
"""


def page(reports: list[dict[str, Any]]) -> str:
    goals = [(report["id"], one) for report in reports for one in report["goals"]]
    met = sum(one["met"] for _, one in goals)
    rows = [[f"[{id}](#{id})", one["text"], _bound(one), _number(one["value"]), _verdict(one)] for id, one in goals]
    summary = _table(["benchmark", "goal", "bound", "measured", ""], rows)
    return "\n".join([HEAD, f"## Goals: {met} of {len(goals)} reached\n", summary, *map(_section, reports)])


def _section(report: dict[str, Any]) -> str:
    parts = [f"## {report['id']}\n", report["work"] + "\n"]
    for name, setting in report["settings"].items():
        if isinstance(setting, dict) and "contenders" in setting:
            parts += [f"**{name}** (reference: {setting['reference']})\n", _contenders(setting["contenders"])]
        elif isinstance(setting, list) and not any(isinstance(v, dict | list) for row in setting for v in row.values()):
            # A benchmark with a table of its own; what is nested is left to the file.
            columns = list(dict.fromkeys(column for row in setting for column in row))
            parts += [
                f"**{name}**\n",
                _table(columns, [[_number(row.get(c, "-")) for c in columns] for row in setting]),
            ]
    parts += [
        f"- {one['text']}: {_number(one['value'])}; goal {_bound(one)}: {_verdict(one)}." for one in report["goals"]
    ]
    parts += ["", report["notes"] + "\n"] if report["notes"] else [""]
    return "\n".join([*parts, _origin(report) + "\n"])


def _contenders(contenders: dict[str, Any]) -> str:
    rows = []
    for name, one in contenders.items():
        difference = f"{one['difference']:.1e}" if one.get("difference") is not None else "-"
        times = [_spread(one[clock]) for clock in ("cpu", "wall")]
        ratio = _number(one["cpu_ratio"]["median"])
        rows.append([name, *times, ratio, f"{one['peak_bytes'] / 2**20:,.0f}", difference])
    return _table(["contender", "processor s", "wall s", "ratio", "peak MB", "differs by"], rows)


def _origin(report: dict[str, Any]) -> str:
    """When, where and with what."""
    machine = report["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB"
    if machine["others"] > BUSY:
        where += f", **not idle: {machine['others']:.1f} cores worked for others**"
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"Measured {report['date']}; {where}; {versions}."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _bound(goal: dict[str, Any]) -> str:
    return f"at most {goal['at_most']:g}" if goal["at_most"] is not None else f"at least {goal['at_least']:g}"


def _verdict(goal: dict[str, Any]) -> str:
    return "reached" if goal["met"] else "**missed**"


def _spread(times: dict[str, Any]) -> str:
    if len(times["all"]) == 1:
        return f"{_number(times['median'])} (once)"
    return f"{_number(times['median'])} ({_number(times['min'])} - {_number(times['max'])})"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> None:
    reports = [json.loads(path.read_text()) for path in sorted((FOLDER / "results").glob("*.json"))]
    PAGE.write_text(page(reports))
    print(f"{PAGE.relative_to(FOLDER.parent)}: {len(reports)} benchmarks")


if __name__ == "__main__":
    main()
