def test_at_smoke_scale_the_pairs_are_known_by_heart_and_nothing_more(smoke_claim):
    result = smoke_claim("are-we-back-in-1924")
    assert result.measured["memorised_step"] <= 300
    assert result.control["train_accuracy_without_decay"] == 1
    assert result.control["test_accuracy_without_decay"] < 0.3
    assert not result.holds
