"""Plasticity: how the spikes before and after a synapse change its weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from multiunit.core.errors import InputError
from multiunit.dynamics.elementary import maximum, minimum

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Trace:
    """A memory of a unit's own spikes: it decays with `tau` seconds; a spike adds 1 or, `nearest`, sets it to 1.

    What a rule reads at a spike is the trace just before that spike.
    """

    tau: float
    nearest: bool = False

    def __post_init__(self) -> None:
        if not self.tau > 0:
            raise InputError("tau", self.tau, "needs a time above 0, in seconds")


@dataclass(frozen=True)
class Plasticity:
    """A rule in two halves: what becomes of a weight when a spike arrives, and when the postsynaptic unit spikes.

    Args:
        on_pre, on_post: functions (weight, *pre traces, *post traces, *, parameters) -> weight, in the functions of
            `dynamics.elementary`, so that they can be compiled; None where nothing happens.
        pre, post: names and traces of the units' spikes. Presynaptic traces are read as they arrive: with the delay.
        parameters: numbers for the keyword arguments of both functions.
        eligibility: a time in seconds: the functions then say what is added to an eligibility, which decays with this
            time and moves the weight only while the modulator is not 0: dw/dt = modulator * eligibility.
        bounds: least and largest weight, under a modulator.

    A rule of one's own:

    >>> def depress(weight, y, *, amount):
    ...     return weight - amount * y
    >>> rule = Plasticity(on_pre=depress, post={"y": Trace(0.02)}, parameters={"amount": 0.1})
    """

    on_pre: Rule | None = field(default=None, kw_only=True)
    on_post: Rule | None = field(default=None, kw_only=True)
    pre: Mapping[str, Trace] = field(default_factory=dict, kw_only=True)
    post: Mapping[str, Trace] = field(default_factory=dict, kw_only=True)
    parameters: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    eligibility: float | None = field(default=None, kw_only=True)
    bounds: tuple[float, float] = field(default=(-float("inf"), float("inf")), kw_only=True)

    def __post_init__(self) -> None:
        if self.on_pre is None and self.on_post is None:
            raise InputError("on_pre", None, "a rule does something at spikes before or after the synapse")
        if self.eligibility is not None and not self.eligibility > 0:
            raise InputError("eligibility", self.eligibility, "needs a time above 0, in seconds")


def _pair_pre(weight: Any, x: Any, y: Any, *, a_plus: float, a_minus: float, w_min: float, w_max: float) -> Any:
    return maximum(weight - a_minus * y, w_min)


def _pair_post(weight: Any, x: Any, y: Any, *, a_plus: float, a_minus: float, w_min: float, w_max: float) -> Any:
    return minimum(weight + a_plus * x, w_max)


def pair_stdp(
    *,
    a_plus: float,
    a_minus: float,
    tau_plus: float = 0.02,
    tau_minus: float = 0.02,
    w_min: float = 0.0,
    w_max: float = float("inf"),
    nearest: bool = False,
) -> Plasticity:
    """Pairs of spikes: before-after strengthens by a_plus exp(-dt / tau_plus), after-before weakens likewise.

    At an arrival w <- max(w_min, w - a_minus y), at a postsynaptic spike w <- min(w_max, w + a_plus x).

    Args:
        nearest: only the nearest spike on the other side counts, not all of them.

    Source: Song, Miller & Abbott 2000, doi:10.1038/78829; variants: Morrison, Diesmann & Gerstner 2008.
    Reconstructed: equations and values were not read again there.
    """
    return Plasticity(
        on_pre=_pair_pre,
        on_post=_pair_post,
        pre={"x": Trace(tau_plus, nearest)},
        post={"y": Trace(tau_minus, nearest)},
        parameters={"a_plus": a_plus, "a_minus": a_minus, "w_min": w_min, "w_max": w_max},
    )


def _symmetric(weight: Any, x: Any, y: Any, *, a: float, offset: float, w_min: float, w_max: float) -> Any:
    return maximum(minimum(weight + a * y - offset, w_max), w_min)


def _symmetric_post(weight: Any, x: Any, y: Any, *, a: float, offset: float, w_min: float, w_max: float) -> Any:
    return maximum(minimum(weight + a * x, w_max), w_min)


def symmetric_stdp(
    *, a: float, tau: float = 0.02, offset: float = 0.0, w_min: float = 0.0, w_max: float = float("inf")
) -> Plasticity:
    """Spikes close together strengthen, in whatever order; every arrival weakens by `offset`.

    At an arrival w <- w + a y - offset, at a postsynaptic spike w <- w + a x, both within the bounds.

    Source: Vogels et al. 2011, doi:10.1126/science.1211095, where offset = 2 a rate tau holds a rate.
    Reconstructed: equations and values were not read again there.
    """
    return Plasticity(
        on_pre=_symmetric,
        on_post=_symmetric_post,
        pre={"x": Trace(tau)},
        post={"y": Trace(tau)},
        parameters={"a": a, "offset": offset, "w_min": w_min, "w_max": w_max},
    )


def _triplet_pre(
    weight: Any, r1: Any, r2: Any, o1: Any, o2: Any, *,
    a2_plus: float, a3_plus: float, a2_minus: float, a3_minus: float, w_min: float, w_max: float,
) -> Any:  # fmt: skip
    return maximum(weight - o1 * (a2_minus + a3_minus * r2), w_min)


def _triplet_post(
    weight: Any, r1: Any, r2: Any, o1: Any, o2: Any, *,
    a2_plus: float, a3_plus: float, a2_minus: float, a3_minus: float, w_min: float, w_max: float,
) -> Any:  # fmt: skip
    return minimum(weight + r1 * (a2_plus + a3_plus * o2), w_max)


def triplet_stdp(
    *,
    a2_plus: float,
    a3_plus: float,
    a2_minus: float,
    a3_minus: float,
    tau_plus: float = 0.0168,
    tau_x: float = 0.101,
    tau_minus: float = 0.0337,
    tau_y: float = 0.125,
    w_min: float = 0.0,
    w_max: float = float("inf"),
) -> Plasticity:
    """Triplets of spikes: pairs, and more for a second spike on the same side shortly before.

    At an arrival w <- w - o1 (a2_minus + a3_minus r2), at a postsynaptic spike w <- w + r1 (a2_plus + a3_plus o2); r1
    and r2 are presynaptic traces of tau_plus and tau_x, o1 and o2 postsynaptic ones of tau_minus and tau_y.

    Source: Pfister & Gerstner 2006, doi:10.1523/JNEUROSCI.1425-06.2006, equations 3 and 4; time constants of the
    visual-cortex fit with all spikes interacting.
    Reconstructed: equations and values were not read again there.
    """
    amounts = {"a2_plus": a2_plus, "a3_plus": a3_plus, "a2_minus": a2_minus, "a3_minus": a3_minus}
    return Plasticity(
        on_pre=_triplet_pre,
        on_post=_triplet_post,
        pre={"r1": Trace(tau_plus), "r2": Trace(tau_x)},
        post={"o1": Trace(tau_minus), "o2": Trace(tau_y)},
        parameters={**amounts, "w_min": w_min, "w_max": w_max},
    )


def _eligible_pre(weight: Any, x: Any, y: Any, *, a_plus: float, a_minus: float) -> Any:
    return -a_minus * y


def _eligible_post(weight: Any, x: Any, y: Any, *, a_plus: float, a_minus: float) -> Any:
    return a_plus * x


def three_factor(
    *,
    a_plus: float,
    a_minus: float,
    tau_eligibility: float = 1.0,
    tau_plus: float = 0.02,
    tau_minus: float = 0.02,
    w_min: float = 0.0,
    w_max: float = float("inf"),
) -> Plasticity:
    """Pairs of spikes make a synapse eligible; a modulator - reward, dopamine, surprise - turns that into a change.

    e decays with tau_eligibility and gets -a_minus y at an arrival, +a_plus x at a postsynaptic spike;
    dw/dt = modulator * e. The modulator is a number of the projection that the experimenter sets
    (`Circuit.modulate`); between spikes both are solved exactly.

    Source: Izhikevich 2007, doi:10.1093/cercor/bhl152; review: Gerstner et al. 2018, doi:10.3389/fncir.2018.00053.
    Reconstructed: equations and values were not read again there.
    """
    return Plasticity(
        on_pre=_eligible_pre,
        on_post=_eligible_post,
        pre={"x": Trace(tau_plus)},
        post={"y": Trace(tau_minus)},
        parameters={"a_plus": a_plus, "a_minus": a_minus},
        eligibility=tau_eligibility,
        bounds=(w_min, w_max),
    )


@dataclass(frozen=True)
class ShortTerm:
    """Facilitation and depression by the presynaptic unit's own spikes: a spike carries weight * u * x.

    At a spike u <- u + use (1 - u), the efficacy is u x, and then x <- x (1 - u); between spikes u falls to 0 within
    tau_facilitation, and x returns to 1 within tau_depression. With tau_facilitation = 0 every u is `use`.

    Args:
        use: what a first spike uses, in (0, 1].
        tau_depression, tau_facilitation: seconds.

    Source: Tsodyks, Pawelzik & Markram 1998, doi:10.1162/089976698300017502.
    Reconstructed: equations and values were not read again there.
    """

    use: float = 0.5
    tau_depression: float = 0.2
    tau_facilitation: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.use <= 1 or not self.tau_depression > 0 or self.tau_facilitation < 0:
            mend = "use in (0, 1], tau_depression above 0, tau_facilitation not negative (s)"
            raise InputError("use", (self.use, self.tau_depression, self.tau_facilitation), mend)
