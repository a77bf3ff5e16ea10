"""A small heterogeneous chain of map neurons: attractors that coexist, and synchrony that comes and goes with coupling.

Claim: as its coupling changes, a chain of Chialvo and Rulkov neurons shows chaos and periodic windows, coexisting
attractors of different kinds, and a synchrony that is no monotone function of the coupling.

Experiment: Chialvo - Rulkov - Chialvo, pulled by neighbours' fast variables with a strength from -0.2 to 0.2 (81
values), followed upwards and downwards without a new start, 20,000 iterations after 20,000; the largest Lyapunov
exponent, the period, the correlation of the centre with an end, the order parameter of the three phases, and the sample
entropy of 1,000 samples of an end. From 50 random starts at 10 strengths: the kinds of attractors, each kind reached
by two starts or more and found the same in two stretches of time.

Control: 81 uncoupled chains from random starts - the highest correlation that chance gives over as many trials - and 50
starts of the uncoupled chain, which may only know one kind; phase-randomised copies of the most regular series,
whose entropy must be higher. That both ends are in step is reported apart: equal units under one drive say nothing.

Deviations: the chance level over 81 trials was added. The order of units is the paper's, the parameters of the maps are
those usual for each map; the paper's could not be read, so coexistence is searched for, not reproduced at a place.

Not shown: which bifurcations separate the regimes, other chains, real neurons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multiunit.circuits import AllToAll, Circuit, Coupling, Population, Projection
from multiunit.circuits.map_chain import map_chain
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.dynamics.as_map import Map
from multiunit.dynamics.bifurcation import period
from multiunit.dynamics.chialvo import chialvo
from multiunit.dynamics.lyapunov import lyapunov_exponents
from multiunit.dynamics.rulkov import rulkov
from multiunit.inference.phase_surrogate import phase_surrogate
from multiunit.populations.phase_synchrony import order_parameter
from multiunit.populations.sample_entropy import sample_entropy

PAPER = Paper(
    id="chialvo-rulkov-chain",
    title="Dynamical properties of a small heterogeneous chain network of neurons in discrete time",
    year=2024,
    source="arXiv:2405.05675",
    level="synthetic",
    uses=(chialvo, rulkov, map_chain, lyapunov_exponents, order_parameter, sample_entropy),
)

FAST = ("first.x", "centre.u", "last.x")
CHAIN = (chialvo, rulkov, chialvo)
CHAOS = 1e-3  # an exponent per step, well above what a finite stretch of a periodic orbit gives
ORDER = -1e-4  # stable, though no exponent can lie far below 0: the slow variable itself forgets at 1e-3 a step
LONGEST = 64  # periods above count as none


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_values, n_steps, n_starts = scale.pick(smoke=(9, 2000, 10), small=(81, 20000, 50))
    values = np.linspace(-0.2, 0.2, n_values)
    start = random_starts(1, rng)[0]
    circuit = chain_circuit(start)
    # Each stretch: (sample, 3) of the fast variables; the states at its end start the exponents.
    ways = {"up": values, "down": values[::-1]}
    stretches, ends = {}, {}
    for way, order in ways.items():
        found = [follow(circuit, float(sigma), n_steps=n_steps) for sigma in order]
        stretches[way] = [samples for samples, _ in found]
        ends[way] = np.array([end for _, end in found])
    exponents = {
        way: lyapunov_exponents(
            map_chain(CHAIN, strength=order), start=ends[way], n_steps=n_steps // 2, n_transient=n_steps // 10
        ).ravel()
        for way, order in ways.items()
    }
    both = [*stretches["up"], *stretches["down"]]
    correlation = np.array([centre_correlation(s) for s in both])
    entropies = np.array([_entropy(s) for s in both])
    regular = both[int(np.nanargmin(entropies))][-1000:, 0]
    synchrony = np.array([order_parameter(s) for s in both])

    probed = values[n_values // 20 :: max(1, n_values // 10)][:10]
    coexisting = [
        len(kinds_of_attractors(map_chain(CHAIN, strength=sigma), random_starts(n_starts, rng), n_transient=n_steps))
        for sigma in probed
    ]
    free = map_chain(CHAIN, strength=0.0)
    uncoupled = fast_of(free, random_starts(n_values, rng), n_transient=n_steps // 4, n_steps=n_steps)
    chance = max(abs(centre_correlation(uncoupled[:, i])) for i in range(n_values))
    alone = kinds_of_attractors(free, random_starts(n_starts, rng), n_transient=n_steps)
    all_exponents = np.concatenate([exponents["up"], exponents["down"]])
    return Claim(
        measured={
            "largest_centre_correlation": float(np.abs(correlation).max()),
            "most_kinds_of_attractors": float(max(coexisting)),
            "strengths_with_coexistence": float(sum(n > 1 for n in coexisting)),
            "highest_exponent": float(all_exponents.max()),
            "lowest_exponent": float(all_exponents.min()),
            "values_where_ways_differ": float((np.abs(exponents["up"] - exponents["down"][::-1]) > 0.05).sum()),
            "lowest_entropy": float(np.nanmin(entropies)),
            "highest_entropy": float(np.nanmax(entropies)),
            "lowest_order_parameter": float(synchrony.min()),
            "highest_order_parameter": float(synchrony.max()),
            "end_to_end_correlation": float(np.median([np.corrcoef(s[:, 0], s[:, 2])[0, 1] for s in both])),
        },
        control={
            "uncoupled_centre_correlation": float(chance),
            "uncoupled_kinds_of_attractors": float(len(alone)),
            "surrogate_entropy": sample_entropy(phase_surrogate(regular, random_state=rng)),
        },
        criterion="measured.largest_centre_correlation > 0.2 "
        "and measured.largest_centre_correlation > control.uncoupled_centre_correlation "
        "and measured.most_kinds_of_attractors >= 2 "
        "and control.uncoupled_kinds_of_attractors < measured.most_kinds_of_attractors "
        f"and measured.highest_exponent > {CHAOS} and measured.lowest_exponent < {ORDER} "
        "and control.surrogate_entropy > measured.lowest_entropy",
    )


def _difference(theirs: float, own: float) -> float:
    return theirs - own


def chain_circuit(start: Sequence[float]) -> Circuit:
    """Chialvo - Rulkov - Chialvo, not coupled yet."""
    places = ("first", "x", chialvo), ("centre", "u", rulkov), ("last", "x", chialvo)
    slow = {"first": "y", "centre": "v", "last": "y"}
    populations = [
        Population(1, element, name=name, **{fast: start[2 * i], slow[name]: start[2 * i + 1]})
        for i, (name, fast, element) in enumerate(places)
    ]
    fast_of_place = {name: fast for name, fast, _ in places}
    projections = [
        Projection(
            pre,
            post,
            connectivity=AllToAll(),
            into="coupling",
            weight=0.0,
            coupling=Coupling(_difference, pre=(fast_of_place[pre],), post=(fast_of_place[post],)),
        )
        for pre, post in (("first", "centre"), ("centre", "first"), ("centre", "last"), ("last", "centre"))
    ]
    return Circuit(populations, projections, dt=1.0)


def follow(circuit: Circuit, strength: float, *, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Go on at a strength: fast variables `(sample, 3)` of the second half of the run, and all states at its end."""
    for name in circuit.edges:
        circuit.weights(name)[:] = strength
    circuit.run(n_steps, spikes=())
    run = circuit.run(n_steps, spikes=(), states=FAST)
    samples = np.stack([run.states[name].activity[0, 0] for name in FAST], axis=1)
    places = ("first.x", "first.y", "centre.u", "centre.v", "last.x", "last.y")
    return samples, np.array([circuit.state(*place.split("."))[0] for place in places])


