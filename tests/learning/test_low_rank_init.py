import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.learning.low_rank_init import effective_rank, low_rank_init


def test_rank_and_norm_are_those_asked_for():
    w = np.random.default_rng(0).normal(size=(30, 20))
    for rank in (1, 4, 20):
        found = low_rank_init(w, rank)
        assert np.linalg.matrix_rank(found) == rank
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(w))
    np.testing.assert_allclose(low_rank_init(w, 20), w, atol=1e-12)


def test_what_is_kept_is_the_nearest_matrix_of_that_rank():
    rng = np.random.default_rng(1)
    w = rng.normal(size=(8, 6))
    kept = low_rank_init(w, 2, keep_norm=False)
    best = np.linalg.norm(w - kept)
    assert best**2 == pytest.approx((np.linalg.svd(w)[1][2:] ** 2).sum())
    for _ in range(50):
        directions = np.linalg.qr(rng.normal(size=(6, 2)))[0]
        assert np.linalg.norm(w - w @ directions @ directions.T) >= best
    np.testing.assert_allclose(low_rank_init(w, 2) / kept, np.linalg.norm(w) / np.linalg.norm(kept))


def test_effective_rank_of_rotations_and_of_products():
    rng = np.random.default_rng(0)
    assert effective_rank(np.linalg.qr(rng.normal(size=(7, 7)))[0]) == pytest.approx(7)
    assert effective_rank(np.outer(rng.normal(size=5), rng.normal(size=9))) == pytest.approx(1)
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(1.6)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="rank"):
        low_rank_init(np.eye(3), 4)
    with pytest.raises(InputError, match="weights"):
        low_rank_init(np.zeros((3, 3)), 1)
    with pytest.raises(InputError, match="weights"):
        effective_rank(np.full((2, 2), np.nan))
