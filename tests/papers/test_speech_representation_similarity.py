import numpy as np

from multiunit.papers.speech_representation_similarity import _heard


def test_smoke_scale_runs_and_the_controls_differ(smoke_claim):
    result = smoke_claim("speech-representation-similarity")
    assert result.measured["cka"] > 0.3
    assert abs(result.control["shuffled_cka"]) < 0.05
    assert abs(result.control["rotated_cka"] - result.measured["cka"]) < 1e-6
    assert result.control["self_max_correlation"] - result.control["self_rotated_max_correlation"] > 0.2
    assert result.control["tuned_localisation"] > result.measured["localisation"] + 0.25


def test_what_is_heard_is_five_frames_of_one_window():
    windows = np.arange(24.0).reshape(2, 6, 2) + 1
    heard = _heard(windows).reshape(2, 6, 5, 2)
    np.testing.assert_array_equal(heard[1, 3], windows[1, 1:6])
    np.testing.assert_array_equal(heard[1, 0], [[0, 0], [0, 0], *windows[1, :3]])
