"""What holds for every accumulator: splits, order, resuming, half precision, and bad input."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from multiunit.core import InputError
from multiunit.statistics import (
    Correlation,
    CrossCorrelation,
    FiringFraction,
    GroupMoments,
    Histogram,
    Moments,
    Pooled,
    PositionProfile,
    RankCurve,
    RankHistogram,
    SpectralPower,
    TokenTriggers,
    TopPresentations,
)

STATISTICS = {
    "moments": Moments(),
    "firing": FiringFraction(by="group", threshold=0.25),
    "firing of all": FiringFraction(),
    "group moments": GroupMoments("group", absolute=True),
    "top": TopPresentations(3),
    "histogram": Histogram(16),
    "profile": PositionProfile(6),
    "unigrams": TokenTriggers([[0], [1], [2]]),
    "bigrams": TokenTriggers([[0, 1], [2, 2]]),
    "correlation": Correlation(),
    "cross": CrossCorrelation(),
    "rank": RankCurve("group"),
    "rank histogram": RankHistogram("group"),
    "spectrum": SpectralPower(4),
    "pooled": Pooled(GroupMoments("group"), how="mean"),
}


def data(n_sequences=12, n_units=5, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, size=n_sequences)
    sequence = np.repeat(np.arange(n_sequences), lengths)
    table = pd.DataFrame(
        {
            "sequence_id": sequence,
            "position": np.concatenate([np.arange(length) for length in lengths]),
            "token_id": rng.integers(0, 4, size=len(sequence)),
            "group": np.array(["b", "a", "c"], dtype=object)[sequence % 3],
        }
    )
    activity = np.maximum(rng.normal(size=(len(sequence), n_units)).round(1), 0).astype(np.float32)
    activity[:, 0] = 0
    return activity, table


def feed(statistic, activity, table):
    more = {"other": activity[:, ::-1].copy()} if isinstance(statistic, CrossCorrelation) else {}
    if type(statistic) is Correlation:
        more = {}
    statistic.update(activity, table, **more)


def whole(name, activity, table):
    statistic = STATISTICS[name].fresh()
    feed(statistic, activity, table)
    return statistic


def pieces(activity, table, cuts):
    """Cut between sequences."""
    starts = [0, *sorted({int(np.searchsorted(table["sequence_id"], c)) for c in cuts}), len(table)]
    for a, b in itertools.pairwise(starts):
        if b > a:
            yield activity[a:b], table.iloc[a:b].reset_index(drop=True)


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 12), max_size=5), seed=st.integers(0, 99))
def test_merging_splits_in_any_order_gives_the_whole(name, cuts, seed):
    activity, table = data(seed=seed)
    parts = []
    for part in pieces(activity, table, cuts):
        parts.append(STATISTICS[name].fresh())
        feed(parts[-1], *part)
    np.random.default_rng(seed).shuffle(parts)
    merged = STATISTICS[name].fresh()
    for part in parts:
        merged.merge(part)
    xr.testing.assert_allclose(merged.result(), whole(name, activity, table).result(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", STATISTICS)
def test_resuming_from_the_state_is_identical(name):
    activity, table = data()
    parts = list(pieces(activity, table, [3, 7]))
    straight, resumed = STATISTICS[name].fresh(), STATISTICS[name].fresh()
    for part in parts:
        feed(straight, *part)
    for part in parts:
        feed(resumed, *part)
        again = STATISTICS[name].fresh()
        again.load_state_dict({key: value.copy() for key, value in resumed.state_dict().items()})
        resumed = again
    xr.testing.assert_identical(straight.result(), resumed.result())
    assert not any(value.dtype == object for value in resumed.state_dict().values())


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_and_inputs_left_alone(name, kind):
    activity, table = data()
    tensor = torch.tensor(activity).to(kind)
    before, table_before = tensor.clone(), table.copy()
    statistic = STATISTICS[name].fresh()
    if name == "cross":
        statistic.update(tensor, table, other=tensor.flip(1))
    else:
        statistic.update(tensor, table)
    expected = whole(name, tensor.double().numpy(), table).result()
    xr.testing.assert_allclose(statistic.result(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(tensor, before)
    pd.testing.assert_frame_equal(table, table_before)


@pytest.mark.parametrize("name", STATISTICS)
def test_nan_and_wrong_shapes_are_refused(name):
    activity, table = data()
    for bad, words in ((np.where(np.arange(5) == 2, np.nan, activity), "NaN"), (activity[1:], "presentation, unit")):
        with pytest.raises(InputError, match=words):
            whole(name, bad, table)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_fresh_copy_has_seen_nothing(name):
    activity, table = data()
    statistic = whole(name, activity, table)
    assert statistic.state_dict()
    assert statistic.fresh().state_dict() == {}


@pytest.mark.parametrize("name", ["firing", "group moments", "rank", "rank histogram"])
def test_a_missing_column_and_a_missing_label(name):
    activity, table = data()
    with pytest.raises(InputError, match="is no presentation column; there are: sequence_id"):
        whole(name, activity, table.drop(columns="group"))
    gaps = table.assign(group=table["group"].where(table["group"] != "c"))
    kept = (table["group"] != "c").to_numpy()
    expected = whole(name, activity[kept], table[kept].reset_index(drop=True)).result()
    xr.testing.assert_allclose(whole(name, activity, gaps).result(), expected)
