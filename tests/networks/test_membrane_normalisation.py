import math

import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.membrane_normalisation import MembraneNormalisation, fold_normalisation


def trained_like(n_units=6, *, places=(), reset="zero"):
    """A layer whose normalisation has seen something, with gammas of both signs and one that is 0."""
    torch.manual_seed(0)
    layer = LeakyLayer(
        n_units, reset=reset, threshold=0.5, learnable=("threshold",),
        membrane=MembraneNormalisation(n_units, places=places),
    )  # fmt: skip
    norm = layer.membrane.norm
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_(0.3, 0.3)
        norm.weight[:2], norm.bias[:2] = 0.0, torch.tensor([1.0, 0.0])  # always, never
    layer(3 * torch.randn(20, 8, n_units, 4, 3) + 1)
    return layer.eval()


def test_each_step_is_normalised_by_itself_and_the_plain_potential_is_reset():
    torch.manual_seed(0)
    current = 5 * torch.rand(3, 16, 2, 4, 4)
    membrane = MembraneNormalisation(2)
    spikes, final = LeakyLayer(2, reset="zero", threshold=0.5, membrane=membrane)(current)
    norm = torch.nn.BatchNorm2d(2)
    v, s = torch.zeros(16, 2, 4, 4), torch.zeros(16, 2, 4, 4)
    for t in range(3):
        v = math.exp(-0.1) * v * (1 - s) + current[t]
        s = (norm(v) > 0.5).float()
        assert torch.equal(spikes[t], s)
    torch.testing.assert_close(final["carried"], math.exp(-0.1) * v * (1 - s))
    torch.testing.assert_close(membrane.norm.running_var, norm.running_var)
    assert int(membrane.norm.num_batches_tracked) == 3


@pytest.mark.parametrize("reset", ["zero", "soft"])
@pytest.mark.parametrize("places", [(), (4, 3)])
def test_folded_spikes_are_the_unfolded_ones_whatever_the_sign(places, reset):
    layer = trained_like(places=places, reset=reset)
    current = 3 * torch.randn(50, 8, 6, 4, 3) + 1
    folded = fold_normalisation(layer)
    expected = layer(current).spikes
    assert 0.1 < expected.mean() < 0.9
    assert (folded(current).spikes != expected).float().mean() < 1e-4
    first_two = expected[:, :, 0] if not places else expected[:, :, 0, 0, :2]
    assert first_two[..., 0].min() == 1.0
    assert folded.learnable == ()
    assert layer.learnable == ("threshold",)
    folded.membrane = None  # the signs are needed
    assert (folded(current).spikes != expected).float().mean() > 0.1


def test_without_negative_gammas_nothing_but_thresholds_is_left():
    layer = trained_like()
    with torch.no_grad():
        layer.membrane.norm.weight.abs_().add_(0.1)
    folded = fold_normalisation(layer)
    assert folded.membrane is None
    current = 3 * torch.randn(50, 8, 6, 4, 3) + 1
    assert (folded(current).spikes != layer(current).spikes).float().mean() < 1e-4


def test_bad_input_is_named():
    with pytest.raises(InputError, match="no membrane=MembraneNormalisation"):
        fold_normalisation(LeakyLayer(2, reset="zero"))
    with pytest.raises(InputError, match="loses its threshold"):
        fold_normalisation(LeakyLayer(2, membrane=MembraneNormalisation(2)))
    with pytest.raises(InputError, match=r"u=\(4, 2, 3\)"):
        MembraneNormalisation(2, places=(5,))(torch.zeros(4, 2, 3))
