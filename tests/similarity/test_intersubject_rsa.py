from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from multiunit.core import InputError, Recording
from multiunit.similarity.intersubject_rsa import intersubject_likeness, intersubject_rsa, region_rdms

STIMULI, REPEATS = 12, 3


@pytest.fixture
def subjects():
    """Three subjects, two regions, trials in an order of each one's own; one stimulus more in the last subject."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2, STIMULI + 1, 5))
    recordings = []
    for n_stimuli in (STIMULI, STIMULI, STIMULI + 1):
        stimulus, repeat = np.tile(np.arange(n_stimuli), REPEATS), np.repeat(np.arange(REPEATS), n_stimuli)
        order = rng.permutation(len(stimulus))
        activity = np.hstack([latent[stimulus[order]] @ rng.normal(size=(5, 9)) for latent in shared])
        activity += 0.5 * rng.normal(size=activity.shape)
        recordings.append(
            Recording.from_activity(
                activity,
                units={"site": ["V1"] * 9 + ["IT"] * 9},
                presentations={"stimulus_id": stimulus[order], "repeat": repeat[order]},
            )
        )
    return recordings


def trial(recording, site, stimulus, repeat):
    table = recording.presentations.reset_index()
    row = np.flatnonzero((table["stimulus_id"] == stimulus) & (table["repeat"] == repeat)).item()
    return recording.activity[row, (recording.units["site"] == site).to_numpy()]


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize(("by", "correlation"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_it_is_the_correlation_of_trial_rdms_paired_by_stimulus_and_shifted_repetition(
    subjects, shift, by, correlation
):
    found = intersubject_rsa(subjects, repetition_shift=shift, by=by, n_permutations=1)
    for pair, (a, b) in enumerate(combinations(range(3), 2)):
        for p in ("V1", "IT"):
            for q in ("V1", "IT"):
                one, two = (
                    pdist(
                        [
                            trial(subjects[s], site, i, (r + k) % REPEATS)
                            for r in range(REPEATS)
                            for i in range(STIMULI)
                        ],
                        "correlation",
                    )
                    for s, site, k in ((a, p, 0), (b, q, shift))
                )
                value = found["similarity"].sel(region=p, other_region=q).values[pair]
                assert abs(value - correlation(one, two)[0]) < 1e-10
    assert list(zip(found["first"].values, found["second"].values, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    mean = found["similarity"].mean("pair").values
    np.testing.assert_allclose(found["mean"], (mean + mean.T) / 2)


def test_shared_regions_stand_out_and_the_null_keeps_repetitions_together(subjects):
    found = intersubject_rsa(subjects, n_permutations=199)
    assert found["q_value"].values.tolist() == [0.005, 0.005]
    assert found["p_value"].sel(region="V1", other_region="IT") > 0.05
    assert found["null"].mean() > 0.1
    once = [one.select(presentations=(one.presentations["repeat"] == 0).to_numpy()) for one in subjects]
    assert abs(intersubject_rsa(once, n_permutations=199)["null"].mean()) < 0.02


def test_null_is_that_of_permuted_rows_and_columns():
    rng = np.random.default_rng(1)
    square = [[squareform(rng.random(28)) for _ in range(2)] for _ in range(2)]
    rdms = np.array([[squareform(one) for one in subject] for subject in square])
    found = intersubject_likeness(rdms, n_repeats=2, repetition_shift=1, n_permutations=3, random_state=5)
    draws = np.random.default_rng(5)
    for draw in range(3):
        orders = [draws.permutation(4) for _ in range(2)]
        rows = [np.concatenate([order, order + 4]) for order in orders]
        rows[1] = np.roll(rows[1], 4)
        mixed = [
            [squareform(one[np.ix_(row, row)]) for one in subject] for subject, row in zip(square, rows, strict=True)
        ]
        expected = np.corrcoef(np.concatenate(mixed))[:2, 2:]
        np.testing.assert_allclose(found["null"][draw], (expected + expected.T) / 2, atol=1e-12)


def test_false_positives_are_as_many_as_promised():
    rng = np.random.default_rng(2)
    p = [
        float(
            intersubject_likeness(
                [[pdist(rng.normal(size=(10, 3)))] for _ in range(3)], n_permutations=39, random_state=rng
            )["p_value"].item()
        )
        for _ in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.1


def test_same_repetitions_share_the_session_and_shifted_ones_do_not():
    rng = np.random.default_rng(3)
    n, n_repeats = 40, 2
    moment = rng.normal(size=(n * n_repeats, 4))  # of the trial, the same for all subjects; no stimulus in it
    rdms = [[pdist(moment @ rng.normal(size=(4, 30)), "correlation")] for _ in range(3)]
    same, other = (
        float(intersubject_likeness(rdms, n_repeats=2, repetition_shift=k, n_permutations=1)["mean"].item())
        for k in (0, 1)
    )
    assert same > 0.4
    assert abs(other) < 0.1


def test_units_not_observed_are_left_out():
    activity = np.random.default_rng(4).normal(size=(4, 6))
    observed = np.ones((4, 6), dtype=bool)
    observed[0, 0] = False
    recording = Recording.from_activity(activity, observed=observed)
    _, found = region_rdms(recording, regions="site", distance="correlation", rows=np.array([1, 0]))
    assert abs(found[0, 0] - (1 - np.corrcoef(activity[:2, 1:])[0, 1])) < 1e-12


def test_errors_name_the_argument(subjects):
    rdms = np.random.default_rng(0).random((2, 1, 28))
    plain = Recording.from_activity(np.eye(4))
    twice = Recording.from_activity(np.eye(4), presentations={"stimulus_id": [0, 1, 2, 2], "repeat": [0] * 4})
    for wrong, named in [
        (lambda: intersubject_rsa(subjects[:1]), "recordings=1"),
        (lambda: intersubject_rsa(subjects, regions="area"), "regions='area'"),
        (lambda: intersubject_rsa([plain, plain]), "recordings="),
        (lambda: intersubject_rsa([twice, twice]), "recordings='repeat'"),
        (lambda: intersubject_likeness(rdms[0]), "rdms="),
        (lambda: intersubject_likeness(rdms * np.nan), "rdms='NaN"),
        (lambda: intersubject_likeness(np.ones((2, 1, 28))), "rdms='constant"),
        (lambda: intersubject_likeness(rdms, n_repeats=3), "n_repeats=3"),
        (lambda: intersubject_likeness(rdms, n_repeats=4), "n_repeats=4"),
        (lambda: intersubject_likeness(rdms, by="tau_a"), "by="),
        (lambda: intersubject_likeness(rdms, n_permutations=0), "n_permutations=0"),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
