def test_smoke_scale_runs_and_breaking_the_pairing_breaks_the_agreement(smoke_claim):
    result = smoke_claim("rosetta-neurons")
    assert result.measured["agreement"] > result.control["permuted_agreement"] + 0.1
    assert result.measured["shared_units"] > 0
