import numpy as np

from multiunit.circuits.balanced_reservoir import BalancedReservoir
from multiunit.papers.adaptive_ei_reservoir import _permute_totals, _shuffle_within


def test_smoke_scale_runs_and_adapted_reservoirs_remember_more_than_wrongly_addressed_ones(smoke_claim):
    result = smoke_claim("adaptive-ei-reservoir")
    assert result.measured["adaptive_mc"] > result.control["wrong_address_mc"]
    assert result.measured["adaptive_mc"] < 60
    assert 0 < result.measured["adaptive_narma_error"] < 1.5


def test_the_controls_move_inhibition_only_and_keep_what_they_say():
    u = np.random.default_rng(0).uniform(-1, 1, (200, 1))
    for change, keeps_totals in ((_permute_totals, False), (_shuffle_within, True)):
        net = BalancedReservoir(60, target_rate=0.5).fit(u)
        before = net.weights_.copy()
        change(net, np.random.default_rng(1))
        assert (before.maximum(0) != net.weights_.maximum(0)).nnz == 0
        assert ((before < 0) != (net.weights_ < 0)).nnz == 0
        old, new = (-w.minimum(0).sum(axis=1) for w in (before, net.weights_))
        np.testing.assert_allclose(np.sort(new), np.sort(old))
        assert np.allclose(new, old) == keeps_totals
        assert not np.allclose(before.toarray(), net.weights_.toarray())
