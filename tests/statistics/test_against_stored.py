"""Each accumulator against the plain computation on stored activity."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from multiunit.statistics import (
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


@pytest.fixture
def stored():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "sequence_id": np.repeat(np.arange(40), 25),
            "position": np.tile(np.arange(25), 40),
            "token_id": rng.integers(0, 6, size=1000),
            "group": np.repeat(rng.choice(["x", "y", "z"], size=40), 25),
        }
    )
    return rng.gamma(2, size=(1000, 7)) - 1, table


def fed(statistic, activity, table, **more):
    for start in range(0, len(table), 250):
        rows = slice(start, start + 250)
        statistic.update(
            activity[rows], table.iloc[rows].reset_index(drop=True), **{k: v[rows] for k, v in more.items()}
        )
    return statistic.result()


def test_moments_keep_their_precision_far_from_zero(stored):
    activity, table = stored
    found = fed(Moments(), activity, table)
    np.testing.assert_allclose(found["variance"], activity.var(0), rtol=1e-12)
    np.testing.assert_allclose(found["skewness"], stats.skew(activity), rtol=1e-10)
    np.testing.assert_allclose(found["kurtosis"], stats.kurtosis(activity), rtol=1e-10)
    far = (activity + 1e4).astype(np.float32)
    single = fed(Moments(), far, table)
    np.testing.assert_allclose(single["variance"], far.astype(float).var(0), rtol=1e-5)
    np.testing.assert_allclose(single["mean"], far.astype(float).mean(0), rtol=1e-7)


def test_a_constant_unit_has_no_shape(stored):
    _, table = stored
    found = fed(Moments(), np.full((1000, 1), 0.1, dtype=np.float32), table)
    assert float(found["variance"][0]) == pytest.approx(0, abs=1e-12)
    assert float(found["skewness"][0]) == float(found["kurtosis"][0]) == 0


def test_group_statistics(stored):
    activity, table = stored
    means, firing = fed(GroupMoments("group"), activity, table), fed(FiringFraction("group"), activity, table)
    for group in "xyz":
        rows = activity[(table["group"] == group).to_numpy()]
        np.testing.assert_allclose(means["mean"].sel(group=group), rows.mean(0), rtol=1e-12)
        np.testing.assert_allclose(means["variance"].sel(group=group), rows.var(0, ddof=1), rtol=1e-12)
        np.testing.assert_array_equal(firing["active"].sel(group=group), (rows > 0).sum(0))


def test_top_presentations_are_exact_with_ties(stored):
    activity, table = stored
    for values in (activity, activity.round(0), np.zeros_like(activity)):
        shuffled = np.random.default_rng(1).permutation(1000)
        found = fed(TopPresentations(9), values[shuffled], table.iloc[shuffled].reset_index(drop=True))
        for unit in range(7):
            order = np.lexsort((np.arange(1000), -values[:, unit]))[:9]
            np.testing.assert_array_equal(found["value"][unit], values[order, unit])
            np.testing.assert_array_equal(found["sequence_id"][unit], table["sequence_id"].to_numpy()[order])
            np.testing.assert_array_equal(found["position"][unit], table["position"].to_numpy()[order])


def test_fewer_presentations_than_asked_for(stored):
    activity, table = stored
    found = fed(TopPresentations(5), activity[:2], table[:2])
    assert np.isnan(found["value"].values[:, 2:]).all()
    assert (found["position"].values[:, 2:] == -1).all()


def test_histogram_and_profile(stored):
    activity, table = stored
    found = fed(Histogram(32), activity, table)
    edges = np.append(found["edge_low"].values, found["edge_high"].values[-1])
    for unit in range(7):
        np.testing.assert_array_equal(found["count"][unit], np.histogram(activity[:, unit], edges)[0])
    outside = Histogram(4)
    outside.update(np.array([[1e9], [-1e9]]), table[:2])
    assert outside.result()["count"].values.tolist() == [[1, 0, 0, 1]]
    profile = fed(PositionProfile(20), activity, table)
    expected = pd.DataFrame(activity > 0).groupby(table["position"]).sum().to_numpy()[:20]
    np.testing.assert_array_equal(profile["active"].values.T, expected)
    assert (profile["n"] == 40).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_ngrams_against_a_plain_loop(stored, order):
    activity, table = stored
    rng = np.random.default_rng(order)
    vocabulary = np.unique(rng.integers(0, 6, size=(8, order)), axis=0)[::-1]
    found = fed(TokenTriggers(vocabulary), activity, table)
    tokens = table["token_id"].to_numpy().reshape(40, 25)
    for number, gram in enumerate(vocabulary):
        ends = [
            s * 25 + p
            for s in range(40)
            for p in range(order - 1, 25)
            if (tokens[s, p - order + 1 : p + 1] == gram).all()
        ]
        assert int(found["n"][number]) == len(ends)
        np.testing.assert_array_equal(found["active"][:, number], (activity[ends] > 0).sum(0))
    np.testing.assert_array_equal(found["total_active"], (activity > 0).sum(0))


def test_cross_correlation_against_numpy(stored):
    activity, table = stored
    other = activity[:, :3] @ np.random.default_rng(2).normal(size=(3, 4)) + 5
    found = fed(CrossCorrelation(), activity, table, other=other)
    expected = np.corrcoef(activity.T, other.T)[:7, 7:]
    np.testing.assert_allclose(found["correlation"], expected, atol=1e-12)
    constant = fed(CrossCorrelation(), activity * 0 + 3, table, other=other)
    assert (constant["correlation"] == 0).all()


def test_pooled_is_the_statistic_of_the_pooled(stored):
    activity, table = stored
    sequences = activity.reshape(40, 25, 7)
    labels = table["group"].to_numpy()[::25]
    for how, pooled in (("max", sequences.max(1)), ("mean", sequences.mean(1)), ("last", sequences[:, -1])):
        found = fed(Pooled(GroupMoments("group"), how=how), activity, table)
        for group in "xyz":
            np.testing.assert_allclose(found["mean"].sel(group=group), pooled[labels == group].mean(0), rtol=1e-12)


def test_rank_histogram_is_close_to_the_exact_curve(stored):
    activity, table = stored
    exact, binned = fed(RankCurve("group"), activity, table), fed(RankHistogram("group", n_bins=4096), activity, table)
    for name in ("average_precision", "auroc"):
        np.testing.assert_allclose(binned[name], exact[name], atol=5e-3)


def test_spectrum_against_scipy(stored):
    from scipy.signal import periodogram

    activity, table = stored
    found = fed(SpectralPower(8), activity, table)
    windows = activity.reshape(40, 25, 7)[:, :24].reshape(120, 8, 7)
    _, expected = periodogram(
        windows, window="hann", detrend="constant", axis=1, scaling="density", return_onesided=False
    )
    np.testing.assert_allclose(found["power"].values.T, expected.mean(0)[:5], rtol=1e-9)


def test_a_site_is_left_out_where_it_was_not_observed():
    from multiunit.core import InputError, Recording
    from multiunit.statistics import Moments, recording_batches
    from multiunit.statistics.accumulate import accumulate

    activity = np.arange(24.0).reshape(6, 4)
    observed = np.ones((6, 4), dtype=bool)
    observed[:2, 2:] = False
    activity[~observed] = np.nan
    units = {"site": ["worm 1", "worm 1", "worm 2", "worm 2"]}
    recording = Recording.from_activity(activity, units=units, observed=observed)
    found = accumulate(lambda first: recording_batches(recording, batch_size=4, first_batch=first), {"m": Moments()})
    np.testing.assert_allclose(found["m"]["mean"], np.nanmean(activity, axis=0))
    later = list(recording_batches(recording, batch_size=4, first_batch=2))
    assert [sorted(batch.activity) for batch in later] == [["worm 1", "worm 2"]]
    observed[3, 2] = False
    with pytest.raises(InputError, match="observed='worm 2'"):
        list(recording_batches(Recording.from_activity(activity, units=units, observed=observed)))
