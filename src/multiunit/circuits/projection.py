"""`Projection`: how the units of one population reach those of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiunit.circuits.connectivity import Connectivity, Wiring
from multiunit.circuits.plasticity import Plasticity, ShortTerm
from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Coupling:
    """What flows along an edge at every step, spike or no spike: input_j += sum_i w_ij function(pre_i, post_j).

    Args:
        function: of the named states of the pre- and then of the postsynaptic unit, in the functions of
            `dynamics.elementary`, so that it can be compiled.
        pre, post: names of states.

    >>> def difference(v_pre, v_post):
    ...     return v_pre - v_post
    >>> gap_junction = Coupling(difference, pre=("v",), post=("v",))
    """

    function: Callable[..., Any]
    pre: Sequence[str] = field(default=(), kw_only=True)
    post: Sequence[str] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Projection:
    """Edges from one population to another, or to itself.

    A spike in step t adds its weight to the input of the postsynaptic element in step t + 1 + delay / dt. So do all
    events that meet there; what the element makes of their sum - a jump of a conductance, a current of one step - is
    the element's.

    Args:
        pre, post: names of populations.
        connectivity: a rule of `connectivity`.
        into: the input of the postsynaptic element.
        weight: a number, `(edge,)`, or a function of (generator, number of edges); by default those of the rule, or 1.
        delay: likewise, in seconds; a whole number of steps, to the nearest.
        plasticity: how weights change with spikes; see `plasticity`.
        short_term: facilitation and depression; see `ShortTerm`.
        coupling: what flows at every step, in the place of spikes.
        structural: each edge has a weight of its own, which `scale_incoming` and `rewire` change between runs, and
            checkpoints hold.
        name: "pre->post" by default.

    Raises:
        InputError: for a negative delay, or a coupling beside rules for spikes.
    """

    pre: str
    post: str
    connectivity: Connectivity = field(kw_only=True)
    into: str = field(kw_only=True)
    weight: Any = field(default=None, kw_only=True, repr=False)
    delay: Any = field(default=None, kw_only=True, repr=False)
    plasticity: Plasticity | None = field(default=None, kw_only=True)
    short_term: ShortTerm | None = field(default=None, kw_only=True)
    coupling: Coupling | None = field(default=None, kw_only=True)
    structural: bool = field(default=False, kw_only=True)
    name: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"{self.pre}->{self.post}")
        if self.coupling is not None and (self.plasticity or self.short_term or self.delay is not None):
            raise InputError("coupling", self.name, "has no spikes: neither plasticity nor delay apply to it")

    def weights(self, wiring: Wiring, rng: np.random.Generator) -> np.ndarray:
        """One number, or `(edge,)`."""
        given = self.weight if self.weight is not None else 1.0 if wiring.weight is None else wiring.weight
        return self._values("weight", given, wiring, rng)

    def delay_steps(self, wiring: Wiring, rng: np.random.Generator, *, dt: float) -> np.ndarray:
        """Whole steps, one number or `(edge,)`."""
        given = self.delay if self.delay is not None else 0.0 if wiring.delay is None else wiring.delay
        steps = np.rint(self._values("delay", given, wiring, rng) / dt).astype(np.int64)
        if steps.size and steps.min() < 0:
            raise InputError("delay", float(steps.min() * dt), f"of {self.name}: delays are not negative")
        return steps

    def _values(self, name: str, given: Any, wiring: Wiring, rng: np.random.Generator) -> np.ndarray:
        n = len(wiring.post)
        values = np.asarray(given(rng, n) if callable(given) else given, dtype=np.float64)
        if values.shape not in ((), (n,)) or not np.isfinite(values).all():
            raise InputError(name, values.shape, f"of {self.name}: a finite number, or one for each of {n} edges")
        return values
