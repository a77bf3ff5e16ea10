import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.symmetric_stdp_supervised import claim


def test_smoke_scale_runs_and_labels_matter(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("mnist").parent))
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["accuracy"] > result.control["shuffled_accuracy"] + 0.1
    assert result.measured["vote_accuracy"] > 0.3
    assert result.measured["silhouette"] > result.control["shuffled_silhouette"]
    assert all(0 <= value <= 1 for name, value in result.control.items() if name.endswith("accuracy"))
