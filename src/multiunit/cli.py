"""The command line: `multiunit atlas`, `sites`, `show`, `where`, `papers`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multiunit.core.errors import InputError, MultiunitError

if TYPE_CHECKING:
    from multiunit.units.atlas import Atlas

# What each measure of a recording is summed up by.
MEASURED = ("correlation", "corrected", "explained", "reliability")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


def main() -> None:
    """Run the command line; what a person can mend ends in one line and exit code 2."""
    try:
        app()
    except MultiunitError as error:
        typer.echo(f"multiunit: {' '.join(str(error).split())}", err=True)
        raise SystemExit(2) from None


@app.command()
def atlas(
    source: Annotated[
        str | None, typer.Argument(help="model directory, hf:NAME, checkpoint or recording; else digits")
    ] = None,
    stimuli: Annotated[Path | None, typer.Option(help="texts or images with their labels")] = None,
    by: Annotated[str | None, typer.Option(help="label whose values are told apart")] = None,
    sites: Annotated[list[str] | None, typer.Option(help="globs over site names")] = None,
    detectors: Annotated[list[str] | None, typer.Option(help="names of detectors; all that apply by default")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder to write")] = Path("atlas"),
    resume: Annotated[bool, typer.Option(help="go on after an interrupted run")] = False,
    random_state: Annotated[int, typer.Option(help="seed of the random controls")] = 0,
) -> None:
    """Describe every unit of SOURCE, and write a folder with the atlas and report.html."""
    from multiunit.io.stimuli import read_stimuli
    from multiunit.plots.report import write_report
    from multiunit.systems.digits_network import digits_network
    from multiunit.systems.open import open_system
    from multiunit.units.build import build_atlas

    system: Any
    shown: Any = None
    if source is None:
        system, shown = digits_network(random_state=random_state)
        by = by or "digit"
    else:
        system = open_system(source)
        if stimuli is not None:
            shown = read_stimuli(stimuli, by=by)
    checkpoint = output.with_name(f".{output.name}.checkpoint.npz")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    made = build_atlas(
        system,
        stimuli=shown,
        by=by,
        sites=sites or None,
        detectors=detectors or None,
        checkpoint=checkpoint,
        random_state=random_state,
        progress=True,
    )
    made.save(output)
    report = write_report(made, output / "report.html")
    checkpoint.unlink(missing_ok=True)
    _summary(made)
    typer.echo(f"atlas:  {output}\nreport: {report}")


@app.command()
def sites(source: Annotated[str, typer.Argument(help="model directory, hf:NAME, checkpoint or recording")]) -> None:
    """List where SOURCE can be measured and edited, or was measured."""
    from multiunit.core.recording import Recording
    from multiunit.systems.open import open_system

    opened: Any = open_system(source)
    if isinstance(opened, Recording):
        table = opened.units.groupby("site", sort=False).size().rename("n_units").to_frame()
    else:
        table = opened.sites()
    typer.echo(table.to_string())


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="an atlas that was written before")],
    unit: Annotated[str, typer.Argument(help="unit id, 'site/index'")],
) -> None:
    """Print what an atlas knows of one unit."""
    from multiunit.units.atlas import Atlas

    row, details = Atlas.load(folder).unit(unit)
    typer.echo(row.to_string())
    top = details.get("top")
    if top is not None and "token" in top:
        for rank in range(top.sizes["rank"]):
            if int(top["sequence_id"][rank]) >= 0:
                before, token, after = (str(top[name].values[rank]) for name in ("before", "token", "after"))
                typer.echo(f"{float(top['value'][rank]):10.4g}  {before} [{token}] {after}".replace("\n", " "))


@app.command()
def where(text: Annotated[str, typer.Argument(help="part of a method's name, source or purpose")]) -> None:
    """Find methods and papers by name, source or purpose."""
    from multiunit.core.walk import methods, papers

    wanted = text.lower()
    found = [
        f"{m.kind}  {m.module}.{m.name}  ({m.source})"
        for m in methods()
        if wanted in f"{m.name} {m.source} {m.summary}".lower()
    ]
    found += [
        f"paper  {m.__name__}  ({p.source}) {p.title}"
        for p, m in papers()
        if wanted in f"{p.id} {p.title} {p.source} {p.year}".lower()
    ]
    if not found:
        raise InputError("text", text, "matches no method and no paper")
    typer.echo("\n".join(found))


@app.command()
def papers(
    run: Annotated[list[str] | None, typer.Argument(help="cards to run; lists them if none is named")] = None,
    every: Annotated[bool, typer.Option("--all", help="run all cards")] = False,
    results: Annotated[Path, typer.Option(help="where results are kept")] = Path("papers/results.json"),
    page: Annotated[Path | None, typer.Option(help="page to write the table to")] = None,
) -> None:
    """List the papers, or run their cards at small scale on three seeds."""
    from multiunit.core.walk import papers as cards
    from multiunit.papers.page import write_page
    from multiunit.papers.run import run_cards

    if run or every:
        for name, verdict in run_cards(results, ids=run or None).items():
            typer.echo(f"{name}: {verdict}")
        if page is not None:
            write_page(results, page)
        return
    for paper, _ in cards():
        typer.echo(f"{paper.id:36} {paper.level:10} {paper.year}  {paper.title}")


def _summary(made: Atlas) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(made.table)} units, {made.manifest['n_presentations']} presentations")
    for heading in ("detector or measure", "selected", "of them in the site with most; or the largest"):
        table.add_column(heading, justify="left" if heading.startswith("detector") else "right")
    for column in made.table:
        if ".selected" in str(column):
            per_site = made.table[column].groupby(made.table["site"]).sum()
            most = f"{per_site.max()} in {per_site.idxmax()}" if per_site.sum() else ""
            table.add_row(str(column).replace(".selected", ""), str(int(per_site.sum())), most)
    for column in made.table:
        name, _, value = str(column).rpartition(".")
        if value in MEASURED and made.table[column].notna().any():
            largest = int(made.table[column].abs().argmax())
            table.add_row(name, "", f"{made.table[column].iloc[largest]:.2f} in {made.table.index[largest]}")
    for name, reason in made.manifest["skipped"].items():
        table.add_row(name, "-", str(reason)[:60])
    Console().print(table)


if __name__ == "__main__":
    main()
