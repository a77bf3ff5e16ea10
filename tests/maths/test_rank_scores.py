import sys

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from multiunit.core import InputError
from multiunit.maths import rank_scores


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_to_scikit_learn(ties, dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 9)).astype(dtype)
    x[3:6, 0] = 0.0, -0.0, 0.0
    if ties:
        x = x.round()
        x[:, 3] = 1.0
    y = rng.random((60, 3)) < [0.1, 0.5, 0.8]
    y[0], y[1] = True, False
    scores = rank_scores(x, y)
    for unit in range(9):
        for label in range(3):
            ap, auc = scores.average_precision[unit, label], scores.auroc[unit, label]
            assert ap == pytest.approx(average_precision_score(y[:, label], x[:, unit]), abs=1e-12)
            assert auc == pytest.approx(roc_auc_score(y[:, label], x[:, unit]), abs=1e-12)


def test_blocks_do_not_matter(monkeypatch):
    x, y = np.random.default_rng(1).normal(size=(40, 7)), np.arange(40)[:, None] % 3 == 0
    whole = rank_scores(x, y)
    monkeypatch.setattr(sys.modules[rank_scores.__module__], "_BLOCK", 80)
    np.testing.assert_array_equal(rank_scores(x, y).average_precision, whole.average_precision)


def test_a_label_of_all_or_none_has_no_score():
    scores = rank_scores(np.arange(3.0)[:, None], np.array([[True, False]] * 3))
    assert np.isnan(scores.average_precision).all()
    assert np.isnan(scores.auroc).all()


def test_bad_input():
    with pytest.raises(InputError, match="NaN"):
        rank_scores(np.full((2, 1), np.nan), np.array([[True], [False]]))
    with pytest.raises(InputError, match="needs"):
        rank_scores(np.zeros((0, 1)), np.zeros((0, 1), dtype=bool))
