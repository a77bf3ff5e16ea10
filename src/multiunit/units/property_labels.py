"""Labels of units from measured properties of what they respond to: which rise and fall with the unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.behavioural_correlation import correlations
from multiunit.units.observed import Measured, numbers, over_observed

Writer = Callable[[pd.Series], str]


def in_words(correlation: pd.Series) -> str:
    """A label from the correlations that a unit's label rests on, strongest first.

    >>> in_words(pd.Series({"mass": 0.62, "charge": -0.41}))
    'rises with mass (r = 0.62), falls with charge (r = -0.41)'
    """
    said = [f"{'rises' if r > 0 else 'falls'} with {name} (r = {r:.2f})" for name, r in correlation.items()]
    return ", ".join(said) or "follows none of the properties"


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    columns = {"mass": rng.normal(size=80), "charge": rng.normal(size=80)}
    activity = rng.normal(size=(80, 5))
    activity[:, 1] += 2 * columns["mass"]
    units = {"site": np.array(["a", "a", "a", "b", "b"], dtype=object)}
    return (Recording.from_activity(activity, units=units, presentations=columns), ["mass", "charge"]), {}


@method(kind="measure", source="arXiv:2507.06458", score="correlation", example=_example)
def property_labels(
    recording: Recording,
    properties: Sequence[str],
    *,
    minimum: float = 0.2,
    n_named: int = 2,
    held_out: float = 0.5,
    writer: Writer = in_words,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Label every unit by the properties with which its activity rises and falls, and try the label on new stimuli.

    r(unit, property) is Pearson's, over presentations that are not held out; yes-or-no properties count as 0 and 1.
    The label names at most `n_named` properties of |r| >= `minimum`, strongest first. What the label is worth is the
    held-out correlation with the property that it names first, in the direction that it says.

    Args:
        recording: activity `(presentation, unit)` with a column for each property; for whole sequences record with
            `TorchSystem(..., pool="mean")`.
        properties: presentation columns of finite numbers.
        minimum: least |r| that is named.
        n_named: most properties in a label.
        held_out: share of the presentations that the labels do not see.
        writer: makes the label of the named correlations, a series by property; a language model can stand here.
        random_state: seed or generator of the split.

    Returns:
        over `unit` and `property`: `correlation`, `held_out_correlation`; over `unit`: `label`; `follows`, the
        strongest property whatever its size; `held_out`, the correlation with that property where it was not seen,
        in the direction of the label.

    Raises:
        InputError: for no properties, columns that are missing, not finite or constant, or too few presentations.

    Source: "Automated Neuron Labelling Enables Generative Steering and Interpretability in Protein Language Models",
    arXiv:2507.06458. Reconstructed: the published labels are written by a language model from top sequences; here
    they state the correlations.

    >>> rng = np.random.default_rng(0)
    >>> mass = rng.normal(size=200)
    >>> r = Recording.from_activity(np.c_[-mass, rng.normal(size=200)], presentations={"mass": mass})
    >>> property_labels(r, ["mass"])["label"].values.tolist()
    ['falls with mass (r = -1.00)', 'follows none of the properties']
    """
    names = [properties] if isinstance(properties, str) else list(properties)
    if not names or len(set(names)) < len(names):
        raise InputError("properties", names, "name at least one column, each once")
    if not 0 < held_out < 1 or n_named < 1:
        raise InputError("held_out", (held_out, n_named), "a share strictly between 0 and 1, and one name or more")
    values = np.stack([numbers(recording, name) for name in names])
    constant = [name for name, row in zip(names, values, strict=True) if np.ptp(row) == 0]
    if constant:
        raise InputError("properties", constant[0], "is constant; nothing correlates with it")
    n = values.shape[1]
    unseen = np.zeros(n, dtype=bool)
    unseen[np.random.default_rng(random_state).permutation(n)[: round(held_out * n)]] = True

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        away = unseen[rows]
        if min(away.sum(), (~away).sum()) < 3:
            raise InputError("recording", len(rows), "needs three presentations or more in each half for every unit")
        halves = [correlations(activity[part], values[:, rows[part]]).T for part in (~away, away)]
        dims = ("unit", "property")
        return {"correlation": (dims, halves[0]), "held_out_correlation": (dims, halves[1])}

    found = over_observed(recording, measure)
    seen, new = found["correlation"].values, found["held_out_correlation"].values
    order = np.argsort(-np.abs(seen), axis=1, kind="stable")
    first = order[:, 0]
    unit = np.arange(len(seen))
    labels = []
    for r, best in zip(seen, order[:, :n_named], strict=True):
        named = [column for column in best if abs(r[column]) >= minimum]
        labels.append(writer(pd.Series(r[named], index=[names[column] for column in named], dtype=float)))
    return found.assign(
        label=("unit", np.array(labels, dtype=object)),
        follows=("unit", np.array(names, dtype=object)[first]),
        held_out=("unit", np.sign(seen[unit, first]) * new[unit, first]),
    ).assign_coords(property=("property", np.array(names, dtype=object)))


def units_following(labels: xr.Dataset, name: str, *, n_units: int) -> pd.Series:
    """The units that follow a property most, by id, with their correlation, strongest first.

    Args:
        labels: from `property_labels`.
        name: one of its properties.
        n_units: how many.

    Raises:
        InputError: for an unknown property, or more units than there are.

    >>> r = xr.Dataset({"correlation": (("unit", "property"), [[0.1], [-0.8]])},
    ...     {"unit_id": ("unit", ["a/0", "a/1"]), "property": ["mass"]})
    >>> units_following(r, "mass", n_units=1).to_dict()
    {'a/1': -0.8}
    """
    if name not in labels["property"].values:
        raise InputError("name", name, f"is none of the properties {labels['property'].values.tolist()}")
    r = pd.Series(labels["correlation"].sel(property=name).values, index=labels["unit_id"].values)
    if not 0 < n_units <= len(r):
        raise InputError("n_units", n_units, f"between 1 and {len(r)}")
    return r.loc[r.abs().sort_values(ascending=False, kind="stable").index[:n_units]]
