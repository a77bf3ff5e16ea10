"""The arrays of a circuit's program: one for each state, parameter, input and edge, by the name it has there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.circuits.built import Edges, incoming
from multiunit.circuits.inputs import Drive, PoissonInput, SpikeInput
from multiunit.circuits.population import Population
from multiunit.core.errors import InputError

if TYPE_CHECKING:
    from multiunit.circuits.circuit import Circuit


def fill_population(circuit: Circuit, prefix: str, population: Population, changing: set[tuple[str, str]]) -> None:
    n, values = population.n, circuit.values
    for name, value in population.initial.items():
        values[f"{prefix}_{name}"] = _array(circuit, value, n)
        values[f"{prefix}_{name}_held"] = np.empty(0, np.int64)
        values[f"{prefix}_{name}_held_at"] = np.empty(0, circuit.precision)
    for name, value in population.parameters.items():
        values[f"{prefix}_{name}"] = _array(circuit, value, n) if value.ndim else _real(circuit, value)
    for name in (given for given in population.element.inputs if given not in population.element.impulses):
        base = sum(
            (
                _array(circuit, g.values, n)
                for g in circuit.inputs
                if isinstance(g, Drive) and g.width is None and (g.population, g.into) == (population.name, name)
            ),
            _array(circuit, 0.0, n),
        )
        # One array where nothing ever changes the input.
        now = base.copy() if (population.name, name) in changing else base
        values[f"{prefix}_base_{name}"], values[f"{prefix}_in_{name}"] = base, now
    words = np.zeros(-(-n // 8), np.uint64)
    values[f"{prefix}_words"], values[f"{prefix}_spiked"] = words, words.view(np.uint8)[:n]
    depth = 2 + max((e.last for e in circuit.edges.values() if e.projection.pre == population.name), default=0)
    values[f"{prefix}_history"] = np.zeros((depth, n), np.int32)
    values[f"{prefix}_n_history"] = np.zeros(depth, np.int64)
    values[f"{prefix}_muted"] = np.empty(0, np.int64)
    values[f"{prefix}_n_kept"] = np.zeros(1, np.int64)
    for name in population.element.states:
        values[f"{prefix}_{name}_kept"] = np.empty((0, 0), circuit.precision)
        values[f"{prefix}_{name}_kept_units"] = np.empty(0, np.int64)


def fill_edges(circuit: Circuit, prefix: str, edge: Edges) -> None:
    projection, values = edge.projection, circuit.values
    pre, post = circuit.populations[projection.pre], circuit.populations[projection.post]
    if not edge.weight.ndim:
        edge.weight = edge.weight.reshape(1)
    values |= {f"{prefix}_{k}": v for k, v in (("rows", edge.rows), ("post", edge.post), ("first", edge.first))}
    values |= {f"{prefix}_weight": edge.weight, f"{prefix}_on": np.ones(1, np.uint8)}
    if projection.short_term is not None:
        stp = projection.short_term
        depth = len(values[f"{circuit.name_of(pre.name)}_history"])
        falls = [np.exp(-circuit.dt / tau) if tau else 0.0 for tau in (stp.tau_facilitation, stp.tau_depression)]
        values |= {f"{prefix}_use": stp.use, f"{prefix}_facilitation": falls[0], f"{prefix}_depression": falls[1]}
        values |= {f"{prefix}_u": np.zeros(pre.n), f"{prefix}_x": np.ones(pre.n)}
        values |= {f"{prefix}_last": np.zeros(pre.n, np.int64), f"{prefix}_efficacy": np.zeros((depth, pre.n))}
    rule = projection.plasticity
    if rule is None:
        return
    for side, traces, population in (("pre", rule.pre, pre), ("post", rule.post, post)):
        for name, trace in traces.items():
            depth = len(values[f"{circuit.name_of(pre.name)}_history"])
            shape = (depth, population.n) if side == "pre" else (population.n,)
            values[f"{prefix}_{side}_{name}"] = np.zeros(shape, circuit.precision)
            values[f"{prefix}_{side}_{name}_keep"] = _real(circuit, np.exp(-circuit.dt / trace.tau))
    values |= {f"{prefix}_rule_{name}": _real(circuit, value) for name, value in rule.parameters.items()}
    if rule.on_post is not None:
        values |= {f"{prefix}_{k}": v for k, v in incoming(edge, n_post=post.n).items()}
        values[f"{prefix}_late"] = np.atleast_1d(edge.delay)
    if rule.eligibility is not None:
        tau = rule.eligibility
        values |= {f"{prefix}_eligible": np.zeros(edge.n, circuit.precision), f"{prefix}_modulator": np.zeros(1)}
        values |= {f"{prefix}_since": np.zeros(edge.n, np.int32), f"{prefix}_decay": float(np.exp(-circuit.dt / tau))}
        values |= {f"{prefix}_area": tau, f"{prefix}_least": rule.bounds[0], f"{prefix}_most": rule.bounds[1]}


def fill_input(circuit: Circuit, prefix: str, given: Drive | PoissonInput | SpikeInput) -> None:
    n, values = circuit.populations[given.population].n, circuit.values
    if isinstance(given, PoissonInput):
        if given.rate.shape not in ((), (n,)):
            raise InputError("rate", given.rate.shape, f"{given.population} has {n} units")
        mean = np.atleast_1d(given.rate * circuit.dt)
        values |= {f"{prefix}_mean": mean, f"{prefix}_none": np.exp(-mean)}
        values[f"{prefix}_weight"] = _real(circuit, given.weight)
    elif isinstance(given, SpikeInput):
        if len(given.units) and not 0 <= given.units.min() <= given.units.max() < n:
            raise InputError("units", (given.units.min(), given.units.max()), f"{given.population} has {n} units")
        values |= {f"{prefix}_step": np.floor(given.times / circuit.dt + 1e-6).astype(np.int64)}
        values |= {f"{prefix}_unit": given.units, f"{prefix}_weight": given.weight.astype(circuit.precision)}
        values[f"{prefix}_next"] = np.zeros(1, np.int64)
    elif given.values.size and given.values.shape[-1:] not in ((), (1,), (n,)):
        raise InputError("values", given.values.shape, f"{given.population} has {n} units")
    elif given.width is not None:
        values[f"{prefix}_values"] = given.values.astype(circuit.precision)
        values |= {f"{prefix}_start": round(given.start / circuit.dt), f"{prefix}_width": given.width / circuit.dt}


def _real(circuit: Circuit, value: Any) -> Any:
    return np.dtype(circuit.precision).type(value)


def _array(circuit: Circuit, value: Any, n: int) -> np.ndarray:
    return np.array(np.broadcast_to(value, n), dtype=circuit.precision)
