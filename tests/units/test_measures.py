"""Measures of single units: planted answers, brute force, nulls, and the real recordings."""

import numpy as np
import pytest

from multiunit.core import InputError, Recording
from multiunit.io import read_recording
from multiunit.units import (
    behavioural_correlation,
    build_atlas,
    selectivity,
    sparseness,
    spatial_information,
    spike_triggered_average,
    split_half_reliability,
    tuning_curve,
)


def test_a_map_over_two_variables_is_the_plain_mean():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(2, 400))
    r = Recording.from_activity(rng.normal(size=(400, 3)), presentations={"x": x, "y": y})
    edges = [np.linspace(0, 1, 4), np.linspace(0, 1, 6)]
    found = tuning_curve(r, ["x", "y"], edges=edges)
    for i in range(3):
        for j in range(5):
            inside = (x >= edges[0][i]) & (x < edges[0][i + 1]) & (y >= edges[1][j]) & (y < edges[1][j + 1])
            block = r.activity[inside]
            np.testing.assert_allclose(found["mean"].values[:, i, j], block.mean(0), atol=1e-12)
            error = block.std(0, ddof=1) / np.sqrt(len(block))
            np.testing.assert_allclose(found["error"].values[:, i, j], error, atol=1e-12)
            assert found["count"].values[0, i, j] == inside.sum()
    smooth = tuning_curve(r, ["x", "y"], edges=edges, smoothing=1.0)["mean"]
    assert smooth.std() < found["mean"].std()


def test_unobserved_presentations_do_not_count():
    values = np.tile(np.arange(4.0), 10)
    activity = np.c_[values, values]
    observed = np.ones((40, 2), dtype=bool)
    observed[:20, 1] = False
    activity[:20, 1] = np.nan
    r = Recording.from_activity(activity, presentations={"place": values}, observed=observed)
    found = tuning_curve(r, "place", n_bins=4)
    assert found["mean"].values.tolist() == [[0, 1, 2, 3]] * 2
    assert found["count"].values.tolist() == [[10] * 4, [5] * 4]
    with pytest.raises(InputError, match="unit/1: NaN"):
        tuning_curve(Recording.from_activity(activity, presentations={"place": values}), "place")


def test_information_of_a_planted_place_cell_and_of_none():
    rng = np.random.default_rng(0)
    place = 50 + 50 * np.sin(np.arange(6000) / 40)
    rate = np.exp(-0.5 * ((place - 70) / 5) ** 2)
    counts = rng.poisson(np.c_[rate, np.full(6000, rate.mean())])
    r = Recording.from_activity(counts.astype(float), presentations={"place": place})
    found = spatial_information(r, "place", n_permutations=100)
    assert found["corrected"].values[0] > 1
    assert abs(found["corrected"].values[1]) < 0.05
    assert found["p_value"].values[0] < 0.05
    with pytest.raises(InputError, match="constant"):
        spatial_information(Recording.from_activity(counts, presentations={"place": np.ones(6000)}), "place")
    with pytest.raises(InputError, match="counts or rates"):
        spatial_information(Recording.from_activity(counts - 1.0, presentations={"place": place}), "place")


def test_correlation_with_a_slow_rhythm_is_judged_against_slow_nulls():
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.normal(size=(3000, 41)), axis=0)
    slow -= np.linspace(0, 1, 3000)[:, None] * slow[-1]
    slow[:, 0] = slow[:, 40] + rng.normal(size=3000)
    r = Recording.from_activity(slow[:, :40], presentations={"speed": slow[:, 40]})
    found = behavioural_correlation(r, "speed")
    assert found["q_value"].values[0] < 0.1
    assert found["correlation"].values[0] > 0.99
    # A shuffle would call nearly every pair of random walks correlated.
    assert (found["p_value"].values[1:] < 0.05).mean() < 0.2
    np.testing.assert_allclose(
        found["correlation"], [np.corrcoef(slow[:, u], slow[:, 40])[0, 1] for u in range(40)], atol=1e-12
    )


