def test_smoke_scale_runs_and_labels_matter(smoke_claim):
    result = smoke_claim("symmetric-stdp-supervised")
    assert result.measured["accuracy"] > result.control["shuffled_accuracy"] + 0.1
    assert result.measured["vote_accuracy"] > 0.3
    assert result.measured["silhouette"] > result.control["shuffled_silhouette"]
    assert all(0 <= value <= 1 for name, value in result.control.items() if name.endswith("accuracy"))
