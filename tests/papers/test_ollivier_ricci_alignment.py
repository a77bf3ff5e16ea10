import numpy as np
from scipy.spatial.distance import squareform

from multiunit.papers.ollivier_ricci_alignment import _auc


def test_smoke_scale_runs_and_classes_are_in_the_trained_graph_alone(smoke_claim):
    result = smoke_claim("ollivier-ricci-alignment")
    assert result.measured["auc"] > result.control["rewired_auc"] + 0.1
    assert result.measured["ari"] > result.control["rewired_ari"] + 0.2
    assert result.measured["people_rsa"] > result.control["people_pixels_rsa"] + 0.1
    assert abs(result.control["permuted_curvature"]) < 0.35


def test_edges_between_classes_are_told_by_their_curvature():
    graph = np.kron(np.eye(2), 1 - np.eye(5))
    graph[4, 5] = graph[5, 4] = 1.0
    assert _auc(squareform(graph), np.repeat([0, 1], 5)) == 1.0
    assert _auc(squareform(graph), np.tile([0, 1], 5)) < 0.8
