"""Effects of factors against means of cells."""

import numpy as np
import pandas as pd
import pytest

from multiunit.core.errors import InputError
from multiunit.inference.factorial_effects import factorial_effects


def design(n_replicates=4, noise=0.0, seed=0):
    rows = [
        (size, step, data, replicate)
        for size in (1.0, 3.0)
        for step in (0.0, 1.0, 2.0)
        for data in ("faces", "moons", "cells")
        for replicate in range(n_replicates)
    ]
    table = pd.DataFrame(rows, columns=["size", "step", "data", "seed"])
    table["score"] = 0.2 * table["size"] + 0.05 * table["step"] * (table["data"] == "faces")
    table["score"] += noise * np.random.default_rng(seed).normal(size=len(table))
    return table


def effects(table, **options):
    return factorial_effects(table, "score", factors=["size", "step", "data"], replicate="seed", **options)


def test_effects_are_differences_of_means_of_cells():
    found = effects(design(noise=0.1))
    table = design(noise=0.1)
    by_size = table.groupby("size")["score"].mean()
    by_data = table.groupby("data")["score"].mean()
    value = found["value"].to_series()
    assert value["size"] == pytest.approx(by_size[3.0] - by_size[1.0])
    assert value["data[faces]"] == pytest.approx(by_data["faces"] - by_data["cells"])
    cells = table.groupby(["size", "data"])["score"].mean()
    gap = cells[3.0, "moons"] - cells[3.0, "cells"] - (cells[1.0, "moons"] - cells[1.0, "cells"])
    assert value["size x data[moons]"] == pytest.approx(gap)


def test_planted_effects_come_back_and_nothing_else():
    found = effects(design())
    planted = {"size": 0.4, "step": 0.1 / 3, "data[faces]": 0.05, "step x data[faces]": 0.1}
    for name, value in found["value"].to_series().items():
        assert value == pytest.approx(planted.get(name, 0.0), abs=1e-12)
    # In a balanced design numbers lose nothing to other effects: their share is the variance of their column.
    score = design()["score"]
    assert float(found["share"].sel(effect="size")) == pytest.approx(0.2**2 / score.var(ddof=0))


def test_intervals_cover_and_grow_with_the_spread_of_replicates():
    covered = [
        bool(found["low"].sel(effect="size") <= 0.4 <= found["high"].sel(effect="size"))
        for seed in range(40)
        for found in [effects(design(n_replicates=10, noise=0.2, seed=seed), n_bootstraps=100, level=0.9)]
    ]
    assert 0.7 <= np.mean(covered) <= 0.98
    table = design(n_replicates=5)
    alike = effects(table)
    assert np.allclose(alike["low"], alike["high"])
    # One replicate of larger effects: rows of a replicate go together, so the interval must reach far.
    table.loc[table["seed"] == 0, "score"] *= 3
    apart = effects(table)
    assert float(apart["low"].sel(effect="size")) < 0.45
    assert float(apart["high"].sel(effect="size")) > 0.7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="size"), "size"),
        (lambda t: t.assign(size=1.0), "two that differ"),
        (lambda t: t.assign(score=np.nan), "not finite"),
        (lambda t: t.assign(seed=0), "two groups"),
        (lambda t: t.assign(step=t["size"]), "apart"),
        (lambda t: t.head(2).assign(size=[1, 2], step=[1, 2], data=["a", "b"]), "apart"),
    ],
)
def test_errors(change, words):
    with pytest.raises(InputError, match=words):
        effects(change(design()))
