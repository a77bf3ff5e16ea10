import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.heterogeneous_delays import (
    HeterogeneousDelays,
    earliest_kept,
    evidence_of_events,
    largest_kept,
)


def _layer(n_in=2, n_out=3, n_delays=4, side=3, **kwargs):
    return HeterogeneousDelays(n_in, n_out, n_delays=n_delays, side=side, scale=1.0, **kwargs).double()


def test_evidence_is_the_sum_over_all_synapses():
    layer = _layer(random_state=1)
    with torch.no_grad():
        layer.bias += torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    spikes = np.random.default_rng(0).random((7, 2, 2, 5, 6)) < 0.3
    found = layer(torch.as_tensor(spikes, dtype=torch.float64)).detach().numpy()
    k, mask = layer.weight.detach().numpy(), layer.mask.numpy()
    expected = np.zeros((7, 2, 3, 3, 4)) + np.array([0.1, 0.2, 0.3])[:, None, None]
    for t, b, c, y, x in np.ndindex(expected.shape):
        for p, d, i, j in np.ndindex(2, 4, 3, 3):
            if d <= t and mask[d, i, j]:
                expected[t, b, c, y, x] += k[c, p, d, i, j] * spikes[t - d, b, p, y + i, x + j]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_event_by_event_is_the_same():
    layer = _layer(side=5, n_delays=3, random_state=2)
    spikes = np.random.default_rng(0).random((9, 2, 8, 7)) < 0.1
    dense = layer(torch.as_tensor(spikes[:, None], dtype=torch.float64))[:, 0].detach().numpy()
    sparse = evidence_of_events(np.argwhere(spikes), layer.synapses(), n_steps=9, n_out=3, size=(8, 7))
    np.testing.assert_allclose(sparse[:, :, 2:-2, 2:-2], dense, atol=1e-12)
    assert len(layer.synapses()) == 2 * 3 * int(layer.mask.sum())


def test_the_past_only_and_the_cone():
    layer = _layer(side=7, n_delays=9)
    assert [bool(m[3, 3]) for m in layer.mask] == [True] * 9
    assert layer.mask[0].sum() == 1
    assert (layer.mask[1:] | ~layer.mask[:-1]).all()
    spikes = torch.zeros(12, 1, 2, 7, 7, dtype=torch.float64)
    spikes[5, 0, 0, 3, 3] = 1
    out = layer(spikes)[:, 0, :, 0, 0]
    assert (out[:5] == 0).all()
    torch.testing.assert_close(out[5], layer.weight[:, 0, 0, 3, 3])


def test_opposite_takes_the_better_of_both_orders():
    layer, plain = _layer(opposite=True, random_state=3), _layer(random_state=3)
    x = torch.randn(6, 2, 2, 4, 4, generator=torch.manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(layer(x), torch.maximum(plain(x), plain(x.flip(2))))
    torch.testing.assert_close(layer(x), layer(x.flip(2)))


def test_afferents_without_places_are_a_grid_of_one():
    layer = _layer(side=1)
    x = torch.randn(6, 3, 2, generator=torch.manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(x[..., None, None])[..., 0, 0])


def test_what_is_kept_is_counted_inside_the_mask():
    layer = _layer(side=7, n_delays=5)
    n = 2 * 3 * int(layer.mask.sum())
    largest, earliest = largest_kept(layer, 0.3), earliest_kept(layer, 0.3)
    for kept in (largest, earliest):
        assert int((kept != 0).sum()) == round(0.3 * n)
        assert (kept[(kept != 0)] == layer.weight.detach()[(kept != 0)]).all()
        assert not kept[~layer.mask.expand_as(kept)].any()
    inside = (layer.weight * layer.mask).detach().abs()
    assert inside[largest == 0].max() <= largest[largest != 0].abs().min()
    used = (earliest != 0).any(dim=(0, 1, 3, 4)).tolist()
    assert used == sorted(used, reverse=True)
    torch.testing.assert_close(largest_kept(layer, 1.0), (layer.weight * layer.mask).detach())


def test_what_is_refused():
    with pytest.raises(InputError, match="side odd"):
        HeterogeneousDelays(1, 1, n_delays=2, side=4)
    with pytest.raises(InputError, match="prior=1"):
        HeterogeneousDelays(1, 1, n_delays=2, prior=1)
    silent = HeterogeneousDelays(2, 4, n_delays=2, prior=0.25)(torch.zeros(3, 1, 2))
    torch.testing.assert_close(silent.sigmoid(), torch.full((3, 1, 4), 0.25))
    layer = HeterogeneousDelays(2, 1, n_delays=2, side=3)
    for shape in ((5, 1, 2), (5, 1, 3, 4, 4), (5, 1, 2, 2, 4)):
        with pytest.raises(InputError, match="spikes="):
            layer(torch.zeros(shape))
    with pytest.raises(InputError, match="share=0"):
        largest_kept(layer, 0.0)
    with pytest.raises(InputError, match="events"):
        evidence_of_events(np.array([[0, 0, 9, 0]]), layer.synapses(), n_steps=3, n_out=1, size=(4, 4))
