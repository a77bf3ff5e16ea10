"""The command line: `multiunit atlas`, `compare`, `sites`, `show`, `where`, `papers`."""

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
papers = typer.Typer(no_args_is_help=True, help="The papers' claims as cards: list them, read one, run them.")
app.add_typer(papers, name="papers")


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
        str | None, typer.Argument(help="model directory, hf:NAME, checkpoint, recording or FILE.py:NAME; else digits")
    ] = None,
    stimuli: Annotated[Path | None, typer.Option(help="texts or images with their labels")] = None,
    by: Annotated[str | None, typer.Option(help="label whose values are told apart")] = None,
    sites: Annotated[list[str] | None, typer.Option(help="globs over site names")] = None,
    detectors: Annotated[list[str] | None, typer.Option(help="names of detectors; all that apply by default")] = None,
    threshold: Annotated[float, typer.Option(help="activity above which a unit counts as active")] = 0.0,
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
        threshold=threshold,
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
def compare(
    system: Annotated[str, typer.Argument(metavar="A", help="as SOURCE of atlas; its layers are the rows")],
    other: Annotated[str, typer.Argument(metavar="B", help="its layers are the columns")],
    stimuli: Annotated[Path | None, typer.Option(help="texts or images that systems are shown")] = None,
    metric: Annotated[str, typer.Option(help="name of a similarity of two arrays")] = "linear_cka",
    sites_a: Annotated[list[str] | None, typer.Option(help="globs over site names of A")] = None,
    sites_b: Annotated[list[str] | None, typer.Option(help="globs over site names of B")] = None,
    pool: Annotated[str, typer.Option(help="tokens or places as one: mean, max, last; none keeps tokens")] = "mean",
    limit: Annotated[int | None, typer.Option(help="show the first stimuli only")] = None,
    n_bootstraps: Annotated[int, typer.Option("--bootstraps", help="draws for the intervals")] = 100,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder to write")] = Path("comparison"),
    random_state: Annotated[int, typer.Option(help="seed of the draws")] = 0,
) -> None:
    """Score every layer of A with every layer of B on the same stimuli, and write a table, a picture and a report."""
    from rich.progress import Progress

    from multiunit.io.stimuli import read_stimuli
    from multiunit.plots.comparison import write_comparison
    from multiunit.similarity.compare_layers import compare_layers

    measure = _metric(metric)
    shown: Any = None if stimuli is None else read_stimuli(stimuli)
    if limit is not None and shown is not None:
        shown = shown.head(limit)
    pair = [_pooling(source, pool) for source in (system, other)]
    output.mkdir(parents=True, exist_ok=True)
    with Progress(transient=True) as bar:
        task = bar.add_task("layers", total=None)
        found = compare_layers(
            *pair,
            metric=measure,
            stimuli=shown,
            sites=sites_a or "*",
            other_sites=sites_b or "*",
            n_bootstraps=n_bootstraps,
            folder=output,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            random_state=random_state,
        )
    about = {"metric": metric, "a": system, "b": other, "stimuli": str(stimuli), "pool": pool, "limit": limit}
    table = write_comparison(found, output, metric=measure, about=about)
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    for refused in found.attrs["refused"]:
        typer.echo(f"not scored: {refused}", err=True)
    typer.echo(f"comparison: {output}")


@app.command()
def sites(
    source: Annotated[str, typer.Argument(help="model directory, hf:NAME, checkpoint, recording or FILE.py:NAME")],
) -> None:
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


@papers.command("list")
def list_papers() -> None:
    """List the papers that have a card, and what each card can show."""
    from multiunit.core.walk import papers as cards

    for paper, _ in cards():
        typer.echo(f"{paper.id:36} {paper.level:10} {paper.year}  {paper.title}")


@papers.command("show")
def show_paper(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a card")],
    results: Annotated[Path, typer.Option(help="where results are kept")] = Path("papers/results.json"),
) -> None:
    """Print the claim, the experiment and the control of one card, and its last result."""
    import inspect

    from multiunit.core.walk import papers as cards
    from multiunit.papers.run import read_results

    found = {paper.id: (paper, module) for paper, module in cards()}
    if name not in found:
        raise InputError("id", name, f"is no card; there are: {', '.join(found)}")
    paper, module = found[name]
    typer.echo(f"{paper.title} ({paper.year}), {paper.source}\nlevel: {paper.level}\n\n{inspect.getdoc(module)}")
    result = read_results(results).get(name)
    if result is not None:
        typer.echo(f"\nlast run: {result['verdict']} on {len(result['seeds'])} seeds at {result['scale']} scale")
        for part in ("measured", "control"):
            typer.echo(f"{part}: " + ", ".join(f"{key} {_number(value)}" for key, value in result[part].items()))
        typer.echo(f"criterion: {result['criterion']}")


@papers.command("run")
def run_papers(
    names: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="ids of cards")] = None,
    every: Annotated[bool, typer.Option("--all", help="run all cards")] = False,
    scale: Annotated[str, typer.Option(help="smoke (does it run) or small (what a verdict rests on)")] = "small",
    results: Annotated[Path, typer.Option(help="where results are kept")] = Path("papers/results.json"),
    page: Annotated[Path | None, typer.Option(help="page to write the table of all results to")] = None,
) -> None:
    """Run cards on three seeds and keep the computed verdicts; what an interrupted run finished is kept too."""
    from multiunit.papers.page import write_page
    from multiunit.papers.run import run_cards

    if bool(names) == every:
        raise InputError("ids", names, "name the cards to run, or give --all")
    if scale not in ("smoke", "small"):
        raise InputError("scale", scale, "must be smoke or small")
    for name, verdict in run_cards(results, ids=names or None, scale=scale).items():  # type: ignore[arg-type]
        typer.echo(f"{name}: {verdict}")
    if page is not None:
        write_page(results, page)


def _metric(name: str) -> Any:
    """The similarity `(x, y) -> float` of this name."""
    import inspect

    from multiunit.core.walk import methods

    found = {m.name: m.function for m in methods() if m.kind == "similarity"}
    takes = {n: inspect.signature(f) for n, f in found.items()}
    pairs = [n for n, s in takes.items() if list(s.parameters)[:2] == ["x", "y"] and s.return_annotation == "float"]
    if name not in pairs:
        raise InputError("metric", name, f"is none of {', '.join(sorted(pairs))}")
    return found[name]


def _pooling(source: str, pool: str) -> Any:
    """The system, with one presentation a stimulus unless `pool` is none."""
    from multiunit.systems.open import open_system
    from multiunit.systems.torch_system import TorchSystem

    if pool not in ("mean", "max", "last", "none"):
        raise InputError("pool", pool, "must be mean, max, last or none")
    system: Any = open_system(source)
    if isinstance(system, TorchSystem):
        setting: Any = None if pool == "none" else pool
        system.pool = setting
    return system


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


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
