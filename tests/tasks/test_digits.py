import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.tasks import digits


def test_split_is_balanced_and_seeded():
    a, b, c = (digits(random_state=s) for s in (0, 0, 1))
    assert a["split"].tolist() == b["split"].tolist() != c["split"].tolist()
    share = a.groupby("digit")["split"].apply(lambda s: (s == "test").mean())
    assert len(share) == 10
    assert np.allclose(share, 0.25, atol=0.01)


def test_images_are_stimuli():
    frame = as_stimuli(digits())
    images = np.stack(frame["stimulus"])
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert images.max() == 1


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"test_fraction=1\.5"):
        digits(test_fraction=1.5)
