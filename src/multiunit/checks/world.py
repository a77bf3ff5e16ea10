"""A small planted world: sequences of tokens, and units of which it is known what they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

LABELS = ("ga", "ka", "pa", "ta")
LENGTH = 8
N_TOKENS = 20


@dataclass(frozen=True)
class World:
    """Activity with planted units.

    Args:
        activity: `(presentation, unit)`, zero where a unit is silent.
        presentations: one row a token: `sequence_id`, `position`, `stimulus_id`, `token_id`, `group`.
        sites: the site of each unit.
        families: what was planted -> the positions of its units.
        label_of: the label that each unit of the family `label` prefers.
    """

    activity: np.ndarray
    presentations: pd.DataFrame
    sites: np.ndarray
    families: dict[str, np.ndarray]
    label_of: dict[int, str]

    def batches(self, n_sequences: int = 16) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
        """The world in batches of whole sequences."""
        step = n_sequences * LENGTH
        for start in range(0, len(self.activity), step):
            yield self.activity[start : start + step], self.presentations.iloc[start : start + step]

    def shuffled(self, rng: np.random.Generator) -> World:
        """The same values with nothing planted: dealt anew over presentations and units."""
        activity = rng.permutation(self.activity.ravel()).reshape(self.activity.shape)
        return World(activity, self.presentations, self.sites, self.families, self.label_of)


def planted_world(
    rng: np.random.Generator, *, n_sequences: int = 160, n_units: int = 400, n_planted: int = 4, first_sequence: int = 0
) -> World:
    """Draw a world with four families of planted units, spread over the two sites.

    `label`: active with p = 0.95 in one group and 0.02 in the others. `dead`: never active. `position`: active
    at the first two positions of a sequence. `token`: active at one token and at nothing else. All other units
    are active at random, with p between 0.1 and 0.6.
    """
    n = n_sequences * LENGTH
    sequence = np.repeat(np.arange(n_sequences), LENGTH)
    position = np.tile(np.arange(LENGTH), n_sequences)
    group = np.array(LABELS)[sequence % len(LABELS)]
    token = rng.integers(N_TOKENS, size=n)
    probability = np.tile(rng.uniform(0.1, 0.6, n_units), (n, 1))
    names = ("label", "dead", "position", "token") if n_units >= 8 * n_planted else ()
    # Every 7th unit, so that planted units lie at both sites and a permutation is needed to gather them.
    spread = (7 * np.arange(n_units)) % n_units if n_units % 7 else np.arange(n_units)
    families = {name: np.sort(spread[i * n_planted : (i + 1) * n_planted]) for i, name in enumerate(names)}
    label_of: dict[int, str] = {}
    for name, units in families.items():
        for i, unit in enumerate(units):
            if name == "label":
                label_of[int(unit)] = LABELS[i % len(LABELS)]
                probability[:, unit] = np.where(group == LABELS[i % len(LABELS)], 0.95, 0.02)
            elif name == "dead":
                probability[:, unit] = 0.0
            elif name == "position":
                probability[:, unit] = np.where(position < 2, 0.95, 0.02)
            else:
                probability[:, unit] = np.where(token == i, 1.0, 0.0)
    active = rng.random((n, n_units)) < probability
    activity = np.where(active, 0.1 + np.abs(rng.normal(1.0, 0.5, (n, n_units))), 0.0)
    presentations = pd.DataFrame(
        {
            "sequence_id": first_sequence + sequence,
            "position": position,
            "stimulus_id": first_sequence + sequence,
            "token_id": token,
            "group": group.astype(object),
        }
    )
    sites = np.array(["near"] * (n_units // 2) + ["far"] * (n_units - n_units // 2), dtype=object)
    return World(activity, presentations, sites, families, label_of)


def vocabularies(presentations: pd.DataFrame, *, orders: tuple[int, ...] = (1, 2)) -> dict[int, np.ndarray]:
    """The n-grams within sequences, by order, those that occur at least five times."""
    found: dict[int, np.ndarray] = {}
    token: Any = presentations["token_id"].to_numpy()
    position = presentations["position"].to_numpy()
    for order in orders:
        ends = np.flatnonzero(position >= order - 1)
        grams = np.stack([token[ends - back] for back in range(order - 1, -1, -1)], axis=1)
        values, counts = np.unique(grams, axis=0, return_counts=True)
        found[order] = values[counts >= 5] if order > 1 else values
    return found
