import numpy as np
import pytest
import torch
from scipy.sparse import block_diag, csr_array

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.populations.multifractal_analysis import (
    ORDERS,
    emergence,
    multifractal_analysis,
    multifractal_spectrum,
    weight_graph,
)


def ring(n):
    return np.roll(np.eye(n), 1, axis=1)


def torus(n):
    return csr_array(np.kron(ring(n), np.eye(n)) + np.kron(np.eye(n), ring(n)))


def test_a_ring_has_one_dimension_and_a_lattice_two():
    line, plane = multifractal_spectrum(ring(300)), multifractal_spectrum(torus(30))
    assert 0.9 < line.alpha0 < 1.1
    assert 1.7 < plane.alpha0 < 2.2
    assert max(line.width, plane.width) < 1e-6
    assert min(line.r2.min(), plane.r2.min()) > 0.99


def test_the_length_of_an_edge_does_not_matter():
    a, b = multifractal_spectrum(torus(20)), multifractal_spectrum(7.3 * torus(20))
    np.testing.assert_allclose(a.tau, b.tau)


def test_a_graph_of_a_line_and_a_lattice_is_wider_than_either():
    joined = block_diag([torus(18), csr_array(ring(324))]).tolil()
    joined[0, 324] = 1.0
    found = multifractal_spectrum(joined.tocsr(), largest_ball=0.1)
    assert found.width > 0.05
    # At q = 0 the logarithm is averaged over nodes: halfway between the two dimensions.
    assert 1.2 < found.alpha[np.flatnonzero(ORDERS == 0)[0]] < 1.6


def test_only_the_largest_connected_part_counts():
    alone = multifractal_spectrum(torus(20))
    with_others = multifractal_spectrum(block_diag([csr_array(ring(50)), torus(20)]).tocsr())
    assert with_others.n_nodes == 400
    np.testing.assert_allclose(alone.tau, with_others.tau)


def test_edges_are_inverse_weights_within_the_range_and_nodes_have_enough_of_them():
    w = torch.full((12, 12), 0.1)
    w[0] = 0.001  # longer than 150
    w[:, 0] = -2.0  # shorter than 1
    graph = weight_graph([w], least_edges=10, nodes_per_layer=None)
    # Input unit 0 and output unit 0 have no edges left; the others have eleven of length 10.
    assert graph.shape == (22, 22)
    assert np.unique(graph.data).round(5).tolist() == [10.0]
    assert (np.diff(graph.indptr) == 11).all()
    np.testing.assert_allclose(graph.toarray(), graph.toarray().T)


def test_layers_follow_on_each_other_and_samples_are_even():
    rng = np.random.default_rng(0)
    graph = weight_graph([rng.normal(size=(50, 40)) / 5, rng.normal(size=(30, 50)) / 5], nodes_per_layer=20)
    dense = graph.toarray()
    assert graph.shape == (60, 60)
    assert not dense[:20, :20].any()
    assert not dense[:20, 40:].any()
    assert dense[:20, 20:40].any()


def test_structure_widens_the_spectrum_and_permuting_the_weights_undoes_it():
    rng = np.random.default_rng(0)
    gain = np.exp(rng.normal(size=(2, 200)))
    weights = [
        gain[1][:, None] * rng.normal(size=(200, 200)) * gain[0] / 20,
        rng.normal(size=(200, 200)) * gain[1] / 20,
    ]
    permuted = [rng.permuted(w.ravel()).reshape(w.shape) for w in weights]
    found, control = (multifractal_analysis(w, n_samples=3) for w in (weights, permuted))
    assert float(found["width"].mean()) > 1.3 * float(control["width"].mean())
    assert found["tau"].sizes == {"q": 61}


def test_a_spectrum_whose_largest_f_lies_at_an_end_says_so():
    """Balls of the line and the lattice grow apart with the radius, which no concave tau allows."""
    assert multifractal_spectrum(torus(20)).concave
    joined = block_diag([torus(18), csr_array(ring(324))]).tolil()
    joined[0, 324] = 1.0
    assert not multifractal_spectrum(joined.tocsr(), largest_ball=0.1).concave


def test_the_method_keeps_its_promises():
    check(multifractal_analysis)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="graph"):
        multifractal_spectrum(np.ones((3, 4)))
    with pytest.raises(InputError, match="finite and above 0"):
        multifractal_spectrum(-ring(40))
    with pytest.raises(InputError, match="too few for balls"):
        multifractal_spectrum(ring(10))
    with pytest.raises(InputError, match="too few different distances"):
        multifractal_spectrum(np.ones((40, 40)) - np.eye(40))
    with pytest.raises(InputError, match="q="):
        multifractal_spectrum(torus(10), q=[1, 0, -1])
    with pytest.raises(InputError, match="matrix 1"):
        weight_graph([np.ones((3, 4)), np.ones((3, 4))])
    with pytest.raises(InputError, match="matrices"):
        weight_graph([])
    with pytest.raises(InputError, match="n_samples"):
        multifractal_analysis([np.ones((3, 4))], n_samples=0)
    with pytest.raises(InputError, match="width"):
        emergence([0.0, 1.0], [1.0, 1.0])
