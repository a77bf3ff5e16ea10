"""All units of an atlas in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.plots.palette import BLUE, GREY, VERMILLION, figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from multiunit.units.atlas import Atlas

_MOST_ROWS = 24
_STRIP = 20_000


def atlas_overview(atlas: Atlas) -> Figure:
    """Draw how active the units of every site are, and how many of them each detector selects.

    Left: each dot is a unit, its mean activity; the mark is the site's median. Right: selected units per site and
    detector as a share of the site's units.

    Returns:
        A matplotlib figure.
    """
    table = atlas.table
    sites = list(dict.fromkeys(table["site"].astype(str)))
    every = [str(c) for c in table if ".selected" in str(c) and table[c].any()]
    # With many labels a detector is one column: what it selects for any of them.
    names = [c.replace(".selected", "") for c in every]
    if len(every) > _MOST_ROWS:
        names = list(dict.fromkeys(c.partition(".selected")[0] for c in every))
    marked = {
        name: table[[c for c in every if f"{c}.".replace(".selected", "").startswith(f"{name}.")]].any(axis=1)
        for name in names
    }
    height = 1.2 + 0.24 * max(len(sites), 6)
    drawn = figure(9.0 if marked else 5.0, height)
    left, *right = drawn.subplots(1, 2 if marked else 1, squeeze=False, sharey=bool(marked))[0]
    _strip(left, table, sites)
    if right:
        site = table["site"].astype(str)
        share = np.stack([m.groupby(site).mean()[sites].to_numpy(float) for m in marked.values()], axis=1)
        _shares(drawn, right[0], share, list(marked))
    source = atlas.manifest.get("source", {})
    drawn.suptitle(
        f"{source.get('name', 'atlas')}: {len(table)} units, {atlas.manifest.get('n_presentations')} presentations",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    return drawn


def _strip(axes: Any, table: Any, sites: list[str]) -> None:
    rng = np.random.default_rng(0)
    mean, site = table["mean"].to_numpy(float), table["site"].astype(str).to_numpy()
    for row, name in enumerate(sites):
        values = mean[site == name]
        kept = (
            values if len(values) <= _STRIP // len(sites) else rng.choice(values, _STRIP // len(sites), replace=False)
        )
        axes.plot(kept, row + rng.uniform(-0.3, 0.3, len(kept)), ".", ms=2, color=BLUE, alpha=0.5, rasterized=True)
        axes.plot([np.median(values)], [row], "|", ms=9, mew=2, color=VERMILLION)
    axes.set_yticks(range(len(sites)), [name[-34:] for name in sites])
    axes.invert_yaxis()
    axes.axvline(0, color=GREY, lw=0.5)
    plain(axes, x="mean activity of each unit (bar: median)", title="units by site")


def _shares(drawn: Any, axes: Any, share: np.ndarray, names: list[str]) -> None:
    image = axes.imshow(100 * share, aspect="auto", cmap="cividis", vmin=0, interpolation="none")
    axes.set_xticks(range(len(names)), [name[-28:] for name in names], rotation=60, ha="right")
    plain(axes, title="selected units, % of the site")
    axes.spines[:].set_visible(False)
    bar = drawn.colorbar(image, ax=axes, shrink=0.8)
    bar.ax.tick_params(labelsize=7)
