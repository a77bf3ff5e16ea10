import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.similarity.rsa import rsa


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 7)) * rng.uniform(0.2, 3, 7) + 4
    return x, np.tanh(x @ rng.normal(size=(7, 9))) + 0.3 * rng.normal(size=(30, 9))


def test_it_is_the_likeness_of_scipys_distances(pair):
    x, y = pair
    expected = spearmanr(pdist(x, "correlation"), pdist(y, "correlation"))[0]
    assert abs(rsa(x, y, distance="correlation", by="spearman") - expected) < 1e-12
    recordings = [Recording.from_activity(side) for side in pair]
    assert rsa(*recordings) == rsa(x, y)


def test_rotation_shift_and_scale_leave_it_and_a_linear_map_does_not(pair):
    x, y = pair
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 9)))[0]
    value = rsa(x, y)
    assert abs(rsa(x, 5e3 * y @ turn - 2) - value) < 1e-10
    assert abs(rsa(y, x) - value) < 1e-12
    assert abs(rsa(x, y * np.geomspace(0.01, 1, 9)) - value) > 0.02
    # Correlation distance: what is added to all units of a presentation is not felt, rotations are.
    added = np.random.default_rng(1).normal(size=(30, 1))
    by_correlation = rsa(x, y, distance="correlation")
    assert abs(rsa(x, y + added, distance="correlation") - by_correlation) < 1e-10
    assert abs(rsa(x, y @ turn, distance="correlation") - by_correlation) > 0.001
    assert abs(rsa(x, y + added) - value) > 0.001


def test_unrelated_systems_are_at_the_floor():
    rng = np.random.default_rng(0)
    values = [rsa(rng.normal(size=(40, 6)), rng.normal(size=(40, 8))) for _ in range(60)]
    assert abs(np.mean(values)) < 0.02


def test_errors_name_the_argument(pair):
    x, y = pair
    with pytest.raises(InputError, match=r"y=.*same presentations"):
        rsa(x, y[:9])
    with pytest.raises(InputError, match=r"x=.*three"):
        rsa(x[:2], y[:2])
    with pytest.raises(InputError, match="precision"):
        rsa(x, y, distance="mahalanobis")
