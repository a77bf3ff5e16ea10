"""Colours that people with any colour vision tell apart, and figures that belong to nobody's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito 2008.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
GREY = "#8A8A8A"


def figure(width: float, height: float, **layout: Any) -> Figure:
    """A figure of its own, in inches, without pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=150, **layout)


def plain(axes: Any, *, x: str = "", y: str = "", title: str = "") -> Any:
    """Axes with labels and without a box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.set_title(title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    return axes
