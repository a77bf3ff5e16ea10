"""Control of extreme events: one driving neuron takes them away from a pair that makes them by itself.

Claim: driving one neuron of a network that spontaneously shows extreme events removes them above a critical strength of
the drive, as the driven neuron is no longer locked to the driving one in phase.

Experiment: two coupled FitzHugh-Nagumo neurons at a point where large events are rare; a neuron drives the first of
them, pulling it towards its own state with strengths 0.0001 to 0.002, for 200,000 units of time after 25,000. The drive
is quiescent, or oscillates by itself. Events are counted as peaks of the mean above 0.6; the verdict is at 0.0005, for
the worse of the two drives. Phase locking of drive and driven neuron is given for the one that oscillates.

Control: no drive; a badly tuned drive of the same strength, an oscillating copy of the driven neuron itself; noise of
the variance of the oscillating drive in its place, and that noise without the pull to it.

Deviations: the paper's parameters could not be read; the point is that of the catalogue's search, in the regime of
Ansmann et al. 2013. Couplings are held for a step of 0.05; halving it leaves the counts. Noise that pulls damps its
target as a quiescent drive does, so noise that is only added was put beside it.

Not shown: larger networks, layers, other topologies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from multiunit.circuits import Circuit, Coupling, EdgeList, Population, Projection
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.dynamics.fitzhugh_nagumo import excitable_fitzhugh_nagumo
from multiunit.dynamics.leaky_rate import ornstein_uhlenbeck
from multiunit.dynamics.trajectory import trajectory
from multiunit.populations.extreme_events import extreme_events
from multiunit.populations.phase_synchrony import phase_locking

PAPER = Paper(
    id="extreme-event-control",
    title="Controlling extreme events in neuronal networks: A single driving signal approach",
    year=2026,
    source="arXiv:2602.01234",
    level="synthetic",
    uses=(excitable_fitzhugh_nagumo, extreme_events),
)

LARGE = 0.6
DECIDING = 5e-4
PAIR = {"a": -0.025794, "c": 0.02}
SLOPES = (0.0135, 0.0065)
STRENGTH = 0.128
DRIVES: Mapping[str, Mapping[str, float]] = {
    "quiescent": {"a": 0.1, "b": 0.0135, "c": 0.02},
    "oscillating": {"a": -0.02, "b": 0.0135, "c": 0.02},
    "mistuned": {"a": -0.025794, "b": 0.0135, "c": 0.02},
}


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    duration, transient = scale.pick(smoke=(2e4, 5e3), small=(2e5, 2.5e4))
    strengths = scale.pick(smoke=(DECIDING, 2e-3), small=(1e-4, 2e-4, DECIDING, 1e-3, 2e-3))
    kinds = (*DRIVES, "noise", "added_noise")
    conditions = [("quiescent", 0.0), *((kind, strength) for kind in kinds for strength in strengths)]
    x, drive = driven_pairs(conditions, duration=duration, transient=transient, rng=rng)
    events = {c: large_events(x[:, i]) for i, c in enumerate(conditions)}
    deviation = {c: float(extreme_events(x[:, i])["largest_deviation"]) for i, c in enumerate(conditions)}
    locking = {
        kind: phase_locking(drive[:, conditions.index((kind, DECIDING))], x[:, conditions.index((kind, DECIDING)), 0])
        for kind in ("oscillating", "mistuned")
    }
    none, tuned = ("quiescent", 0.0), [("quiescent", DECIDING), ("oscillating", DECIDING)]
    removed = [s for s in strengths if all(events[kind, s] <= 0.1 * events[none] for kind, _ in tuned)]
    return Claim(
        measured={
            "events": float(max(events[c] for c in tuned)),
            "events_quiescent": float(events["quiescent", DECIDING]),
            "events_oscillating": float(events["oscillating", DECIDING]),
            "critical_strength": min(removed) if removed else float("nan"),
            "largest_deviation": max(deviation[c] for c in tuned),
            "locking_to_drive": locking["oscillating"],
        },
        control={
            "undriven_events": float(events[none]),
            "undriven_largest_deviation": deviation[none],
            "mistuned_events": float(events["mistuned", DECIDING]),
            "mistuned_locking_to_drive": locking["mistuned"],
            "noise_events": float(events["noise", DECIDING]),
            "added_noise_events": float(events["added_noise", DECIDING]),
        },
        criterion="control.undriven_events >= 5 and measured.events <= 0.1 * control.undriven_events "
        "and control.mistuned_events >= control.undriven_events",
    )


def _pull(theirs: float, own: float) -> float:
    return theirs - own


def _added(theirs: float) -> float:
    return theirs


def driven_pairs(
    conditions: list[tuple[str, float]], *, duration: float, transient: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """x of both neurons of independent pairs, one for each (kind of drive, strength), `(sample, pair, 2)`, and of their
    driving neurons, `(sample, pair)`."""
    n = len(conditions)
    kinds, strengths = np.array([kind for kind, _ in conditions]), np.array([s for _, s in conditions])
    noisy = np.isin(kinds, ("noise", "added_noise"))
    drives = [DRIVES.get(str(kind), DRIVES["quiescent"]) for kind in kinds]
    alone = trajectory(excitable_fitzhugh_nagumo, n_steps=400_000, parameters=DRIVES["oscillating"], every=20)
    deviation = float(alone.states["x"][5000:].std())
    # All pairs start from the same place: what differs is the drive.
    start = rng.uniform(-0.05, 0.05, 4)
    populations = [
        Population(
            2 * n,
            excitable_fitzhugh_nagumo,
            name="pairs",
            **PAIR,
            b=np.tile(SLOPES, n),
            x=np.tile(start[:2], n),
            y=np.tile(start[2:], n) / 10,
        ),
        Population(
            n,
            excitable_fitzhugh_nagumo,
            name="drives",
            **{name: np.array([drive[name] for drive in drives]) for name in "abc"},
            x=rng.uniform(-0.05, 0.05, n),
        ),
        Population(n, ornstein_uhlenbeck, name="noise", deviation=deviation, tau=1.0),
    ]
    everyone = np.arange(2 * n)
    pull = Coupling(_pull, pre=("x",), post=("x",))
    projections = [
        Projection(
            "pairs",
            "pairs",
            connectivity=EdgeList(everyone, everyone ^ 1, weight=np.full(2 * n, STRENGTH)),
            into="coupling",
            coupling=pull,
        )
    ]
    for name, pre, chosen, coupling in (
        ("by a neuron", "drives", ~noisy, pull),
        ("by noise", "noise", kinds == "noise", pull),
        ("by added noise", "noise", kinds == "added_noise", Coupling(_added, pre=("x",))),
    ):
        at = np.flatnonzero(chosen)
        projections.append(
            Projection(
                pre,
                "pairs",
                name=name,
                connectivity=EdgeList(at, 2 * at, weight=strengths[at]),
                into="coupling",
                coupling=coupling,
            )
        )
    circuit = Circuit(populations, projections, dt=0.05, random_state=int(rng.integers(2**31)))
    circuit.run(transient, spikes=())
    found = circuit.run(duration, spikes=(), states=("pairs.x", "drives.x"), every=1.0).states
    pairs, driving = (found[name].activity[0].T for name in ("pairs.x", "drives.x"))
    return pairs.reshape(-1, n, 2), driving


def large_events(x: np.ndarray) -> int:
    """Peaks of the mean of a pair's `(sample, 2)` above the level of full spikes."""
    return int(extreme_events(x, level=LARGE)["n_events"])
