"""A trainable layer of any spiking element: its step function as it stands, with a slope given to its spike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from multiunit.core.errors import InputError
from multiunit.dynamics.element import Element, element_of
from multiunit.networks.surrogate import Surrogate, fast_sigmoid


class Spiked(NamedTuple):
    """What a spiking layer returns.

    Args:
        spikes: 0 or 1, `(time, batch, unit, ...)`.
        final: the states after the last step, `(batch, unit, ...)` each; the layer takes them as `state` to go on. A
            recurrent layer adds its last `spikes`.
    """

    spikes: torch.Tensor
    final: dict[str, torch.Tensor]


class SpikingLayer(nn.Module):
    """Units that spike, over time, for training by gradients.

    Every step is the element's own function on tensors. Its result is the same as anywhere; only backwards, the
    comparison `left > right` that makes the spike gets the slope of a surrogate towards left - right. Of comparisons
    joined by `&` (`|`) the one with the smaller (larger) difference gets it; `~` turns its sign. All other comparisons
    stay without slope.

    Args:
        element: a step function with `@element(..., spikes=True)`, or its record.
        n_units: units, or channels of inputs with places: `(time, batch, unit, ...)`.
        surrogate: the slope of the spike; its width is in the unit of what is compared.
        detach_reset: whether the gradient ignores that a spike resets the states. What the reset consists of, such as a
            learnable jump, gets its gradient either way.
        learnable: parameters of the element that are trained, one value a unit. Those whose name begins with `tau` stay
            positive: their logarithm is trained, as `log_NAME`. All others are trained as they are, in their own unit.
        shared: whether all units share one value of each learnable parameter.
        recurrent: whether the spikes of the step before come back through trainable weights `recurrent.weight`.
        drives: the element's input that the layer's input drives; its first if None. Other inputs are 0, and noise is
            drawn from torch's generator anew for each unit and step.
        gain: what 1 in the layer's input is in the element's input; for elements in volts about the way from reset to
            threshold.
        membrane: applied to the left side of the spike's comparison, and to nothing else: a batch norm of the membrane
            potential, a rectifier. It sees `(batch, unit, ...)`, once a step.
        dt: step in the element's unit of time; the element's own if None.
        random_state: draws the recurrent weights.
        parameters: values of the element's other parameters, numbers or `(unit,)`.

    Raises:
        InputError: if the element does not spike, its last value is not made of comparisons, or a name is unknown.

    Source: Neftci, Mostafa & Zenke, Surrogate gradient learning, arXiv:1901.09948.

    >>> from multiunit.dynamics.element import element
    >>> from multiunit.dynamics.elementary import where
    >>> @element(kind="neuron", states={"v": 0.0}, spikes=True, source="here")
    ... def leaky(v, current, *, tau=0.02, threshold=1.0, dt=1e-3):
    ...     v = v + dt * (current - v) / tau
    ...     spike = v >= threshold
    ...     return where(spike, 0.0, v), spike
    >>> layer = SpikingLayer(leaky, 2, learnable=("tau",))
    >>> current = torch.tensor([0.5, 3.0]).expand(20, 1, 2)
    >>> spikes = layer(current).spikes
    >>> spikes.sum(0).tolist()
    [[0.0, 2.0]]
    >>> spikes.sum().backward()
    >>> bool((layer.log_tau.grad < 0).all())    # slower units would spike less
    True
    """

    def __init__(
        self,
        element: Any,
        n_units: int,
        *,
        surrogate: Surrogate | None = None,
        detach_reset: bool = True,
        learnable: Sequence[str] = (),
        shared: bool = False,
        recurrent: bool = False,
        drives: str | None = None,
        gain: float = 1.0,
        membrane: nn.Module | None = None,
        dt: float | None = None,
        random_state: int | np.random.Generator = 0,
        **parameters: Any,
    ) -> None:
        super().__init__()
        # The function, because records cannot be copied or pickled, and a layer must be.
        self._step = element_of(element).function
        if not self.element.spikes or not self.element.inputs:
            raise InputError("element", self.element.name, "needs at least one input, and to say who spikes")
        if n_units < 1:
            raise InputError("n_units", n_units, "must be at least 1")
        self.n_units, self.detach_reset, self.gain, self.membrane = n_units, detach_reset, gain, membrane
        self.surrogate = fast_sigmoid() if surrogate is None else surrogate
        self.drives = self.element.inputs[0] if drives is None else drives
        if self.drives not in self.element.inputs:
            raise InputError("drives", drives, f"{self.element.name} has the inputs {', '.join(self.element.inputs)}")
        self.dt = self.element.dt if dt is None else float(dt)
        if not self.dt > 0:
            raise InputError("dt", dt, "must be positive")
        self.learnable = tuple(learnable)
        for name in self.learnable:
            if name not in self.element.parameters:
                known = ", ".join(self.element.parameters)
                raise InputError("learnable", name, f"{self.element.name} has the parameters {known or 'none'}")
        for name, given in self.element.with_parameters(parameters).items():
            value = torch.as_tensor(np.asarray(given), dtype=torch.get_default_dtype())
            if value.shape not in ((), (n_units,)) or not value.isfinite().all():
                raise InputError(name, given, f"needs a finite number or ({n_units},) of them")
            if name not in self.learnable:
                self.register_buffer(_held(name), value)
            elif shared and value.ndim:
                raise InputError(name, given, "is shared by all units; give one number")
            else:
                value = value.clone() if shared else value.expand(n_units).clone()
                if _positive(name) and not (value > 0).all():
                    raise InputError(name, given, "is a time constant, and must be positive")
                own = f"log_{name}" if _positive(name) else name
                self.register_parameter(own, nn.Parameter(value.log() if _positive(name) else value))
        self.recurrent: nn.Linear | None = None
        if recurrent:
            seed = int(np.random.default_rng(random_state).integers(2**31))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.recurrent = nn.Linear(n_units, n_units, bias=False)
        self._comparisons = self._find_comparisons()

    @property
    def element(self) -> Element:
        """The record of the element."""
        return element_of(self._step)

    def parameter(self, name: str) -> torch.Tensor:
        """The value of a parameter of the element, a number or `(unit,)`."""
        if name not in self.element.parameters:
            raise InputError("name", name, f"{self.element.name} has {', '.join(self.element.parameters) or 'none'}")
        if name not in self.learnable:
            return getattr(self, _held(name))
        return getattr(self, f"log_{name}").exp() if _positive(name) else getattr(self, name)

    def hold(self, name: str, value: torch.Tensor) -> None:
        """Fix a parameter of the element from now on: a number, `(unit,)` or `(unit, ...)`, one for each place."""
        self.parameter(name)
        if value.ndim and value.shape[0] != self.n_units:
            raise InputError(name, tuple(value.shape), f"needs a number or ({self.n_units}, ...)")
        if name in self.learnable:
            delattr(self, f"log_{name}" if _positive(name) else name)
            self.learnable = tuple(n for n in self.learnable if n != name)
        self.register_buffer(_held(name), value)

    def forward(
        self, inputs: torch.Tensor | Mapping[str, torch.Tensor], *, state: Mapping[str, torch.Tensor] | None = None
    ) -> Spiked:
        """Run over all time steps.

        Args:
            inputs: `(time, batch, unit, ...)`; or a mapping from the element's inputs to such tensors.
            state: `final` of a run before; the element's initial states if None.

        Raises:
            InputError: for a shape that does not fit, or an unknown name.
        """
        given = self._checked(inputs)
        like = given[self.drives]
        states, spikes = self._start(like, state)
        values = {name: _over_places(self.parameter(name), like.ndim - 3) for name in self.element.parameters}
        slopes = _Slopes(self.surrogate, self._comparisons, self.detach_reset, self.membrane)
        found = []
        for t in range(len(like)):
            now = [self._input(name, given, t) for name in self.element.inputs]
            if self.recurrent is not None:
                place = self.element.inputs.index(self.drives)
                now[place] = now[place] + self.gain * self.recurrent(spikes)
            with slopes:
                states, fired = self.element.advance(states, now, parameters=values, dt=self.dt)
            spikes = slopes.taken(fired)
            found.append(spikes)
        final = dict(zip(self.element.states, states, strict=True))
        if self.recurrent is not None:
            final["spikes"] = spikes
        return Spiked(torch.stack(found), final)

    def extra_repr(self) -> str:
        learnt = f", learnable={self.learnable}" if self.learnable else ""
        return f"{self.element.name}, {self.n_units}{learnt}, surrogate={self.surrogate.name}"

    def _checked(self, inputs: torch.Tensor | Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        given = {self.drives: inputs} if isinstance(inputs, torch.Tensor) else dict(inputs)
        for name, value in given.items():
            if name not in self.element.inputs:
                raise InputError("inputs", name, f"{self.element.name} has {', '.join(self.element.inputs)}")
            if value.ndim < 3 or value.shape[2] != self.n_units or not len(value):
                raise InputError("inputs", tuple(value.shape), f"needs (time, batch, {self.n_units}, ...)")
        if self.drives not in given:
            given[self.drives] = torch.zeros_like(next(iter(given.values())))
        shapes = {tuple(value.shape) for value in given.values()}
        if len(shapes) > 1:
            raise InputError("inputs", sorted(shapes), "needs one shape for all inputs")
        if self.recurrent is not None and given[self.drives].ndim > 3:
            raise InputError("inputs", sorted(shapes), "a recurrent layer has units, no places")
        return given

    def _start(
        self, like: torch.Tensor, state: Mapping[str, torch.Tensor] | None
    ) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        zero = torch.zeros_like(like[0])
        if state is None:
            return tuple(zero + value for value in self.element.states.values()), zero
        names = [*self.element.states, *(["spikes"] if self.recurrent is not None else [])]
        for name in names:
            if name not in state or state[name].shape != zero.shape:
                raise InputError("state", sorted(state), f"needs {', '.join(names)}, {tuple(zero.shape)} each")
        return tuple(state[name] for name in self.element.states), state.get("spikes", zero)

    def _input(self, name: str, given: Mapping[str, torch.Tensor], t: int) -> torch.Tensor:
        like = given[self.drives][t]
        if name in given:
            return self.gain * given[name][t] if name == self.drives and self.gain != 1.0 else given[name][t]
        return torch.randn_like(like) if name in self.element.noise else torch.zeros_like(like)

    def _find_comparisons(self) -> frozenset[int]:
        """Which of the step's comparisons, counted in order, make the spike; a step has no branches, so they stay."""
        one = torch.zeros(1)
        slopes = _Slopes(self.surrogate, None, True, None)
        with torch.no_grad(), slopes:
            values = {name: one + value for name, value in self.element.parameters.items()}
            states = [one + value for value in self.element.states.values()]
            _, fired = self.element.advance(states, [one] * len(self.element.inputs), parameters=values, dt=self.dt)
        if id(fired) not in slopes.seen:
            raise InputError("element", self.element.name, "must return last a comparison, or some joined by & | ~")
        found = slopes.seen[id(fired)].origin
        if self.membrane is not None and len(found) > 1:
            raise InputError("membrane", type(self.membrane).__name__, f"{self.element.name} compares more than once")
        return found


