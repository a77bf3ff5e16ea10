import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.similarity.rosetta_units import map_correlation, mutual_neighbours, rosetta_units


def maps(n_units, side, seed):
    return torch.randn(40, n_units, side, side, generator=torch.Generator().manual_seed(seed))


def test_correlation_is_that_of_all_images_at_once():
    x, y = maps(3, 4, 0), maps(5, 4, 1)
    flat = [z.movedim(1, -1).reshape(-1, z.shape[1]).double().numpy() for z in (x, y)]
    expected = np.corrcoef(*flat, rowvar=False)[:3, 3:]
    np.testing.assert_allclose(map_correlation(zip(x.split(7), y.split(7), strict=True)), expected, atol=1e-6)


def test_a_coarser_network_is_brought_to_the_finer_grid():
    coarse = maps(2, 4, 2)
    fine = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(np.diag(map_correlation([(fine, coarse)])), 1, atol=1e-5)


def test_planted_units_are_found_in_all_three_and_not_in_broken_pairings():
    shared = maps(4, 6, 3)
    orders = [np.random.default_rng(seed).permutation(12) for seed in range(3)]
    three = [torch.cat([shared + 0.3 * maps(4, 6, 10 + i), maps(8, 6, 20 + i)], dim=1)[:, orders[i]] for i in range(3)]

    def found(networks):
        r = {(i, j): map_correlation([(networks[i], networks[j])]) for i, j in ((0, 1), (0, 2), (1, 2))}
        return rosetta_units(r, k=1, least=0.5)

    table = found(three)
    assert len(table) == 4
    for row in table.itertuples():
        assert len({int(orders[i][row[1 + i]]) for i in range(3)}) == 1
    assert (table["agreement"].diff().dropna() <= 0).all()
    assert len(found([three[0][torch.randperm(40)], *three[1:]])) == 0


def test_buddies_are_mutual():
    r = np.random.default_rng(0).normal(size=(6, 9))
    for k in (1, 3):
        near = mutual_neighbours(r, k=k)
        for u, v in np.ndindex(r.shape):
            assert near[u, v] == ((r[u] > r[u, v]).sum() < k and (r[:, v] > r[u, v]).sum() < k)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="every pair"):
        rosetta_units({(0, 1): np.eye(2), (0, 2): np.eye(2)})
    with pytest.raises(InputError, match="shape"):
        rosetta_units({(0, 1): np.eye(2), (0, 2): np.eye(2), (1, 2): np.eye(3)})
    with pytest.raises(InputError, match="at least one batch"):
        map_correlation([])
