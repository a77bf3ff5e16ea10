"""Slow, plain counts over stored activity, in the shape of the statistics' results."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr


class Counted:
    """What the one-pass statistics give, counted by loops over stored activity `(presentation, unit)`."""

    def __init__(self, activity, sites=("a", "b"), threshold=0.0):
        self.activity = np.asarray(activity, dtype=float)
        self.active = self.activity > threshold
        n_units = self.activity.shape[1]
        site = np.array([sites[j * len(sites) // n_units] for j in range(n_units)], dtype=object)
        index = [int((site[:j] == site[j]).sum()) for j in range(n_units)]
        self.ids = {
            "unit_id": ("unit", np.array([f"{s}/{i}" for s, i in zip(site, index, strict=True)], dtype=object)),
            "site": ("unit", site),
        }

    def moments(self):
        return xr.Dataset(
            {"n": len(self.activity), "mean": ("unit", [float(np.mean(a)) for a in self.activity.T])}, self.ids
        )

    def firing(self, labels):
        names = sorted(set(labels))
        n = [sum(label == name for label in labels) for name in names]
        active = [
            [sum(bool(a) for a, label in zip(unit, labels, strict=True) if label == name) for name in names]
            for unit in self.active.T
        ]
        variables = {"active": (("unit", "group"), active), "n": ("group", n)}
        variables["fraction"] = (("unit", "group"), np.array(active) / n)
        return xr.Dataset(variables, self.ids).assign_coords(group=names)

    def groups(self, labels, absolute=True):
        names = sorted(set(labels))
        values = np.abs(self.activity) if absolute else self.activity
        parts = [values[[label == name for label in labels]] for name in names]
        variables = {
            "n": ("group", [len(p) for p in parts]),
            "mean": (("unit", "group"), np.stack([p.mean(axis=0) for p in parts], axis=1)),
            "variance": (("unit", "group"), np.stack([p.var(axis=0, ddof=1) for p in parts], axis=1)),
        }
        return xr.Dataset(variables, self.ids).assign_coords(group=names)

    def profile(self, position, n_positions):
        rows = [[t for t, p in enumerate(position) if p == place] for place in range(n_positions)]
        active = [[int(unit[r].sum()) for r in rows] for unit in self.active.T]
        variables = {"active": (("unit", "position"), active), "n": ("position", [len(r) for r in rows])}
        return xr.Dataset(variables, self.ids)

    def triggers(self, token, sequence, vocabulary):
        vocabulary = np.asarray(vocabulary)
        order = vocabulary.shape[1]
        n = np.zeros(len(vocabulary), dtype=int)
        active = np.zeros((self.activity.shape[1], len(vocabulary)), dtype=int)
        for t in range(order - 1, len(token)):
            if sequence[t - order + 1] != sequence[t]:
                continue
            for g, ngram in enumerate(vocabulary):
                if tuple(token[t - order + 1 : t + 1]) == tuple(ngram):
                    n[g] += 1
                    active[:, g] += self.active[t]
        variables = {
            "active": (("unit", "ngram"), active),
            "n": ("ngram", n),
            "total_active": ("unit", self.active.sum(axis=0)),
            "token": (("ngram", "order"), vocabulary),
        }
        return xr.Dataset(variables, self.ids)


@pytest.fixture(scope="session")
def counted():
    return Counted
