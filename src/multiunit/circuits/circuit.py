"""`Circuit`: populations, projections and inputs, simulated by one compiled loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from multiunit.circuits.arrays import fill_edges, fill_input, fill_population
from multiunit.circuits.built import Edges, built, bytes_needed, incoming
from multiunit.circuits.inputs import Drive, PoissonInput, SpikeInput
from multiunit.circuits.population import Population
from multiunit.circuits.projection import Projection
from multiunit.circuits.source import circuit_program
from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.dynamics.kernel import PRECISIONS, load_module

Input = Drive | PoissonInput | SpikeInput
# Spikes that are kept between two visits to Python.
_ROOM = 2**20


@dataclass(frozen=True)
class Run:
    """What was kept of a run: `spikes`, one unit of the recording for every unit of the populations, and `states`,
    "population.state" -> a recording `(1, unit, time)`."""

    spikes: Recording
    states: Mapping[str, Recording]


class Circuit:
    """Populations and projections that run together.

    Every step: inputs from outside and couplings; the elements; who spiked; what spikes bring to the inputs of the
    next step, after their delays; plasticity. All random numbers of a run come from one generator, so that a seed
    gives the same spikes, also if the run is cut into pieces.

    Args:
        populations: of different names.
        projections: between them.
        inputs: from outside.
        dt: step in seconds.
        precision: "float64" or "float32".
        max_bytes: what the edges may take; a larger circuit is refused before it is built.
        random_state: seed; wiring and running have generators of their own.

    Raises:
        InputError: for names that do not exist, sizes that do not fit, or a circuit that is too large.

    Ten units in a ring pass one spike round:

    >>> from multiunit.circuits import EdgeList, SpikeInput
    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> ring = Circuit(
    ...     [Population(10, izhikevich, name="ring")],
    ...     [Projection("ring", "ring", connectivity=EdgeList(range(10), [(i + 1) % 10 for i in range(10)]),
    ...                 into="current", weight=2000.0, delay=0.005)],
    ...     [SpikeInput("ring", "current", times=[0.001], units=[0], weight=2000.0)])
    >>> ring.run(0.03).spikes.spike_trains[4].round(3).tolist()
    [0.022]
    """

    def __init__(
        self,
        populations: Sequence[Population],
        projections: Sequence[Projection] = (),
        inputs: Sequence[Input] = (),
        *,
        dt: float = 1e-4,
        precision: str = "float64",
        max_bytes: float = 16e9,
        random_state: int = 0,
    ) -> None:
        if precision not in PRECISIONS:
            raise InputError("precision", precision, f"is one of {', '.join(PRECISIONS)}")
        if not 0 < dt < np.inf:
            raise InputError("dt", dt, "needs a positive step, in seconds")
        self.populations = {p.name: p for p in populations}
        if len(self.populations) < len(populations) or not populations:
            raise InputError("populations", [p.name for p in populations], "needs populations of different names")
        self.dt, self.precision, self.random_state, self.t = float(dt), precision, random_state, 0
        self.inputs = list(inputs)
        for given in self.inputs:
            self._checked_input(given.population, given.into, steady=isinstance(given, Drive))
        self._within(projections, max_bytes)
        rng = np.random.default_rng([random_state, 0])
        self.edges = {p.name: self._built(p, rng) for p in projections}
        if len(self.edges) < len(projections):
            raise InputError("projections", [p.name for p in projections], "name projections that share their ends")
        self.random_numbers = np.random.default_rng([random_state, 1])
        program = circuit_program(list(populations), list(self.edges.values()), self.inputs, precision=precision)
        self._arguments = program.arguments
        self.source = program.source()
        self._module = load_module(self.source, name="circuit")
        self.values: dict[str, Any] = {"dt": np.dtype(precision).type(self.dt)}
        for number, population in enumerate(populations):
            fill_population(self, f"p{number}", population, program.changing)
        for number, edge in enumerate(self.edges.values()):
            fill_edges(self, f"e{number}", edge)
        for number, given in enumerate(self.inputs):
            fill_input(self, f"i{number}", given)

    # ---- what it is made of -------------------------------------------------------------------------------

    def name_of(self, population: str) -> str:
        """The prefix of the population's arrays in `values`."""
        if population not in self.populations:
            raise InputError("population", population, f"there are: {', '.join(self.populations)}")
        return f"p{list(self.populations).index(population)}"

    def labels(self, populations: Sequence[str]) -> dict[str, Any]:
        """The coordinate `label` of these populations' units, one after another; nothing where none has labels."""
        chosen = [self.populations[name] for name in populations]
        if not any(p.labels for p in chosen):
            return {}
        return {"label": ("unit", np.concatenate([np.array(p.labels or [""] * p.n, dtype=object) for p in chosen]))}

    def state(self, population: str, name: str) -> np.ndarray:
        """A state of all units now, `(unit,)`: the array itself, which may be written to."""
        prefix = self.name_of(population)
        if name not in self.populations[population].element.states:
            raise InputError("name", name, f"{population} has {', '.join(self.populations[population].element.states)}")
        return self.values[f"{prefix}_{name}"]

    def weights(self, projection: str) -> np.ndarray:
        """The weights of a projection now, in the order of its edges: the array itself."""
        return self._of(projection, "weight")

    def parameter(self, population: str, name: str) -> np.ndarray:
        """A parameter that differs between units, `(unit,)`: the array itself, which may be written to.

        Raises:
            InputError: for a name that does not exist, or one value for all units.
        """
        prefix = self.name_of(population)
        varying = self.populations[population].varying
        if name not in varying:
            mend = f"give {population} one value for each unit; it has that of {', '.join(varying) or 'none'}"
            raise InputError("parameter", name, mend)
        return self.values[f"{prefix}_{name}"]

    def changing_edges(self, projection: str) -> Edges:
        """The edges of a projection whose weights may change between runs.

        Raises:
            InputError: if it has one weight for all edges, or checkpoints would not hold a change.
        """
        edge = self._edge(projection)
        if edge.projection.plasticity is None and not edge.projection.structural:
            raise InputError("projection", projection, "make it plastic, or with structural=True")
        return edge

    def rewired(self, projection: str, moved: np.ndarray) -> None:
        """Bring up to date what follows from the targets of a projection's edges, `moved` of which have changed."""
        edge, prefix = self._edge(projection), f"e{list(self.edges).index(projection)}"
        if f"{prefix}_into" in self.values:
            for name, values in incoming(edge, n_post=self.populations[edge.projection.post].n).items():
                self.values[f"{prefix}_{name}"][...] = values
        if f"{prefix}_eligible" in self.values:
            self.values[f"{prefix}_eligible"][moved] = 0.0

    def modulate(self, projection: str, value: float) -> None:
        """Set the modulator of a three-factor rule from now on; what it did so far is brought to the weights.

        Raises:
            InputError: if the projection has no eligibility.
        """
        edge = self._edge(projection)
        rule = edge.projection.plasticity
        if rule is None or rule.eligibility is None:
            raise InputError("projection", projection, "has no eligibility that a modulator could act on")
        prefix = f"e{list(self.edges).index(projection)}"
        eligible, since, area = (self.values[f"{prefix}_{s}"] for s in ("eligible", "since", "area"))
        gone = self.values[f"{prefix}_decay"] ** (self.t - since)
        moved = edge.weight + self.values[f"{prefix}_modulator"][0] * eligible * area * (1 - gone)
        edge.weight[:] = np.clip(moved, *rule.bounds) if self.values[f"{prefix}_modulator"][0] else edge.weight
        eligible *= gone
        since[:] = self.t
        self.values[f"{prefix}_modulator"][0] = value

    # ---- running ------------------------------------------------------------------------------------------

    def run(
        self,
        duration: float,
        *,
        spikes: Sequence[str] | None = None,
        states: Sequence[str] = (),
        units: Mapping[str, Sequence[int]] | None = None,
        every: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Run:
        """Go on for a time, and keep what is asked for.

        Args:
            duration: seconds.
            spikes: populations whose spikes are kept; all that spike by default, none for ().
            states: "population.state" to sample.
            units: "population.state" -> units to sample; all by default.
            every: seconds from sample to sample; every step by default.
            progress: called now and then with the share that is done.

        Returns:
            The run; times count from the beginning of the circuit, the spike of a step at its end.

        Raises:
            InputError: for names that do not exist, or a state that is not finite at the end.
        """
        n_steps = round(duration / self.dt)
        if n_steps < 1:
            raise InputError("duration", duration, f"needs one step of {self.dt} s or more")
        stride = 1 if every is None else max(1, round(every / self.dt))
        kept = self._spiking() if spikes is None else list(spikes)
        first, stop = self.t, self.t + n_steps
        n_samples = stop // stride - first // stride
        chosen = self._sampled(states, units or {}, n_samples)
        collected: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in kept}
        for name in self.populations:
            self._room(name, wanted=name in collected)
        sample = 0
        piece = max(1, min(n_steps, 20_000_000 // max(1, sum(p.n for p in self.populations.values()))))
        while self.t < stop:
            end = min(stop, self.t + piece)
            arguments = [self.values[name] if name != "rng" else self.random_numbers for name in self._arguments]
            self.t, sample = self._module.run(*arguments, self.t, end, stride, sample)
            for name, parts in collected.items():
                parts.append(self._drained(name))
            if progress is not None:
                progress((self.t - first) / n_steps)
        self._finite()
        time = (np.arange(first // stride + 1, stop // stride + 1) * stride) * self.dt
        samples = {
            name: Recording.from_activity(
                values.T[None], units={"site": np.full(values.shape[1], name, dtype=object)}, time=time, kind="state"
            )
            for name, values in chosen.items()
        }
        self._no_samples()
        return Run(self._spikes(collected), samples)

    # ---- pieces -------------------------------------------------------------------------------------------

    def _edge(self, projection: str) -> Edges:
        if projection not in self.edges:
            raise InputError("projection", projection, f"there are: {', '.join(self.edges) or 'none'}")
        return self.edges[projection]

    def _of(self, projection: str, what: str) -> Any:
        self._edge(projection)
        return self.values[f"e{list(self.edges).index(projection)}_{what}"]

    def _spiking(self) -> list[str]:
        return [name for name, p in self.populations.items() if p.element.spikes]

    def _checked_input(self, population: str, into: str, *, steady: bool = False) -> None:
        if population not in self.populations:
            raise InputError("population", population, f"there are: {', '.join(self.populations)}")
        inputs = self.populations[population].element.inputs
        if into not in inputs:
            raise InputError("into", into, f"{population} takes {', '.join(inputs) or 'no inputs'}")
        if steady and into in self.populations[population].element.impulses:
            raise InputError("into", into, f"of {population} takes spikes; drive another of {', '.join(inputs)}")

    def _within(self, projections: Sequence[Projection], max_bytes: float) -> None:
        total, edges = 0.0, 0.0
        for p in projections:
            for name in (p.pre, p.post):
                if name not in self.populations:
                    raise InputError("projection", p.name, f"no population {name}; {', '.join(self.populations)}")
            self._checked_input(p.post, p.into)
            needs_spikes = [p.pre] * (p.coupling is None) + [p.post] * (p.plasticity is not None)
            silent = [name for name in needs_spikes if not self.populations[name].element.spikes]
            if silent:
                raise InputError("projection", p.name, f"{silent[0]} does not spike; give the projection a coupling")
            sizes = {"n_pre": self.populations[p.pre].n, "n_post": self.populations[p.post].n}
            found = bytes_needed(p, **sizes, precision=self.precision)
            total, edges = total + found["bytes"], edges + found["edges"]
        if total > max_bytes:
            mend = f"{edges:.3g} edges need about {total / 1e9:.1f} GB; raise max_bytes, or make it smaller"
            raise InputError("max_bytes", max_bytes, mend)

    def _built(self, projection: Projection, rng: np.random.Generator) -> Edges:
        sizes = {"n_pre": self.populations[projection.pre].n, "n_post": self.populations[projection.post].n}
        return built(projection, **sizes, dt=self.dt, precision=self.precision, rng=rng)

    def _room(self, population: str, *, wanted: bool) -> None:
        if population not in self.populations:
            raise InputError("spikes", population, f"there are: {', '.join(self.populations)}")
        prefix = self.name_of(population)
        n = max(2 * self.populations[population].n, _ROOM) if wanted else 0
        self.values[f"{prefix}_kept_step"] = np.empty(n, np.int64)
        self.values[f"{prefix}_kept_unit"] = np.empty(n, np.int32)
        self.values[f"{prefix}_n_kept"][0] = 0

    def _drained(self, population: str) -> tuple[np.ndarray, np.ndarray]:
        prefix = self.name_of(population)
        n = int(self.values[f"{prefix}_n_kept"][0])
        self.values[f"{prefix}_n_kept"][0] = 0
        step, unit = (self.values[f"{prefix}_kept_{what}"][:n].copy() for what in ("step", "unit"))
        return step, unit

    def _sampled(
        self, states: Sequence[str], units: Mapping[str, Sequence[int]], n_samples: int
    ) -> dict[str, np.ndarray]:
        chosen = {}
        for wanted in states:
            population, _, name = wanted.partition(".")
            size = len(self.state(population, name))
            index = np.arange(size) if wanted not in units else np.asarray(units[wanted], dtype=np.int64)
            if len(index) and not 0 <= index.min() <= index.max() < size:
                raise InputError("units", index.tolist()[:5], f"{population} has {size} units")
            kept = f"{self.name_of(population)}_{name}_kept"
            self.values[kept] = chosen[wanted] = np.empty((n_samples, len(index)), self.precision)
            self.values[f"{kept}_units"] = index
        return chosen

    def _no_samples(self) -> None:
        for number, population in enumerate(self.populations.values()):
            for name in population.element.states:
                self.values[f"p{number}_{name}_kept"] = np.empty((0, 0), self.precision)
                self.values[f"p{number}_{name}_kept_units"] = np.empty(0, np.int64)

    def _spikes(self, collected: Mapping[str, list[tuple[np.ndarray, np.ndarray]]]) -> Recording:
        times, counts, sites = [np.empty(0)], [np.empty(0, np.int64)], [np.empty(0, dtype=object)]
        for name, parts in collected.items():
            step, unit = (np.concatenate(column) for column in zip(*parts, strict=True))
            n = self.populations[name].n
            times.append((step[np.argsort(unit, kind="stable")] + 1) * self.dt)
            counts.append(np.bincount(unit, minlength=n))
            sites.append(np.full(n, name, dtype=object))
        # They are sorted already: `Recording.from_spikes` would cut them into a train for each unit, to no end.
        kept = {"spike_time": ("spike", np.concatenate(times)), "spike_count": ("unit", np.concatenate(counts))}
        attributes = {"kind": "spikes", "source": "circuit"}
        coords = {"site": ("unit", np.concatenate(sites))} | self.labels(list(collected))
        return Recording(xr.Dataset(kept, coords, attributes))

    def _finite(self) -> None:
        for name, population in self.populations.items():
            for state in population.element.states:
                bad = np.flatnonzero(~np.isfinite(self.state(name, state)))
                if len(bad):
                    raise InputError(
                        "dt", self.dt, f"{state} of {name}/{bad[0]} is not finite; a smaller step, or weaker inputs"
                    )
