import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.opposing_signals import opposing_signals


@pytest.mark.parametrize("mode", ["opposing", "consistent", "none"])
def test_the_outliers_share_a_feature_and_their_labels_are_as_the_mode_says(mode):
    task = opposing_signals(600, n_features=10, amplitude=4.0, fraction=0.2, mode=mode, random_state=1)
    assert task.inputs.shape == (600, 10)
    assert task.inputs.dtype == np.float32
    assert [(task.group == g).sum() for g in (0, 1, 2)] == [480, 60, 60]
    expected = np.where((task.group > 0) & (mode != "none"), 4.0, 0.0)
    assert (task.inputs[:, 0] == expected).all()
    labels = [set(task.labels[task.group == g].tolist()) for g in (1, 2)]
    assert labels == ([{1}, {1}] if mode == "consistent" else [{0}, {1}])


def test_a_linear_rule_of_the_other_features_holds_for_all():
    from sklearn.linear_model import LogisticRegression

    task = opposing_signals(400, random_state=3)
    fitted = LogisticRegression(C=1e6, max_iter=5000).fit(task.inputs[:, 1:], task.labels)
    assert fitted.score(task.inputs[:, 1:], task.labels) == 1.0
    again = opposing_signals(400, random_state=3, mode="none")
    assert (again.inputs[:, 1:] == task.inputs[:, 1:]).all()
    assert (again.group == task.group).all()


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="mode="):
        opposing_signals(mode="both")
    with pytest.raises(InputError, match="n_features="):
        opposing_signals(n_features=1)
    with pytest.raises(InputError, match="fraction="):
        opposing_signals(mode="consistent", fraction=0.9)
    with pytest.raises(InputError, match="fraction="):
        opposing_signals(fraction=0.0)
