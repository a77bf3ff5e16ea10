import pytest


def test_smoke_scale_runs_and_the_laws_show(smoke_claim):
    result = smoke_claim("deep-learning-effective-theory")
    assert result.measured["linear_slope_16_2"] == pytest.approx(2, rel=0.3)
    assert result.measured["relu_slope_16_2"] == pytest.approx(5, rel=0.3)
    assert result.measured["tanh_slope_16_2"] == pytest.approx(2 / 3, rel=0.3)
    # (1.8 / 2)^15 of the kernel is left where the weights are too weak.
    assert result.control["relu_drift"] == pytest.approx(1 - 0.9**15, abs=0.1)
    assert result.measured["relu_drift"] < 0.25
