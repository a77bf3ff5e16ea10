import numpy as np

from multiunit.circuits.assembly_plasticity import Hebbian
from multiunit.papers.assembly_calculus_plasticity import larva_wiring, settled


def test_smoke_scale_runs_and_learning_settles_what_does_not_settle_alone(smoke_claim):
    result = smoke_claim("assembly-calculus-plasticity")
    assert result.measured["hebb_overlap"] > result.control["none_overlap"] + 0.2
    assert result.measured["hebb_recall"] > result.control["none_recall"] + 0.3


def test_the_larvas_wiring_is_its_edge_list(shared_data, monkeypatch):
    folder = shared_data("larva_connectome")
    monkeypatch.setenv("MULTIUNIT_DATA", str(folder.parent))
    wiring = larva_wiring()
    edges = np.loadtxt(folder / "G_edgelist.txt.gz", usecols=(0, 1), dtype=np.int64)
    assert wiring.shape == (len(np.unique(edges)),) * 2
    assert wiring.sum() == len(np.unique(edges, axis=0))
    first = np.searchsorted(np.unique(edges), edges[0])
    assert wiring[tuple(first)]


def test_a_wiring_that_holds_the_assembly_settles_at_once():
    wiring = np.zeros((40, 40), bool)
    found = settled(40, k=8, rule=Hebbian(0.5), random_state=1, wiring=wiring)
    assert found["density"] == 0
    assert found["overlap"] == 1  # the stimulus alone, ever stronger
