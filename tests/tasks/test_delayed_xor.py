import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.delayed_xor import delayed_xor


def test_cues_come_when_they_should_and_the_label_is_whether_they_differ():
    x, labels = delayed_xor(400, noise=0.0, random_state=0)
    assert x.shape == (12, 400, 2)
    first, second = x[:3], x[6:9]
    assert (first.sum(axis=2) == 1).all()
    assert (second.sum(axis=2) == 1).all()
    assert (x[3:6] == 0).all()
    assert (x[9:] == 0).all()
    assert (labels == (first[0, :, 0] != second[0, :, 0])).all()
    _, counts = np.unique(np.stack([first[0, :, 0], second[0, :, 0]]), axis=1, return_counts=True)
    assert counts.tolist() == [100] * 4
    noisy = delayed_xor(400, noise=0.5, random_state=0)[0]
    assert (noisy - x)[3:6].std() == pytest.approx(0.5, abs=0.02)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="n_steps"):
        delayed_xor(4, n_steps=10)
    with pytest.raises(InputError, match="noise"):
        delayed_xor(4, noise=-1.0)
