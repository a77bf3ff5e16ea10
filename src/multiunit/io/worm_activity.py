"""Whole-brain calcium recordings of freely moving worms, with behaviour and the neurons' names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError, StoreError
from multiunit.core.recording import Recording

_COLUMNS = ("recording", "trace_column_1based", "label", "neuron_class", "confidence")


def read_worms(folder: str | Path) -> dict[str, Recording]:
    """Read every `NAME-data.h5` of a folder, and the names of its neurons from `neuropal_labels.csv`.

    Args:
        folder: of HDF5 files as the Flavell laboratory gives them: traces at `gcamp/traces_array_F_F20` (frame,
            neuron), frame times (s) at `timing/timestamp_confocal`, behaviour at `behavior/*`.

    Returns:
        NAME -> recording of one presentation a frame: `onset` (s) and every behaviour that has one number a frame
        (velocity, head_angle, ...); units have `cell_class` (the neuron's name, "" if unknown, with "?" if it could
        be several), `neuron_class` and `quality` (confidence of the name, 0 to 5).

    Raises:
        InputError: if the folder holds no such file, or a label names a trace that does not exist.
        StoreError: for a file that cannot be read or lacks its traces.

    Source: Dag et al. 2023, doi:10.1016/j.cell.2023.04.023.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*-data.h5"))
    if not files:
        raise InputError("folder", folder.name, "holds no file NAME-data.h5")
    labels = _labels(folder / "neuropal_labels.csv")
    return {name: _read(file, labels[labels["recording"] == name]) for file in files for name in [_name(file)]}


def _name(file: Path) -> str:
    return file.name.removesuffix("-data.h5")


def _labels(file: Path) -> pd.DataFrame:
    if not file.exists():
        return pd.DataFrame(columns=list(_COLUMNS))
    table = pd.read_csv(file, keep_default_na=False)
    missing = [column for column in _COLUMNS if column not in table]
    if missing:
        raise InputError("folder", file.name, f"lacks the column {missing[0]!r}")
    return table


def _read(file: Path, labels: pd.DataFrame) -> Recording:
    import h5py

    try:
        with h5py.File(file) as content:
            traces = content["gcamp/traces_array_F_F20"][()]
            onset = content["timing/timestamp_confocal"][()]
            behaviour = {name: values[()] for name, values in content.get("behavior", {}).items()}
    except (OSError, KeyError) as error:
        raise StoreError(f"cannot read {file.name}: {error}") from error
    n_frames, n_units = traces.shape
    # The table counts columns from 1, as Julia does.
    column = labels["trace_column_1based"].to_numpy(dtype=np.int64) - 1
    if len(column) and not (column.min() >= 0 and column.max() < n_units):
        raise InputError("folder", file.name, f"neuropal_labels.csv names a trace beyond the {n_units} there are")
    names, classes = np.full(n_units, "", dtype=object), np.full(n_units, "", dtype=object)
    quality = np.zeros(n_units)
    names[column], classes[column] = labels["label"].to_numpy(), labels["neuron_class"].to_numpy()
    quality[column] = labels["confidence"].to_numpy(dtype=float)
    kept = {name: values for name, values in behaviour.items() if values.shape == (n_frames,)}
    return Recording.from_activity(
        traces,
        site="neuron",
        units={"cell_class": names, "neuron_class": classes, "quality": quality},
        presentations={
            "onset": onset,
            "subject": np.full(n_frames, _name(file), dtype=object),
            **{name: values.astype(float) for name, values in kept.items()},
        },
        kind="calcium",
        units_of_activity="F / F20",
        source="doi:10.1016/j.cell.2023.04.023",
    )


def read_worms_together(folder: str | Path) -> Recording:
    """The worms of a folder as one recording: a site for each animal, its neurons named "animal/AVAL".

    Frames of all animals follow each other; `observed` is false where a neuron belongs to another animal. Neurons
    without a sure name are numbered, and so is a name that occurs twice in an animal.

    Raises:
        InputError: as `read_worms`.
        StoreError: as `read_worms`.
    """
    worms = read_worms(folder)
    shared = set.intersection(*(set(worm.presentations) for worm in worms.values()))
    columns = [c for c in next(iter(worms.values())).presentations if c in shared]
    n_frames = [worm.n_presentations for worm in worms.values()]
    n_units = [worm.n_units for worm in worms.values()]
    observed = np.zeros((sum(n_frames), sum(n_units)), dtype=bool)
    activity = np.full(observed.shape, np.nan)
    rows, units = np.cumsum([0, *n_frames]), np.cumsum([0, *n_units])
    names: list[str] = []
    for number, (animal, worm) in enumerate(worms.items()):
        block = (slice(rows[number], rows[number + 1]), slice(units[number], units[number + 1]))
        observed[block], activity[block] = True, worm.activity
        names += [f"{animal}/{name}" for name in _unique(worm.units["cell_class"].tolist())]
    tables = [worm.presentations[columns] for worm in worms.values()]
    unit_tables = [worm.units.assign(site=animal) for animal, worm in worms.items()]
    return Recording.from_activity(
        activity,
        units=pd.concat(unit_tables, ignore_index=True).assign(unit_id=names),
        presentations=pd.concat(tables, ignore_index=True),
        observed=observed,
        **next(iter(worms.values())).dataset.attrs,
    )


def _unique(names: list[str]) -> list[str]:
    once = {name for name in names if name and "?" not in name and names.count(name) == 1}
    return [name if name in once else str(number) for number, name in enumerate(names)]
