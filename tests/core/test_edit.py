"""Edits change the named units and nothing else, for arrays and tensors, and never write into their argument."""

import numpy as np
import pytest
import torch

from multiunit.core import Ablate, Add, Clamp, Replace, Scale, SiteError
from multiunit.core.edit import Edit

ACTIVITY = np.arange(12.0, dtype=np.float32).reshape(2, 2, 3)


@pytest.mark.parametrize("as_kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Ablate(["s/1"]), [0.0, 0.0, 2.0]),
        (Ablate(["s/2", "s/0"], to={"s/0": 7.0, "s/2": 9.0}), [7.0, 1.0, 9.0]),
        (Clamp(["s/0"], to=5.0), [5.0, 1.0, 2.0]),
        (Scale(["s/1", "s/2"], gain={"s/1": 2.0, "s/2": 0.5}), [0.0, 2.0, 1.0]),
        (Add("s", [1.0, 0.0, -1.0], strength=2.0), [2.0, 1.0, 0.0]),
        (Replace("s", lambda x: -x), [0.0, -1.0, -2.0]),
    ],
)
def test_change(edit, expected, as_kind):
    before = as_kind(ACTIVITY.copy())
    after = edit.change("s", before)
    assert isinstance(edit, Edit)
    assert edit.sites() == ["s"]
    assert np.asarray(after)[0, 0].tolist() == expected
    np.testing.assert_array_equal(np.asarray(before), ACTIVITY)
    assert after.dtype == before.dtype


def test_a_unit_beyond_the_site_is_named():
    with pytest.raises(SiteError, match="s/3"):
        Ablate(["s/3"]).change("s", ACTIVITY)


def test_a_unit_without_a_site_is_named():
    with pytest.raises(SiteError, match="nonsense"):
        Ablate(["nonsense"])
