import numpy as np
import pytest


def test_both_ends_are_measured_and_the_controls_differ(smoke_claim):
    result = smoke_claim("ten-bits-per-second")
    measured, control = result.measured, result.control
    assert all(np.isfinite(list(measured.values()) + list(control.values())))
    assert measured["typing"] < 0.85 * control["shuffled_typing"] < 0.95 * control["random_keys"]
    assert control["random_keys"] == pytest.approx(10 * np.log2(27), rel=0.05)
    assert measured["slowest_choice"] > 10 * abs(control["random_choice"])
    assert measured["receptor"] > 10 * abs(control["receptor_other_time"])
    assert measured["channel_error"] < 0.3
    assert measured["sifting"] > 1e7
