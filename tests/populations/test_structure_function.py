import numpy as np
import pytest
from scipy.stats import mannwhitneyu, spearmanr

from multiunit.core import Recording
from multiunit.core.errors import InputError
from multiunit.populations import rewire, structure_function


def wired(coupling, *, n=24, n_frames=600, seed=0):
    """Units in pairs 0-1, 2-3, ...: each pair shares `coupling` of its variance and one connection."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=(n_frames, n // 2)), 2, axis=1)
    x = np.sqrt(coupling) * shared + np.sqrt(1 - coupling) * rng.normal(size=(n_frames, n))
    recording = Recording.from_activity(x, presentations={"subject": ["w"] * n_frames})
    edges = {"pre": ("edge", np.arange(0, n, 2)), "post": ("edge", np.arange(1, n, 2))}
    extra = {"weight": ("edge", np.arange(1.0, n // 2 + 1)), "kind": ("edge", np.array(["gap"] * (n // 2), object))}
    return Recording(recording.dataset.assign(edges | extra))


def test_planted_coupling_is_found_and_absent_coupling_is_not():
    found = structure_function(wired(0.5), kind="gap", n_permutations=60)
    assert found["value"].sel(statistic="auroc") > 0.99
    assert (found["p"] < 0.02).all()
    assert abs(found["null_mean"].sel(statistic="auroc") - 0.5).max() < 0.05
    nothing = structure_function(wired(0.0, seed=3), n_permutations=60)
    assert nothing["p"].sel(statistic="auroc", null="labels") > 0.05


def test_values_against_scipy():
    recording = wired(0.1)
    found = structure_function(recording, n_permutations=1)
    f, w = np.corrcoef(recording.activity.T), np.zeros((24, 24))
    w[np.arange(0, 24, 2), np.arange(1, 24, 2)] = np.arange(1, 13)
    upper = np.triu_indices(24, k=1)
    wired_pairs, others = f[upper][w[upper] > 0], f[upper][w[upper] == 0]
    auroc = mannwhitneyu(wired_pairs, others).statistic / (len(wired_pairs) * len(others))
    assert found["value"].sel(statistic="auroc").item() == pytest.approx(auroc)
    rank = spearmanr(f[upper], w[upper]).statistic
    assert found["value"].sel(statistic="rank_correlation").item() == pytest.approx(rank)


def test_excluded_pairs_do_not_count():
    recording = wired(0.9)
    exclude = np.zeros((24, 24), dtype=bool)
    exclude[np.arange(0, 20, 2), np.arange(1, 20, 2)] = True
    found = structure_function(recording, exclude=exclude, n_permutations=20)
    assert found.attrs == {"n_pairs": 24 * 23 // 2 - 10, "n_wired": 2}


def test_rewiring_keeps_degrees_and_weights():
    rng = np.random.default_rng(0)
    weight = np.triu(rng.random((15, 15)) * (rng.random((15, 15)) < 0.3), k=1)
    weight = weight + weight.T
    new = rewire(weight, random_state=1)
    assert np.array_equal((new > 0).sum(axis=0), (weight > 0).sum(axis=0))
    assert np.allclose(np.sort(new[new > 0]), np.sort(weight[weight > 0]))
    assert np.array_equal(new, new.T)
    assert not np.diag(new).any()
    assert ((new > 0) & (weight > 0)).sum() < 0.8 * (weight > 0).sum()


def test_bad_input_is_named():
    recording = wired(0.5)
    with pytest.raises(InputError, match="has no edges"):
        structure_function(Recording(recording.dataset.drop_vars(["pre", "post", "weight", "kind"])))
    with pytest.raises(InputError, match="kind='chemical'"):
        structure_function(recording, kind="chemical")
    with pytest.raises(InputError, match="exclude"):
        structure_function(recording, exclude=np.zeros((2, 2)))
    with pytest.raises(InputError, match="wired and unwired"):
        structure_function(recording, exclude=np.ones((24, 24)))
