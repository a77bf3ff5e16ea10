"""All measures that make sense of one recording, for its atlas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.units.behavioural_correlation import behavioural_correlation
from multiunit.units.selectivity import selectivity
from multiunit.units.sparseness import sparseness
from multiunit.units.spatial_information import spatial_information
from multiunit.units.split_half_reliability import split_half_reliability
from multiunit.units.tuning_curve import tuning_curve

_NO_VARIABLE = ("presentation_id", "stimulus_id", "repeat", "onset", "duration", "split", "sequence_id")
_MOST_VARIABLES = 20
_PLACES = ("position", "x", "y")
# An animal that moves slower than this share of its fast speed (95th percentile) stands still.
_STILL = 0.1


def measure_recording(
    recording: Recording, *, by: str | None = None, random_state: int = 0
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Correlation with every continuous variable, information about place, selectivity, sparseness and reliability.

    Information and tuning are asked of spike counts; where there is a `speed`, of the time in which the animal moves.

    Returns:
        name -> measure, such as `correlation.velocity`; and name -> why a measure was left out.
    """
    found: dict[str, xr.Dataset] = {}
    skipped: dict[str, str] = {}
    activity = recording.dataset["activity"]
    counts = recording.dataset.attrs.get("kind") == "spikes"
    moving = _moving(recording) if counts else recording
    variables = continuous(recording.presentations)
    for name in variables[_MOST_VARIABLES:]:
        skipped[f"correlation.{name}"] = f"only the first {_MOST_VARIABLES} variables are measured"
    for name in variables[:_MOST_VARIABLES]:
        try:
            found[f"correlation.{name}"] = behavioural_correlation(recording, name, random_state=random_state)
            if counts:
                values = moving.presentations[name].to_numpy(float)
                # A few stray values would otherwise stretch the bins over nothing.
                low, high = np.quantile(values, [0.005, 0.995])
                edges = np.linspace(float(low), float(high), 21)
                found[f"tuning.{name}"] = tuning_curve(moving, name, edges=[edges])[["mean"]]
                if name in _PLACES:
                    found[f"information.{name}"] = spatial_information(moving, name, random_state=random_state)
        except InputError as error:
            skipped[f"correlation.{name}"] = str(error)
    wanted = {"selectivity": lambda: selectivity(recording, str(by))} if by is not None else {}
    if "stimulus_id" in recording.presentations:
        wanted["reliability"] = lambda: split_half_reliability(recording, random_state=random_state)
    if counts or bool((activity.values[:1] >= 0).all()):
        wanted["sparseness"] = lambda: sparseness(recording)
    for name, measure in wanted.items():
        try:
            found[name] = measure()
        except InputError as error:
            skipped[name] = str(error)
    return found, skipped


def continuous(table: pd.DataFrame) -> list[str]:
    """The columns that are continuous variables: finite numbers with more than ten values.

    >>> continuous(pd.DataFrame({"speed": np.linspace(0, 1, 20), "side": [0, 1] * 10, "onset": range(20)}))
    ['speed']
    """
    names = []
    for name in table:
        column = table[name]
        if str(name) in _NO_VARIABLE or not pd.api.types.is_float_dtype(column):
            continue
        if np.isfinite(column.to_numpy(float)).all() and column.nunique() > 10:
            names.append(str(name))
    return names


def _moving(recording: Recording) -> Recording:
    if "speed" not in recording.presentations:
        return recording
    speed = recording.presentations["speed"].to_numpy(float)
    return recording.select(presentations=speed > _STILL * np.quantile(speed, 0.95))
