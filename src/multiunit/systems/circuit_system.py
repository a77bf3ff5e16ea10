"""`CircuitSystem`: a simulated circuit as a system, shown stimuli, streamed and edited like a network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiunit.circuits.checkpoint import restore, snapshot
from multiunit.circuits.circuit import Circuit
from multiunit.core.edit import Edit
from multiunit.core.errors import InputError, SiteError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.batches import labels


class CircuitSystem:
    """A circuit as a system: every stimulus is a run from the same start, every bin of it a presentation.

    Sites: a population gives its spikes per second; `population.state` the state at the end of a bin;
    `population.input` what is given to an input all the time; a projection its weights. All take edits. Of a
    population's spikes: `Ablate` silences units. Of a state: units are held at a value, or changed after every step,
    which is slow. Of an input or of weights: they are changed for the time of the edit, so that `Add` stimulates and
    `Ablate` lesions.

    Args:
        circuit: every stimulus finds it as it is, and so it is left.
        duration: seconds of a stimulus.
        into: (population, input) that stimuli are given to. A stimulus is a number, `(unit,)`, or `(sample, unit)`,
            each sample lasting an equal part of the duration.
        width: seconds of a bin; the whole duration unless given.
        name: in recordings and atlases.

    Raises:
        InputError: for an input that does not exist, or a bin of no step.

    >>> from multiunit.circuits import Population
    >>> from multiunit.core import Ablate
    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> cells = Circuit([Population(2, izhikevich, name="cells")])
    >>> system = CircuitSystem(cells, duration=0.2, into=("cells", "current"))
    >>> system.record([[0.0, 10.0], [10.0, 10.0]], "cells").activity.tolist()
    [[0.0, 25.0], [25.0, 25.0]]
    >>> system.record([[10.0, 10.0]], "cells", edits=[Ablate(["cells/0"])]).activity.tolist()
    [[0.0, 25.0]]
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        duration: float,
        into: tuple[str, str],
        width: float | None = None,
        name: str = "circuit",
    ) -> None:
        population, given = into
        self._base = f"{circuit.name_of(population)}_base_{given}"
        if self._base not in circuit.values:
            inputs = ", ".join(circuit.populations[population].element.inputs)
            raise InputError("into", into, f"{population} takes {inputs or 'no inputs'}")
        self.circuit, self.duration, self.into, self.name = circuit, duration, into, name
        self.width = duration if width is None else width
        self.n_bins = round(duration / self.width)
        if self.n_bins < 1 or round(self.width / circuit.dt) < 1:
            raise InputError("width", width, f"needs a step of {circuit.dt} s or more, and at most {duration} s")
        self._held: list[Edit] = []

    def sites(self, stimuli: Any = None) -> pd.DataFrame:
        """One row a site, by `name`: kind (population, state, input, projection) and n_units."""
        rows = []
        for name, population in self.circuit.populations.items():
            if population.element.spikes:
                rows.append((name, "population", population.n))
            rows += [(f"{name}.{state}", "state", population.n) for state in population.element.states]
            steady = [given for given in population.element.inputs if given not in population.element.impulses]
            rows += [(f"{name}.{given}", "input", population.n) for given in steady]
        rows += [(name, "projection", len(self.circuit.weights(name))) for name in self.circuit.edges]
        return pd.DataFrame(rows, columns=["name", "kind", "n_units"]).set_index("name")

    def stream(
        self,
        stimuli: Any,
        sites: str | Sequence[str] = "*",
        *,
        edits: Sequence[Edit] = (),
        stop_early: bool = True,
        first_batch: int = 0,
    ) -> Iterator[Batch]:
        """Yield one batch a stimulus, `{site: (bin, unit)}`; only populations and states have activity.

        Random inputs depend on the circuit's seed and the number of the stimulus, not on what ran before.

        Raises:
            InputError: for stimuli that the input cannot take.
            SiteError: for a site that does not exist or has no activity.
        """
        frame = as_stimuli(stimuli)
        table = self.sites()
        measured = list(table.index[table["kind"].isin(["population", "state"])])
        wanted = match_sites(measured, sites)
        with self.edited(edits):
            for row in range(first_batch, len(frame)):
                yield Batch(self._shown(frame["stimulus"].iloc[row], row, wanted), self._presentations(frame, [row]))

    def record(
        self, stimuli: Any, sites: str | Sequence[str] = "*", *, store: Path | None = None, edits: Sequence[Edit] = ()
    ) -> Recording:
        """Keep the activity in memory, or stream it to a store."""
        batches = self.stream(stimuli, sites, edits=edits)
        first = next(batches)
        units = pd.DataFrame({"site": [name for name, x in first.activity.items() for _ in range(x.shape[1])]})
        units = units.assign(**{n: column for n, (_, column) in self.circuit.labels(self._owners(first)).items()})
        attrs = {"kind": "simulation", "source": self.name}
        if store is not None:
            from multiunit.io.store import StoreWriter, open_store

            with StoreWriter(store, units=units, attrs=attrs) as writer:
                writer.append(_matrix(first), first.presentations)
                for batch in batches:
                    writer.append(_matrix(batch), batch.presentations)
            return open_store(store)
        kept = [first, *batches]
        activity = np.concatenate([_matrix(batch) for batch in kept])
        table = pd.concat([batch.presentations for batch in kept], ignore_index=True)
        return Recording.from_activity(activity, units=units, presentations=table, **attrs)

    def _owners(self, batch: Batch) -> list[str]:
        """The population of each site that was measured."""
        return [site.partition(".")[0] for site in batch.activity]

    @contextmanager
    def edited(self, edits: Sequence[Edit]) -> Iterator[Circuit]:
        """Within the block every run is edited; afterwards the circuit is what it was, bit for bit. Gives the circuit.

        Raises:
            SiteError: for a site that does not exist.
            InputError: for an edit of spikes that is more than silencing.
        """
        edits, values = list(edits), self.circuit.values
        kinds = self.sites()["kind"]
        saved: dict[str, np.ndarray] = {}
        held_before = self._held
        try:
            for edit in edits:
                for site in edit.sites():
                    if site not in kinds.index:
                        raise SiteError("edits", site, "no such site; sites() lists them")
                    self._apply(edit, site, str(kinds[site]), saved)
            yield self.circuit
        finally:
            self._held = held_before
            for name, before in saved.items():
                if before.shape == np.shape(values[name]):
                    values[name][...] = before
                else:
                    values[name] = before

    def tokens(self, stimuli: Any) -> pd.DataFrame:
        """The presentations that `stream` will show."""
        frame = as_stimuli(stimuli)
        return self._presentations(frame, range(len(frame)))

    def contexts(self, stimuli: Any, presentations: pd.DataFrame, *, width: int = 8) -> pd.DataFrame:
        """What each presentation was: its stimulus, and its time in it."""
        frame = as_stimuli(stimuli)
        said = [
            f"stimulus {frame['stimulus_id'].iloc[row]}, {position * self.width:.3g} s"
            for row, position in zip(presentations["sequence_id"], presentations["position"], strict=True)
        ]
        return pd.DataFrame({"before": "", "token": said, "after": ""})

    def describe(self) -> dict[str, Any]:
        """What ran: its name, its sizes, and a hash of its program and weights."""
        digest = hashlib.sha256(self.circuit.source.encode())
        for name in self.circuit.edges:
            digest.update(np.ascontiguousarray(self.circuit.weights(name)).data)
        return {
            "name": self.name,
            "populations": {name: p.n for name, p in self.circuit.populations.items()},
            "n_edges": sum(edge.n for edge in self.circuit.edges.values()),
            "sha256": digest.hexdigest(),
        }

    # --- one stimulus ---------------------------------------------------------------------------------------------

    def _presentations(self, frame: pd.DataFrame, rows: Any) -> pd.DataFrame:
        sequence = np.repeat(np.asarray(rows), self.n_bins)
        position = np.tile(np.arange(self.n_bins), len(rows))
        table = pd.DataFrame({"sequence_id": sequence, "position": position} | labels(frame, sequence))
        return table.assign(onset=position * self.width)

    def _shown(self, stimulus: Any, number: int, wanted: Sequence[str]) -> dict[str, np.ndarray]:
        circuit = self.circuit
        pieces = self._pieces(stimulus, len(circuit.values[self._base]))
        found: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        base = circuit.values[self._base].copy()
        there = snapshot(circuit)
        try:
            circuit.random_numbers = np.random.default_rng([circuit.random_state, 2, number])
            for step in range(self.n_bins):
                self._set_base(self._base, base + pieces[step * len(pieces) // self.n_bins])
                self._bin(found)
        finally:
            circuit.values[self._base][...] = base
            restore(circuit, there)
        return {name: np.stack(parts) for name, parts in found.items()}

    def _set_base(self, name: str, values: np.ndarray) -> None:
        """A constant input from the next step on, whose input has been laid out already."""
        base, now = self.circuit.values[name], self.circuit.values[name.replace("_base_", "_in_")]
        if now is not base:
            now += values - base
        base[...] = values

    def _pieces(self, stimulus: Any, n_units: int) -> np.ndarray:
        values = np.asarray(stimulus, dtype=np.float64)
        rows = values[None] if values.ndim < 2 else values
        if rows.ndim > 2 or rows.shape[-1:] not in ((), (1,), (n_units,)) or not np.isfinite(values).all():
            raise InputError(
                "stimuli", values.shape, f"needs finite numbers (unit,) or (sample, unit), {n_units} units"
            )
        if len(rows) not in (1, self.n_bins) and self.n_bins % len(rows):
            raise InputError("stimuli", values.shape, f"{self.n_bins} bins cannot be shared by {len(rows)} samples")
        return rows.reshape(len(rows), -1)

    def _bin(self, found: dict[str, list[np.ndarray]]) -> None:
        circuit = self.circuit
        spiking = [name for name in found if name in circuit.populations]
        counts = {name: np.zeros(circuit.populations[name].n) for name in spiking}
        n_steps = round(self.width / circuit.dt)
        for steps in [n_steps] if not self._held else [1] * n_steps:
            run = circuit.run(steps * circuit.dt, spikes=spiking)
            site = run.spikes.dataset["site"].values
            for name in spiking:
                counts[name] += run.spikes.dataset["spike_count"].values[site == name]
            for edit in self._held:
                for state_site in edit.sites():
                    population, _, state = state_site.partition(".")
                    values = circuit.state(population, state)
                    values[...] = edit.change(state_site, values[None])[0]
        for name, parts in found.items():
            if name in counts:
                parts.append(counts[name] / self.width)
            else:
                population, _, state = name.partition(".")
                parts.append(circuit.state(population, state).astype(np.float64))

    # --- edits ----------------------------------------------------------------------------------------------------

    def _apply(self, edit: Edit, site: str, kind: str, saved: dict[str, np.ndarray]) -> None:
        values = self.circuit.values
        population, _, part = site.partition(".")
        if kind == "projection":
            number = list(self.circuit.edges).index(site)
            weight = values[f"e{number}_weight"]
            saved.setdefault(f"e{number}_weight", weight.copy())
            weight[...] = edit.change(site, weight[None])[0]
            return
        prefix = self.circuit.name_of(population)
        if kind == "input":
            base = values[f"{prefix}_base_{part}"]
            for name in (f"{prefix}_base_{part}", f"{prefix}_in_{part}"):
                saved.setdefault(name, values[name].copy())
            self._set_base(f"{prefix}_base_{part}", edit.change(site, base[None])[0])
            return
        n = self.circuit.populations[population].n
        # What an edit does to two activities tells which units it holds, and whether it does more than that.
        low, high = np.zeros((1, n)), np.ones((1, n))
        to_low, to_high = (np.asarray(edit.change(site, x))[0] for x in (low, high))
        held = np.flatnonzero(to_low == to_high)
        free = np.setdiff1d(np.arange(n), held)
        simple = (to_low[free] == 0).all() and (to_high[free] == 1).all()
        if kind == "population":
            if not simple or to_low[held].any():
                raise InputError(
                    "edits", edit, f"spikes of {site} can be silenced (Ablate); stimulate through an input"
                )
            self._append(f"{prefix}_muted", held, saved)
        elif simple:
            self._append(f"{prefix}_{part}_held", held, saved)
            self._append(f"{prefix}_{part}_held_at", to_low[held].astype(values[f"{prefix}_{part}"].dtype), saved)
        else:
            self._held = [*self._held, edit]

    def _append(self, name: str, more: np.ndarray, saved: dict[str, np.ndarray]) -> None:
        values = self.circuit.values
        saved.setdefault(name, values[name])
        values[name] = np.concatenate([values[name], more]).astype(values[name].dtype)


def _matrix(batch: Batch) -> np.ndarray:
    return np.concatenate(list(batch.activity.values()), axis=1)
