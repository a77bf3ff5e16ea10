from multiunit.papers.what_when_prediction_reservoir import TIMES, _scores
from multiunit.tasks.what_when import expected_pulses, what_when


def test_smoke_scale_runs_and_controls_differ(smoke_claim):
    result = smoke_claim("what-when-prediction-reservoir")
    assert result.measured["alike_before"] > result.control["shuffled_alike_before"] + 0.05
    assert 0 < result.measured["angle"] <= 90
    assert 60 < result.control["random_angle"] <= 90


def test_who_knows_all_makes_no_errors_and_recovers_at_once_and_who_never_learns_does_not():
    world = {"latencies": [[0.2, 0.35, 0.2], [0.35, 0.2, 0.35]], "probabilities": [[0.2, 0.5, 0.8], [0.8, 0.2, 0.5]]}
    trials = what_when(90, switch_at=[60], random_state=0, **world)
    expected = expected_pulses(trials, TIMES)
    old = expected_pulses(trials.assign(latency=[world["latencies"][0][c] for c in trials["cue"]]), TIMES)
    for told, recovery in ((expected, 0.0), (old, 30.0)):
        found = _scores(trials, told, (lambda r: r, lambda k, r, o: None), before=60, last=40, window=10)
        assert found["time_error"] < 0.005
        assert found["height_correlation"] > 0.999
        assert found["recovery_trials"] == recovery