class _Slopes(TorchFunctionMode):
    """Sees every torch function called in a step, and gives a slope to the comparisons that make the spike.

    What a comparison returns stays a bool for everybody who looks at it. Its signed distance, positive where it holds,
    is kept beside it, found again by the identity of the bool.
    """

    def __init__(
        self, surrogate: Surrogate, chosen: frozenset[int] | None, detach_reset: bool, membrane: nn.Module | None
    ) -> None:
        super().__init__()
        self.surrogate, self.chosen, self.detach_reset, self.membrane = surrogate, chosen, detach_reset, membrane
        self.seen: dict[int, _Comparison] = {}
        self.n_compared = 0

    def taken(self, fired: torch.Tensor) -> torch.Tensor:
        """The spikes with their slope; then ready for the next step."""
        spikes = self.seen[id(fired)].number(self.surrogate)
        self.seen, self.n_compared = {}, 0
        return spikes

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "").strip("_")
        if name in _ABOVE or name in _BELOW:
            return self._compare(func, *args, above=name in _ABOVE)
        known = [self.seen[id(a)] for a in args if id(a) in self.seen]
        if not known:
            return func(*args, **(kwargs or {}))
        if name in _JOINS and len(known) == len(args):
            origin = frozenset[int]().union(*(a.origin for a in known))
            return self._remember(func(*args), _JOINS[name](*(a.distance for a in known)), origin)
        if name == "where" and id(args[0]) in self.seen:
            return self._where(*args)
        if name == "as_tensor":
            return args[0]
        # Arithmetic with a spike: a number from here on.
        return func(*(self._number(a) if id(a) in self.seen else a for a in args))

    def _compare(self, func: Any, left: Any, right: Any, *, above: bool) -> torch.Tensor:
        place, self.n_compared = self.n_compared, self.n_compared + 1
        if self.chosen is not None and place not in self.chosen:
            return func(left, right)
        if self.membrane is not None:
            left = self.membrane(left)
        return self._remember(func(left, right), left - right if above else right - left, frozenset([place]))

    def _where(self, condition: torch.Tensor, chosen: Any, otherwise: Any) -> torch.Tensor:
        found = torch.where(condition, chosen, otherwise)
        if self.detach_reset:
            return found
        number, difference = self._number(condition), chosen - otherwise
        if isinstance(difference, torch.Tensor):
            difference = difference.detach()
        return found + (number - number.detach()) * difference

    def _number(self, fired: torch.Tensor) -> torch.Tensor:
        number = self.seen[id(fired)].number(self.surrogate)
        return number.detach() if self.detach_reset else number

    def _remember(self, fired: torch.Tensor, distance: torch.Tensor, origin: frozenset[int]) -> torch.Tensor:
        self.seen[id(fired)] = _Comparison(fired, distance, origin)
        return fired


