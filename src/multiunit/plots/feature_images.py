"""Images of units in a grid: what was synthesised, and what it started from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.core.atomic import new_file
from multiunit.core.errors import InputError, StoreError
from multiunit.plots.palette import VERMILLION, figure

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


def image_grid(
    images: Any, *, titles: Sequence[str] = (), bounds: Any = None, n_columns: int = 5, heading: str = ""
) -> Figure:
    """Draw images in rows, each with a title of its own.

    Args:
        images: `(image, channel, y, x)`; 3 channels are colours, several others are averaged, and one value is drawn
            in the colours of cividis, which look alike to all colour vision. An image without any number stays empty.
        titles: one an image, or none.
        bounds: lowest and highest value, numbers or one for each channel; by default those of the images.
        n_columns: images in a row.
        heading: of the whole figure.

    Returns:
        A matplotlib figure.

    Raises:
        InputError: for other shapes, or another number of titles.

    >>> len(image_grid(np.zeros((3, 1, 4, 4)), titles=["a", "b", "c"], n_columns=2).axes)
    3
    """
    pictures = np.asarray(images, dtype=float)
    if pictures.ndim != 4 or not len(pictures):
        raise InputError("images", pictures.shape, "needs (image, channel, y, x), at least one")
    if len(titles) not in (0, len(pictures)):
        raise InputError("titles", len(titles), f"none, or one for each of {len(pictures)} images")
    if n_columns < 1:
        raise InputError("n_columns", n_columns, "at least one")
    shown = _scaled(pictures, bounds)
    n_columns = min(n_columns, len(shown))
    n_rows = -(-len(shown) // n_columns)
    drawn = figure(1.3 * n_columns, 1.5 * n_rows + (0.4 if heading else 0.0))
    for number, picture in enumerate(shown):
        axes = drawn.add_subplot(n_rows, n_columns, number + 1)
        axes.set_axis_off()
        if np.isnan(pictures[number]).all():
            continue
        colour: dict[str, Any] = {} if picture.shape[-1] == 3 else {"cmap": "cividis", "vmin": 0, "vmax": 1}
        axes.imshow(picture if picture.shape[-1] == 3 else picture.mean(axis=-1), interpolation="nearest", **colour)
        if len(titles):
            # A dollar sign would start a formula.
            axes.set_title(str(titles[number]).replace("$", r"\$")[:40], fontsize=7, loc="left")
    if heading:
        drawn.suptitle(heading.replace("$", r"\$")[:120], fontsize=9, x=0.01, ha="left", color=VERMILLION)
    return drawn


def _scaled(pictures: np.ndarray, bounds: Any) -> np.ndarray:
    """`(image, y, x, channel)` in [0, 1]; what is not finite is drawn as the lowest value."""
    finite = pictures[np.isfinite(pictures)]
    if bounds is None:
        bounds = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    try:
        low, high = (np.broadcast_to(np.asarray(v, dtype=float), (pictures.shape[1],)) for v in bounds)
    except (TypeError, ValueError) as error:
        raise InputError("bounds", bounds, "needs (lowest, highest), numbers or one for each channel") from error
    reach = np.where(high > low, high - low, 1.0)
    scaled = (pictures.transpose(0, 2, 3, 1) - low) / reach
    return np.clip(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0), 0, 1)


def feature_images(found: xr.Dataset, *, bounds: Any = None, n_columns: int = 5) -> Figure:
    """Draw what `feature_visualization` or `multifaceted_visualization` found, with the activation of each image.

    For facets the upper row of each pair holds the start images.

    Args:
        found: `image` and `activation`, and for facets `start`, `start_activation` and `size`.
        bounds: see `image_grid`; by default those that the images were made within.
        n_columns: images in a row.

    Returns:
        A matplotlib figure.

    >>> import xarray as xr
    >>> dims = ("picture", "channel", "y", "x")
    >>> found = xr.Dataset({"image": (dims, np.zeros((2, 3, 4, 4))), "activation": ("picture", [1.0, 2.5])})
    >>> [axes.get_title(loc="left") for axes in feature_images(found).axes]
    ['1', '2.5']
    """
    bounds = found.attrs.get("bounds") if bounds is None else bounds
    unit = str(found.attrs.get("unit_id", "unit"))
    made, activation = found["image"].values, found["activation"].values
    if "start" not in found:
        titles = [f"{value:.3g}" for value in activation]
        return image_grid(made, titles=titles, bounds=bounds, n_columns=n_columns, heading=f"{unit}: activation")
    pictures, titles = [], []
    for first in range(0, len(made), n_columns):
        some = slice(first, first + n_columns)
        gap = n_columns - len(made[some]) if len(made) > n_columns else 0
        for kind, row, values in (
            ("mean", found["start"].values[some], found["start_activation"].values[some]),
            ("made", made[some], activation[some]),
        ):
            pictures += [*row, *np.full((gap, *made.shape[1:]), np.nan)]
            titles += [f"{kind} {first + i}: {value:.3g}" for i, value in enumerate(values)] + [""] * gap
    sizes = ", ".join(map(str, found["size"].values))
    width = min(n_columns, len(made))
    heading = f"{unit}: facets of {sizes} stimuli, and activations"
    return image_grid(np.stack(pictures), titles=titles, bounds=bounds, n_columns=width, heading=heading)


def save_feature_images(drawn: Figure, path: str | Path) -> Path:
    """Write a figure as PNG; an older file stays whole until the new one is complete.

    Raises:
        StoreError: if it cannot be written.

    >>> import tempfile
    >>> save_feature_images(image_grid(np.zeros((1, 1, 4, 4))), Path(tempfile.mkdtemp()) / "unit.png").name
    'unit.png'
    """
    with new_file(path) as file:
        drawn.savefig(file, format="png")
    return Path(path)


def add_to_atlas(atlas: str | Path, found: xr.Dataset, *, bounds: Any = None) -> Path:
    """Write the images of a unit into a saved atlas, as `pictures/<unit>.png`.

    Args:
        atlas: the folder that `Atlas.save` wrote.
        found: what `feature_visualization` or `multifaceted_visualization` found for one of its units.
        bounds: see `feature_images`.

    Returns:
        Where the picture lies.

    Raises:
        InputError: if the atlas does not have the unit.
        StoreError: if the folder holds no atlas, or the picture cannot be written.

    >>> import tempfile, torch
    >>> from multiunit.systems import TorchSystem
    >>> from multiunit.units import build_atlas
    >>> from multiunit.units.feature_visualization import feature_visualization, noise_images
    >>> system = TorchSystem(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU()))
    >>> atlas = build_atlas(system, stimuli=noise_images(20, (3, 8, 8)), detectors=[])
    >>> folder = atlas.save(tempfile.mkdtemp())
    >>> found = feature_visualization(system, "1/1", start=noise_images(2, (3, 8, 8)))
    >>> add_to_atlas(folder, found).relative_to(folder).as_posix()
    'pictures/1_1.png'
    """
    import pandas as pd

    folder, unit = Path(atlas), str(found.attrs.get("unit_id"))
    try:
        units = pd.read_parquet(folder / "table.parquet", columns=["site"]).index
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder} is no atlas: {error}") from error
    if unit not in units:
        raise InputError("found", unit, f"is of no unit of the atlas, {units[0]} ...")
    # Sites may hold any sign, file names may not.
    name = re.sub(r"[^\w.-]", "_", unit)
    return save_feature_images(feature_images(found, bounds=bounds), folder / "pictures" / f"{name}.png")
