"""Edits of features act through the decoder, keep what it cannot say, and compose with other edits."""

import numpy as np
import pytest
import torch

from multiunit.core import Add, InputError, SiteError
from multiunit.core.edit import Ablate, Scale
from multiunit.interventions import InFeatures


class Rotated:
    """Three of four orthogonal directions."""

    def __init__(self):
        self.basis = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0][:, :3]

    def encode(self, activity):
        return activity @ self.basis

    def decode(self, codes):
        return codes @ self.basis.T


def test_only_the_edited_feature_changes():
    dictionary, h = Rotated(), torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    after = InFeatures("s", dictionary, Ablate(["s/1"])).change("s", h)
    codes, before = dictionary.encode(after), dictionary.encode(h)
    assert codes[:, 1].abs().max() < 1e-6
    torch.testing.assert_close(codes[:, [0, 2]], before[:, [0, 2]])
    lost = h - dictionary.decode(before)
    torch.testing.assert_close(after - dictionary.decode(codes), lost)


def test_changing_nothing_is_the_identity_to_the_bit():
    h = torch.randn(5, 4)
    assert torch.equal(InFeatures("s", Rotated(), Scale(["s/0"], 1.0)).change("s", h), h)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SiteError, match="edit='t'"):
        InFeatures("s", Rotated(), Add("t", np.ones(3)))
    with pytest.raises(InputError, match="encode"):
        InFeatures("s", object(), Ablate(["s/1"]))
