"""Fills the tables of the pages from the records in the code while the site is built."""

from typing import Any

from multiunit.core import methods


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace("@METHODS@", _methods()) if "@METHODS@" in markdown else markdown


def _methods() -> str:
    rows = ["| method | kind | room | purpose | source |", "|---|---|---|---|---|"]
    for record in sorted(methods(), key=lambda m: (m.kind, m.name)):
        room = record.module.removeprefix("multiunit.").partition(".")[0]
        purpose = record.summary.replace("|", "\\|")
        rows.append(f"| `{record.name}` | {record.kind} | {room} | {purpose} | {record.source} |")
    return "\n".join(rows)
