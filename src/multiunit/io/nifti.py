"""Functional magnetic resonance imaging: voxels as units, volumes as presentations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError, MissingDependencyError, StoreError
from multiunit.core.recording import Recording


def read_nifti(
    path: str | Path,
    *,
    mask: str | Path | None = None,
    events: str | Path | None = None,
    labels: str | Path | None = None,
    delay: float = 0.0,
) -> Recording:
    """A 4-d NIfTI image as activity `(volume, voxel)`.

    Args:
        path: the image.
        mask: an image of the same grid; its non-zero voxels are kept. Without one, voxels that vary are kept.
        events: a BIDS table with `onset`, `duration` (s) and `trial_type`, which names the volumes' `condition`.
        labels: a text with one line a volume, `condition run`.
        delay: seconds by which the response lags; a volume belongs to the event that was on `delay` seconds earlier.

    Returns:
        Units with `x`, `y`, `z` (mm, by the image's affine) and the site of the mask's name; presentations with `onset`
        and `duration` (s), and `condition` and `run` where they are known.

    Raises:
        InputError: for an image that is not 4-d, a mask of another grid, or labels that do not fit.
        StoreError: for a file that cannot be read.
    """
    image = _load(path)
    if image.ndim != 4:
        raise InputError("path", image.shape, "needs a 4-d image (x, y, z, volume)")
    data = np.asarray(image.dataobj)
    inside, site = data.std(axis=-1) > 0, "brain"
    if mask is not None:
        grid = _load(mask)
        if grid.shape[:3] != image.shape[:3]:
            raise InputError("mask", grid.shape, f"needs the grid of the image, {image.shape[:3]}")
        inside = np.asarray(grid.dataobj).reshape(image.shape[:3]) != 0
        site = Path(mask).name.partition(".")[0]
    if not inside.any():
        raise InputError("mask", site, "holds no voxel")
    index = np.argwhere(inside)
    x, y, z = (np.c_[index, np.ones(len(index))] @ image.affine.T)[:, :3].T
    step = _seconds(image)
    onset = np.arange(image.shape[3]) * step
    columns: dict[str, Any] = {"onset": onset, "duration": np.full(len(onset), step)}
    if labels is not None:
        columns |= _per_volume(Path(labels), len(onset))
    if events is not None:
        columns["condition"] = _from_events(Path(events), onset - delay)
    return Recording.from_activity(
        data[inside].T.astype(np.float32),
        site=site,
        units={"x": x, "y": y, "z": z},
        presentations=columns,
        kind="bold",
        source=Path(path).name,
    )


def _load(path: str | Path) -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise MissingDependencyError("nibabel", "io") from error
    try:
        return nibabel.load(path)
    except (OSError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def _seconds(image: Any) -> float:
    unit = image.header.get_xyzt_units()[1]
    return float(image.header.get_zooms()[3]) * {"msec": 1e-3, "usec": 1e-6}.get(unit, 1.0)


def _per_volume(path: Path, n_volumes: int) -> dict[str, np.ndarray]:
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if rows and rows[0][0] in ("labels", "condition"):
        rows = rows[1:]
    if len(rows) != n_volumes or len({len(row) for row in rows}) != 1:
        raise InputError("labels", f"{path.name}: {len(rows)} lines", f"needs one line for each of {n_volumes} volumes")
    columns = {"condition": np.array([row[0] for row in rows], dtype=object)}
    if len(rows[0]) > 1:
        columns["run"] = np.array([row[1] for row in rows], dtype=object)
    return columns


def _from_events(path: Path, times: np.ndarray) -> np.ndarray:
    table = pd.read_csv(path, sep="\t")
    missing = [c for c in ("onset", "duration", "trial_type") if c not in table]
    if missing:
        raise InputError("events", path.name, f"lacks the column {missing[0]!r}")
    condition = np.full(len(times), "rest", dtype=object)
    for onset, duration, name in table[["onset", "duration", "trial_type"]].itertuples(index=False):
        condition[(times >= onset) & (times < onset + duration)] = str(name)
    return condition
