import numpy as np
import pytest

from multiunit.dynamics.fitzhugh_nagumo import excitable_fitzhugh_nagumo
from multiunit.papers.extreme_event_control import DRIVES, PAIR, SLOPES, STRENGTH, driven_pairs, large_events


def test_smoke_scale_runs_and_the_tuned_drive_takes_events_away(smoke_claim):
    result = smoke_claim("extreme-event-control")
    assert result.measured["events"] < result.control["undriven_events"]
    assert result.control["mistuned_events"] > result.control["undriven_events"]


def test_pairs_are_the_equations_by_hand():
    """A pair without drive and one with, by the slopes, with couplings held for a step as circuits do."""
    x, drive = driven_pairs(
        [("quiescent", 0.0), ("mistuned", 0.01)], duration=3.0, transient=2.0, rng=np.random.default_rng(1)
    )
    rng = np.random.default_rng(1)
    start, others = rng.uniform(-0.05, 0.05, 4), rng.uniform(-0.05, 0.05, 2)
    for pair, (kind, strength) in enumerate([("quiescent", 0.0), ("mistuned", 0.01)]):
        u, v = np.append(start[:2], others[pair]), np.append(start[2:] / 10, 0.01)
        parameters = [{**PAIR, "b": b} for b in SLOPES] + [dict(DRIVES[kind])]
        for step in range(100):
            push = [STRENGTH * (u[1] - u[0]) + strength * (u[2] - u[0]), STRENGTH * (u[0] - u[1]), 0.0]
            for i, own in enumerate(parameters):
                u[i], v[i] = excitable_fitzhugh_nagumo(u[i], v[i], push[i], **own, dt=0.05)[:2]
            if step + 1 in (60, 80, 100):
                row = (step + 1 - 60) // 20
                assert x[row, pair].tolist() == pytest.approx(u[:2].tolist(), rel=1e-9)
                assert drive[row, pair] == pytest.approx(u[2], rel=1e-9)


def test_large_events_are_peaks_of_the_mean():
    x = np.zeros((50, 2))
    x[10], x[20, 0], x[30] = 0.9, 0.9, 0.5
    assert large_events(x) == 1