class _Comparison:
    # `fired` itself is kept as well: an identity is only unique among what lives.
    def __init__(self, fired: torch.Tensor, distance: torch.Tensor, origin: frozenset[int]) -> None:
        self.fired, self.distance, self.origin = fired, distance, origin
        self._number: torch.Tensor | None = None

    def number(self, surrogate: Surrogate) -> torch.Tensor:
        if self._number is None:
            self._number = surrogate.spikes(self.distance, self.fired)
        return self._number


_ABOVE = ("gt", "ge", "greater", "greater_equal")
_BELOW = ("lt", "le", "less", "less_equal")
# Two conditions hold where the smaller distance is positive, so the one that binds gets the gradient.
_JOINS: dict[str, Callable[..., torch.Tensor]] = {
    **dict.fromkeys(("and", "rand", "logical_and", "bitwise_and"), torch.minimum),
    **dict.fromkeys(("or", "ror", "logical_or", "bitwise_or"), torch.maximum),
    **dict.fromkeys(("invert", "logical_not", "bitwise_not"), torch.neg),
}


def _held(name: str) -> str:
    return f"held_{name}"


def _positive(name: str) -> bool:
    return name.startswith("tau")


def _over_places(value: torch.Tensor, n_places: int) -> torch.Tensor:
    return value.reshape(-1, *[1] * n_places) if value.ndim == 1 else value