def test_selectivity_is_the_textbook_formula():
    from scipy import stats

    rng = np.random.default_rng(0)
    label = np.repeat(["face", "house", "shoe"], [20, 30, 10])
    activity = rng.normal(size=(60, 4))
    activity[:, 2] += 3 * (label == "house")
    found = selectivity(Recording.from_activity(activity, presentations={"kind": label}), "kind")
    house, rest = activity[label == "house"], activity[label != "house"]
    slow = (house.mean(0) - rest.mean(0)) / np.sqrt((house.var(0, ddof=1) + rest.var(0, ddof=1)) / 2)
    np.testing.assert_allclose(found["d_prime"].sel(label="house"), slow, atol=1e-12)
    f, p = stats.f_oneway(*(activity[label == name] for name in ("face", "house", "shoe")))
    np.testing.assert_allclose(found["f"], f, rtol=1e-9)
    np.testing.assert_allclose(found["p_value"], p, rtol=1e-8)
    assert found["explained"].values.argmax() == 2
    with pytest.raises(InputError, match="two values or more"):
        selectivity(Recording.from_activity(activity, presentations={"kind": ["a"] * 60}), "kind")


def test_sparseness_runs_from_dense_to_one_stimulus():
    activity = np.array([[1.0, 0.0, 5.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    found = sparseness(Recording.from_activity(activity))["sparseness"].values
    np.testing.assert_allclose(found, [0.0, np.nan, 1.0], atol=1e-12)
    with pytest.raises(InputError, match="not negative"):
        sparseness(Recording.from_activity(-activity))


def test_reliability_is_the_share_of_signal():
    rng = np.random.default_rng(0)
    stimulus = np.tile(np.arange(400), 8)
    signal = rng.normal(size=400)
    activity = np.c_[signal[stimulus] + rng.normal(size=3200), rng.normal(size=3200)]
    found = split_half_reliability(Recording.from_activity(activity, presentations={"stimulus_id": stimulus}))
    # The mean of n repeats of signal and noise of variance one has reliability n / (n + 1).
    assert abs(found["reliability"].values[0] - 8 / 9) < 0.03
    assert abs(found["reliability"].values[1]) < 0.15
    with pytest.raises(InputError, match="0 stimuli were repeated"):
        split_half_reliability(
            Recording.from_activity(activity, presentations={"stimulus_id": np.arange(3200)}), n_splits=2
        )


def test_the_triggered_average_finds_the_filter():
    rng = np.random.default_rng(0)
    time = np.arange(0, 200, 0.01)
    stimulus = rng.normal(size=len(time))
    drive = np.r_[np.zeros(5), stimulus[:-5]]
    times = time[rng.random(len(time)) < 0.1 * (drive > 1)]
    r = Recording.from_spikes([times, rng.uniform(0, 200, 300)], behaviour={"light": stimulus}, time=time)
    found = spike_triggered_average(r, "light", before=0.1, n_lags=11)["average"]
    assert round(float(found.lag[found.values[0].argmax()]), 3) == -0.05
    assert found.values[0].max() > 1
    assert np.abs(found.values[1]).max() < 0.3
    with pytest.raises(InputError, match="there are: light"):
        spike_triggered_average(r, "sound")


def test_rat_place_fields(shared_data):
    atlas = build_atlas(read_recording(shared_data("hippocampus")))
    table = atlas.table
    sure = table[table["information.position.mean"] > 0.03]
    best = sure.loc[sure["information.position.corrected"].idxmax()]
    assert best["information.position.corrected"] > 2
    assert best["information.position.p_value"] < 0.01
    assert sure["information.position.null_mean"].median() < 0.25
    assert atlas.details["tuning.position"]["mean"].shape == (31, 20)


def test_worm_neurons_that_are_known(shared_data):
    worms = read_recording(shared_data("worm_activity"))
    table = build_atlas(worms).table
    for animal in ("2022-07-26-31", "2022-07-27-31", "2022-07-27-38"):
        pair = worms.select(units=[f"{animal}/AVAL", f"{animal}/AVAR"], presentations=f"subject == '{animal}'")
        assert np.corrcoef(pair.activity.T)[0, 1] > 0.9
    forward = table.loc[table.index.str.contains("/RIB"), "correlation.velocity.correlation"]
    assert (forward > 0).all()
    assert forward.max() > 0.5


def test_voxels_that_prefer_houses(shared_data):
    table = build_atlas(read_recording(shared_data("fmri_haxby")), by="condition").table
    assert len(table) == 530
    assert table["selectivity.explained"].max() > 0.3
    assert table["selectivity.d_prime.house"].max() > 1
