"""Assembly calculus: areas in which the k neurons with most input fire, and synapses that learn from who fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from multiunit.circuits.assembly_plasticity import AssemblyRule, Firing
from multiunit.core.errors import InputError


class AssemblyBrain:
    """Areas of neurons, joined at random within and between, in discrete steps.

    input_i(t + 1) = sum_j w_ji x_j(t) over all neurons of the area itself and of those that send to it;
    x(t + 1) = 1 for the k neurons with the largest input, ties broken at random. Weights start at 1.

    Args:
        areas: name -> neurons. Every area is wired to itself and to all others.
        k: neurons that fire in an area.
        p: probability of a synapse between two neurons, none to themselves.
        rule: what synapses learn after each step, see `assembly_plasticity`; None for nothing.
        wiring: (from, to) -> bool matrix `(neuron, neuron)`, in the place of a random one.
        random_state: seed or generator.

    Raises:
        InputError: for no areas, a k or p that does not fit, or wiring of another shape.

    Source: Papadimitriou et al. 2020, doi:10.1073/pnas.2001893117.

    >>> from multiunit.circuits.assembly_plasticity import Hebbian
    >>> brain = AssemblyBrain({"stimulus": 200, "area": 500}, k=20, p=0.1, rule=Hebbian(0.1))
    >>> brain.fire("stimulus", range(20))
    >>> found = brain.project("stimulus", "area", n_steps=30)
    >>> round(float(found["overlap"][-5:].mean()), 2), brain.recall("area") > 0.9
    (1.0, True)
    """

    def __init__(
        self,
        areas: Mapping[str, int],
        *,
        k: int,
        p: float,
        rule: AssemblyRule | None = None,
        wiring: Mapping[tuple[str, str], np.ndarray] | None = None,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if not areas or not 0 < k <= min(areas.values()):
            raise InputError("k", k, f"needs areas of at least k neurons, given {dict(areas)}")
        if not 0 < p <= 1:
            raise InputError("p", p, "above 0 and at most 1")
        self.areas, self.k, self.p, self.rule = dict(areas), int(k), float(p), rule
        self.rng = np.random.default_rng(random_state)
        self.connected: dict[tuple[str, str], np.ndarray] = {}
        for a, n_a in areas.items():
            for b, n_b in areas.items():
                given = (wiring or {}).get((a, b))
                synapses = self.rng.random((n_a, n_b)) < p if given is None else np.array(given, dtype=bool)
                if synapses.shape != (n_a, n_b):
                    raise InputError(f"wiring[{(a, b)!r}]", synapses.shape, f"needs ({n_a}, {n_b})")
                if a == b:
                    np.fill_diagonal(synapses, False)
                self.connected[a, b] = synapses
        self.weights = {pair: synapses.astype(np.float64) for pair, synapses in self.connected.items()}
        self.winners = {area: np.zeros(0, dtype=np.int64) for area in areas}

    def fire(self, area: str, neurons: Sequence[int]) -> None:
        """Say which neurons of an area fire now.

        Raises:
            InputError: for an unknown area or neuron.
        """
        at = np.unique(np.asarray(neurons, dtype=np.int64))
        if area not in self.areas or (len(at) and not 0 <= at[0] <= at[-1] < self.areas[area]):
            raise InputError("neurons", (area, at[:3].tolist()), f"there are: {self.areas}")
        self.winners[area] = at

    def step(self, sending: Mapping[str, Sequence[str]], *, learn: bool = True) -> None:
        """One step of the areas named: area -> areas it listens to; all others keep firing as they do."""
        before = {area: winners.copy() for area, winners in self.winners.items()}
        for area, sources in sending.items():
            total = np.zeros(self.areas[area])
            for source in sources:
                total += self.weights[source, area][before[source]].sum(axis=0)
            # Sorted by input, and at random among equals.
            order = np.lexsort((self.rng.random(len(total)), -total))
            self.winners[area] = np.sort(order[: self.k])
        if self.rule is None or not learn:
            return
        for area, sources in sending.items():
            for source in sources:
                firing = Firing(before[source], self.winners[source], before[area], self.winners[area])
                self.rule.apply(self.weights[source, area], self.connected[source, area], firing)

    def project(self, sources: str | Sequence[str], area: str, *, n_steps: int = 20) -> xr.Dataset:
        """Let sources that keep firing drive an area, which also listens to itself, until its winners settle.

        Args:
            sources: an area or several, with neurons that fire; several make an association or a merge.
            area: who is driven.
            n_steps: steps.

        Returns:
            xr.Dataset over `step`: `overlap` (share of winners that won in the step before, 0 in the first),
            `new_winners` (who never won before in this projection), `support` (who ever did), and `density` (share of
            pairs of winners with a synapse).

        Raises:
            InputError: for unknown areas, sources that do not fire, or no steps.
        """
        names = [sources] if isinstance(sources, str) else list(sources)
        for name in (*names, area):
            if name not in self.areas:
                raise InputError("sources", name, f"there are: {', '.join(self.areas)}")
        silent = [name for name in names if not len(self.winners[name])]
        if silent or area in names:
            raise InputError("sources", silent or area, "sources fire, and are others than the area")
        if n_steps < 1:
            raise InputError("n_steps", n_steps, "must be at least 1")
        self.winners[area] = np.zeros(0, dtype=np.int64)
        ever = np.zeros(self.areas[area], dtype=bool)
        rows = np.empty((n_steps, 4))
        for t in range(n_steps):
            last = self.winners[area]
            self.step({area: [*names, area]})
            now = self.winners[area]
            new = int((~ever[now]).sum())
            ever[now] = True
            rows[t] = len(np.intersect1d(last, now)) / self.k, new, ever.sum(), self.density(area)
        names_of = ("overlap", "new_winners", "support", "density")
        return xr.Dataset({name: ("step", rows[:, i]) for i, name in enumerate(names_of)})

    def density(self, area: str) -> float:
        """Share of ordered pairs of the area's winners that are joined by a synapse; `p` for neurons at random."""
        at = self.winners[area]
        pairs = len(at) * (len(at) - 1)
        return float(self.connected[area, area][np.ix_(at, at)].sum() / pairs) if pairs else 0.0

    def recall(self, area: str, *, fraction: float = 0.5, n_steps: int = 5) -> float:
        """How much of the area's assembly comes back when a random part of it fires and nobody else drives it.

        Nothing is learned, and the winners are afterwards what they were.

        Returns:
            Share of the assembly among the winners after `n_steps`.

        Raises:
            InputError: if nobody fires in the area, or for a fraction outside (0, 1].
        """
        assembly = self.winners.get(area)
        if assembly is None or not len(assembly) or not 0 < fraction <= 1:
            raise InputError("area", (area, fraction), "needs an area that fires, and a fraction in (0, 1]")
        self.winners[area] = self.rng.choice(assembly, max(1, round(fraction * len(assembly))), replace=False)
        for _ in range(n_steps):
            self.step({area: [area]}, learn=False)
        found = len(np.intersect1d(self.winners[area], assembly)) / len(assembly)
        self.winners[area] = assembly
        return found
