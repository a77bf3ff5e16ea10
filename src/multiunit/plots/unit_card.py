"""One unit at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.plots.palette import BLUE, GREY, ORANGE, VERMILLION, figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from multiunit.units.atlas import Atlas

_MOST_GROUPS = 16
_TOP = 8


def unit_card(atlas: Atlas, unit: str) -> Figure:
    """Draw what there is of a unit's distribution, group means, position profile, tuning and top presentations.

    Args:
        atlas: of any system.
        unit: its id.

    Returns:
        A matplotlib figure; `figure.savefig(path)` writes it.

    Raises:
        SiteError: for a unit that the atlas does not have.
    """
    row, details = atlas.unit(unit)
    panels: list[Any] = []
    if "histogram" in details:
        panels.append(lambda axes: _histogram(axes, details["histogram"], row))
    if "groups" in details:
        panels.append(lambda axes: _groups(axes, details["groups"], atlas.manifest.get("by")))
    if "profile" in details:
        panels.append(lambda axes: _profile(axes, details["profile"]))
    for name in details:
        if name.startswith("tuning."):
            panels.append(lambda axes, name=name: _tuning(axes, details[name]["mean"]))
    texts = _top(details)
    n_rows = -(-len(panels) // 2)
    drawn = figure(7.0, 2.0 * n_rows + (0.22 * len(texts) + 0.5 if texts else 0) + 0.3)
    ratios = [2.0] * n_rows + ([0.22 * len(texts) + 0.4] if texts else [])
    grid = drawn.add_gridspec(len(ratios), 2, height_ratios=ratios)
    for number, panel in enumerate(panels):
        last = number == len(panels) - 1 and number % 2 == 0
        panel(drawn.add_subplot(grid[number // 2, :] if last else grid[number // 2, number % 2]))
    if texts:
        _texts(drawn.add_subplot(grid[-1, :]), texts)
    marks = [str(c).replace(".selected", "") for c in row.index if ".selected" in str(c) and bool(row[c])]
    shown = ", ".join(marks[:4]) + (f" and {len(marks) - 4} more" if len(marks) > 4 else "")
    drawn.suptitle(f"{unit}   {shown}", fontsize=9, x=0.01, ha="left")
    return drawn


def _histogram(axes: Any, histogram: Any, row: Any) -> None:
    count = histogram["count"].values
    used = np.flatnonzero(count)
    span = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
    low, high = histogram["edge_low"].values[span], histogram["edge_high"].values[span]
    axes.bar(low, count[span], width=high - low, align="edge", color=BLUE)
    axes.axvline(float(row["mean"]), color=VERMILLION, lw=1)
    axes.set_yscale("log")
    plain(axes, x="activity (line: mean)", y="presentations", title="distribution")


def _groups(axes: Any, groups: Any, by: Any) -> None:
    mean = groups["mean"].values
    order = np.argsort(-mean)[:_MOST_GROUPS]
    names = [str(groups["group"].values[i])[:18] for i in order]
    axes.barh(names, mean[order], color=[ORANGE] + [GREY] * (len(order) - 1))
    axes.invert_yaxis()
    plain(axes, x="mean activity", title=f"by {by}" if by else "by group")


def _profile(axes: Any, profile: Any) -> None:
    n = profile["n"].values
    shown = np.flatnonzero(n > 0)
    axes.plot(shown, profile["active"].values[shown] / n[shown], color=BLUE, lw=1)
    axes.set_ylim(0, None)
    plain(axes, x="position in the sequence (tokens)", y="share of tokens active", title="position")


def _tuning(axes: Any, mean: Any) -> None:
    (name,) = [d for d in mean.dims if d != "unit"]
    axes.plot(mean[name].values, mean.values.ravel(), color=BLUE, lw=1)
    plain(axes, x=str(name), y="mean activity", title=f"tuning to {name}")


def _top(details: Any) -> list[tuple[str, str, str, str]]:
    if "top" not in details or "token" not in details["top"]:
        return []
    top = details["top"]

    def text(part: str, rank: int) -> str:
        return str(top[part].values[rank])

    return [
        (f"{float(top['value'][rank]):.3g}", text("before", rank), text("token", rank), text("after", rank))
        for rank in range(min(_TOP, top.sizes["rank"]))
        if int(top["sequence_id"][rank]) >= 0
    ]


def _texts(axes: Any, texts: list[tuple[str, str, str, str]]) -> None:
    axes.set_axis_off()
    axes.set_title("strongest presentations", fontsize=9, loc="left")
    for number, (value, before, token, after) in enumerate(texts):
        y = 1 - (number + 0.7) / len(texts)
        # A dollar sign would start a formula.
        shown = [" ".join(part.split()).replace("$", r"\$") for part in (before[-48:], token, after[:40])]
        for x, text, align, colour in (
            (0.07, value, "right", GREY),
            (0.55, shown[0], "right", "black"),
            (0.56, shown[1], "left", VERMILLION),
            (0.57 + 0.012 * max(3, len(shown[1])), shown[2], "left", "black"),
        ):
            axes.text(x, y, text, ha=align, va="center", fontsize=7, color=colour, transform=axes.transAxes)
