import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from multiunit.core import InputError, Recording
from multiunit.units.label_score import label_aurocs, label_score


def test_it_is_the_auroc_with_ties():
    rng = np.random.default_rng(0)
    activity = rng.integers(4, size=(60, 3)).astype(float)
    applies = rng.random((60, 2)) < 0.4
    found = label_aurocs(activity, applies)
    for unit in range(3):
        for label in range(2):
            assert found[unit, label] == pytest.approx(roc_auc_score(applies[:, label], activity[:, unit]))


def test_right_labels_beat_those_of_other_units():
    rng = np.random.default_rng(0)
    applies = rng.random((500, 6)) < 0.3
    recording = Recording.from_activity(applies + 0.5 * rng.normal(size=applies.shape))
    found = label_score(recording, applies)
    assert (found["auroc"] > 0.85).all()
    assert (abs(found["null_mean"] - 0.5) < 0.06).all()
    assert (found["p_value"] < 0.01).all()
    np.testing.assert_allclose(found["share_applies"], applies.mean(axis=0))
    expected = [np.corrcoef(recording.activity[:, i], applies[:, i])[0, 1] for i in range(6)]
    np.testing.assert_allclose(found["correlation"], expected)
    shuffled = label_score(recording, applies[rng.permutation(500)])
    assert (abs(shuffled["auroc"] - 0.5) < 0.1).all()


def test_a_label_that_tells_nothing_apart_scores_as_chance():
    recording = Recording.from_activity([[1.0, 2.0], [2.0, 1.0], [3.0, 0.0]])
    found = label_score(recording, np.array([[True, False]] * 3))
    assert found["auroc"].values.tolist() == [0.5, 0.5]
    assert found["correlation"].values.tolist() == [0.0, 0.0]
    assert found["p_value"].values.tolist() == [1.0, 1.0]


def test_units_share_one_label():
    applies = np.repeat([[True], [False]], 2, axis=1)
    found = label_score(Recording.from_activity([[1.0, 1.0], [0.0, 0.0]]), applies)
    assert found["null_mean"].values.tolist() == [0.5, 0.5]


def test_what_is_refused():
    recording = Recording.from_activity(np.eye(3))
    for applies in (np.eye(3), np.ones((2, 3), dtype=bool)):
        with pytest.raises(InputError, match="applies"):
            label_score(recording, applies)
    hidden = Recording.from_activity(np.eye(3), observed=np.eye(3, dtype=bool))
    with pytest.raises(InputError, match="observed"):
        label_score(hidden, np.eye(3, dtype=bool))
    with pytest.raises(InputError, match="n_permutations"):
        label_score(recording, np.eye(3, dtype=bool), n_permutations=0)
