def test_a_target_finds_itself_and_permuted_targets_are_not_identified(smoke_claim):
    result = smoke_claim("system-identification-ground-truth")
    # Ten networks, so that chance is 0.1. An encoding model of forty stimuli does no better than that.
    assert result.control["cka_itself_found"] >= 0.7
    assert max(result.control["cka_permuted"], result.control["encoding_permuted"]) <= 0.5
    assert result.measured["cka_digits"] > result.control["cka_permuted"]
    assert 0 <= result.measured["cka_motif_auc"] <= 1