def random_starts(n: int, rng: np.random.Generator) -> np.ndarray:
    """`(start, 6)`: the ends and the centre somewhere within what they visit."""
    low, high = [0.0, 0.5, -2.0, -3.5, 0.0, 0.5], [1.0, 3.0, 1.0, -2.5, 1.0, 3.0]
    return rng.uniform(low, high, size=(n, 6))


def fast_of(step: Map, points: np.ndarray, *, n_transient: int, n_steps: int) -> np.ndarray:
    """`(sample, trajectory, 3)`: the fast variables."""
    for _ in range(n_transient):
        points = step(points)
    samples = np.empty((n_steps, len(points), 3))
    for k in range(n_steps):
        points = step(points)
        samples[k] = points[:, ::2]
    return samples


def centre_correlation(samples: np.ndarray) -> float:
    """Correlation of the centre with the first end; 0 where either rests."""
    first, centre = samples[:, 0], samples[:, 1]
    return float(np.corrcoef(first, centre)[0, 1]) if first.std() > 1e-9 and centre.std() > 1e-9 else 0.0


def kinds_of_attractors(step: Map, points: np.ndarray, *, n_transient: int) -> set[str]:
    """What starts settle to: a period, chaos or neither; those that differ between two stretches are left out."""
    for _ in range(n_transient):
        points = step(points)
    found = []
    for _ in range(2):
        exponent = lyapunov_exponents(step, start=points, n_steps=n_transient // 4).ravel()
        for _ in range(n_transient // 4):
            points = step(points)
        samples = np.empty((len(points), 2 * LONGEST, points.shape[1]))
        for k in range(2 * LONGEST):
            points = step(points)
            samples[:, k] = points
        # The slow variable still creeps to its place when everything else repeats.
        periods = period(samples, tolerance=1e-3)
        found.append(
            [
                f"period {p}" if p else "chaos" if e > CHAOS else "neither"
                for p, e in zip(periods.tolist(), exponent.tolist(), strict=True)
            ]
        )
    lasting = [a for a, b in zip(*found, strict=True) if a == b]
    return {kind for kind in lasting if lasting.count(kind) >= 2}


def _entropy(samples: np.ndarray) -> float:
    x = samples[-1000:, 0]
    return sample_entropy(x) if x.std() > 1e-9 else float("nan")
