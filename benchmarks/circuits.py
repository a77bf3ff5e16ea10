"""cuba, coba, delays, stdp, million: networks of spiking neurons, beside Brian2's compiled ones.

Brian2 needs an older NumPy than the other peers, so it has an environment of its own. There it writes and compiles a
program, once for each network; the rounds only run that program, and what it takes to load the network is no part of
their time. Without that environment, or without g++, multiunit is measured alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Contender, environment, goal, main, spread, write

PEER = Path(os.environ.get("BRIAN", Path(__file__).resolve().parent.parent / ".venv-bench-brian"))
ROUNDS = int(os.environ.get("BENCHMARK_ROUNDS", "3"))
SECONDS = {4_000: 1.0, 100_000: float(os.environ.get("BENCHMARK_SECONDS", "0.5"))}
NETWORKS = {
    "cuba": "Current-based synapses",
    "coba": "Conductance-based synapses",
    "delays": "Current-based synapses, each with a delay of its own between 0.1 and 2 ms",
    "stdp": "Current-based synapses, with pair STDP from excitatory to excitatory neurons",
}
EXCITATORY, N_INPUTS, DT = 0.8, 80, 1e-4
# Volts for currents (what they do to the potential at rest), units of the leak for conductances.
WEIGHTS = {"current": (1.62e-3, -9e-3), "conductance": (0.6, 6.7)}
A_PLUS, A_MINUS, W_MAX = 1.62e-6, 1.701e-6, 3.24e-3
TOLERANCE = 0.03


def network(kind: str, n: int) -> dict[str, np.ndarray]:
    """Edges and what neurons start from; n_inputs / n is the probability of an edge, 2 % of 4,000 neurons."""
    rng = np.random.default_rng(0)
    n_out = rng.binomial(n, N_INPUTS / n, n)
    found = {
        "pre": np.repeat(np.arange(n, dtype=np.int32), n_out),
        "post": rng.integers(n, size=n_out.sum(), dtype=np.int32),
    }
    if kind == "coba":
        found["v"] = -65e-3 + 5e-3 * rng.standard_normal(n)
        found["excitatory"] = np.maximum(4 + 1.5 * rng.standard_normal(n), 0)
        found["inhibitory"] = np.maximum(20 + 12 * rng.standard_normal(n), 0)
    else:
        found["v"] = -60e-3 + 10e-3 * rng.random(n)
    if kind == "delays":
        found["delay"] = rng.integers(1, 21, n_out.sum()) * DT
    return found


# --- contenders -------------------------------------------------------------------------------------------------------


def multiunit(kind: str, n: int, seconds: float, *, precision: str = "float64") -> Any:
    from multiunit.circuits import Circuit, EdgeList, Population, Projection, pair_stdp
    from multiunit.dynamics.leaky_integrate_and_fire import exponential_conductance_neuron, exponential_current_neuron

    drawn = network(kind, n)
    n_excitatory = round(EXCITATORY * n)
    parts = {"E": slice(0, n_excitatory), "I": slice(n_excitatory, n)}
    cell, v_rest = (exponential_conductance_neuron, -0.06) if kind == "coba" else (exponential_current_neuron, -0.049)
    weights = WEIGHTS["conductance" if kind == "coba" else "current"]

    def circuit() -> Circuit:
        states = [name for name in ("v", "excitatory", "inhibitory") if name in drawn]
        populations = [
            Population(part.stop - part.start, cell, name=name, v_rest=v_rest, **{s: drawn[s][part] for s in states})
            for name, part in parts.items()
        ]
        projections = []
        for a, into, weight in zip("EI", ("excitatory_spikes", "inhibitory_spikes"), weights, strict=True):
            for b in "EI":
                here = (drawn["pre"] < n_excitatory) == (a == "E")
                here &= (drawn["post"] < n_excitatory) == (b == "E")
                edges = EdgeList(
                    drawn["pre"][here] - parts[a].start,
                    drawn["post"][here] - parts[b].start,
                    delay=drawn["delay"][here] if "delay" in drawn else None,
                )
                plastic = kind == "stdp" and a == b == "E"
                rule = pair_stdp(a_plus=A_PLUS, a_minus=A_MINUS, w_max=W_MAX) if plastic else None
                projections.append(Projection(a, b, connectivity=edges, into=into, weight=weight, plasticity=rule))
        return Circuit(populations, projections, dt=DT, precision=precision)

    circuit().run(10 * DT)  # Compiles.

    def work() -> dict[str, float]:
        ready = circuit()  # Afresh, as the peer's program also begins at 0.
        wall, cpu = time.perf_counter(), time.process_time()
        run = ready.run(seconds)
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return took | {"rate": float(run.spikes.dataset["spike_count"].sum()) / n / seconds}

    return work, _arrays


def multiunit_float32(kind: str, n: int, seconds: float) -> Any:
    return multiunit(kind, n, seconds, precision="float32")


def brian2(kind: str, n: int, seconds: float) -> Any:
    folder = Path(tempfile.mkdtemp(prefix="brian2-"))
    np.savez(folder / "network.npz", **network(kind, n))
    task = json.dumps({"kind": kind, "n": n, "seconds": seconds, "folder": str(folder)})
    command = [str(PEER / "bin" / "python"), __file__, "--build", task]
    built = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if built.returncode:
        raise RuntimeError(f"Brian2 did not build {kind}:\n{built.stderr[-2000:]}")

    def work() -> dict[str, float]:
        program = folder / "program"
        said = subprocess.run(["./main"], cwd=program, env=environment(), capture_output=True, text=True, check=True)
        cpu, wall, count = (float(word) for word in said.stdout.split()[-3:])
        return {"cpu": cpu, "wall": wall, "rate": count / n / seconds}

    return work, _arrays


def nest(kind: str, n: int, seconds: float) -> Any:
    """A process of NEST's own, which builds the same edges again for every round and says how long the run took."""
    folder = Path(tempfile.mkdtemp(prefix="brian2-"))
    np.savez(folder / "network.npz", **network(kind, n))
    task = json.dumps({"kind": kind, "n": n, "seconds": seconds, "folder": str(folder)})
    command = [str(PEER / "bin" / "python"), __file__, "--nest", task]

    def work() -> dict[str, float]:
        said = subprocess.run(command, env=environment(), capture_output=True, text=True)
        if said.returncode:
            raise RuntimeError(f"NEST did not run {kind}:\n{said.stderr[-2000:]}")
        cpu, wall, count = (float(word) for word in said.stdout.split()[-3:])
        return {"cpu": cpu, "wall": wall, "rate": count / n / seconds}

    return work, _arrays


def million(n: int, n_inputs: int, seconds: float) -> Any:
    """So large that it is built and run only once."""
    from multiunit.circuits import Circuit, FixedInDegree, Population, Projection
    from multiunit.dynamics.leaky_integrate_and_fire import exponential_current_neuron

    n_excitatory = round(EXCITATORY * n)
    sizes = {"E": n_excitatory, "I": n - n_excitatory}
    degrees = {"E": round(EXCITATORY * n_inputs), "I": n_inputs - round(EXCITATORY * n_inputs)}
    into = {"E": "excitatory_spikes", "I": "inhibitory_spikes"}
    # As much input altogether as with 80 inputs: more would only make the network fire more.
    weights = {a: w * N_INPUTS / n_inputs for a, w in zip("EI", WEIGHTS["current"], strict=True)}

    def circuit(sizes: dict[str, int], degrees: dict[str, int]) -> Circuit:
        rng = np.random.default_rng(0)
        populations = [
            Population(size, exponential_current_neuron, name=a, v=-60e-3 + 10e-3 * rng.random(size), v_rest=-0.049)
            for a, size in sizes.items()
        ]
        projections = [
            Projection(a, b, connectivity=FixedInDegree(degrees[a]), into=into[a], weight=weights[a])
            for a in "EI"
            for b in "EI"
        ]
        return Circuit(populations, projections, dt=DT, precision="float32")

    circuit({"E": 80, "I": 20}, {"E": 8, "I": 2}).run(10 * DT)  # Compiles.

    def work() -> dict[str, float]:
        before, cpu = _resident(), time.process_time()
        ready = circuit(sizes, degrees)
        build, held, cpu = time.process_time() - cpu, _resident() - before, time.process_time()
        run = ready.run(seconds)
        cpu = time.process_time() - cpu
        n_synapses = sum(edges.n for edges in ready.edges.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "build": build,
            "cpu": cpu,
            "peak_gb": peak / 1e9,
            "bytes_per_synapse": held / n_synapses,
            "peak_bytes_per_synapse": peak / n_synapses,
            "synapses": n_synapses,
            "rate": float(run.spikes.dataset["spike_count"].sum()) / n / seconds,
        }

    return work, _arrays


def _arrays(found: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in found.items()}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


CONTENDERS = {
    "Brian2": brian2,
    "multiunit": multiunit,
    "multiunit float32": multiunit_float32,
    "NEST": nest,
    "million": million,
}


# --- in Brian2's own environment --------------------------------------------------------------------------------------


def build(kind: str, n: int, seconds: float, folder: str) -> None:
    """Write and compile the program; it prints processor seconds and wall seconds of the run, and its spikes."""
    import brian2 as b

    program = Path(folder) / "program"
    b.set_device("cpp_standalone", build_on_run=False, directory=str(program))
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.defaultclock.dt = DT * b.second
    drawn = dict(np.load(Path(folder) / "network.npz"))
    pre, post = drawn["pre"], drawn["post"]
    excitatory, n_excitatory = pre < round(EXCITATORY * n), round(EXCITATORY * n)
    constants: dict[str, Any] = {"tau_m": 20 * b.ms, "tau_e": 5 * b.ms, "tau_i": 10 * b.ms, "tau_stdp": 20 * b.ms}
    if kind == "coba":
        membrane, unit, one, method = (
            "ge * (0 * mV - v) + gi * (-80 * mV - v) + (-60 * mV - v)",
            "1",
            1,
            "exponential_euler",
        )
        weights = WEIGHTS["conductance"]
    else:
        membrane, unit, one, method = "ge + gi - (v + 49 * mV)", "volt", b.volt, "exact"
        weights = WEIGHTS["current"]
    equations = f"""dv/dt = ({membrane}) / tau_m : volt (unless refractory)
    dge/dt = -ge / tau_e : {unit}
    dgi/dt = -gi / tau_i : {unit}"""
    constants |= {"w_e": weights[0] * one, "w_i": weights[1] * one}
    constants |= {"a_plus": A_PLUS * b.volt, "a_minus": A_MINUS * b.volt, "w_max": W_MAX * b.volt}
    neurons = b.NeuronGroup(
        n,
        equations,
        threshold="v > -50 * mV",
        reset="v = -60 * mV",
        refractory=5 * b.ms,
        method=method,
        namespace=constants,
    )
    neurons.v = drawn["v"] * b.volt
    if kind == "coba":
        neurons.ge, neurons.gi = drawn["excitatory"], drawn["inhibitory"]
    plastic = excitatory & (post < n_excitatory) if kind == "stdp" else np.zeros(len(pre), dtype=bool)
    objects = [neurons]
    for here, effect in ((excitatory & ~plastic, "ge += w_e"), (~excitatory, "gi += w_i")):
        synapses = b.Synapses(neurons, neurons, on_pre=effect, namespace=constants)
        synapses.connect(i=pre[here], j=post[here])
        if "delay" in drawn:
            synapses.delay = drawn["delay"][here] * b.second
        objects.append(synapses)
    if plastic.any():
        synapses = b.Synapses(
            neurons,
            neurons,
            """w : volt
            dx/dt = -x / tau_stdp : 1 (event-driven)
            dy/dt = -y / tau_stdp : 1 (event-driven)""",
            on_pre="""ge += w
            x += 1
            w = clip(w - a_minus * y, 0 * volt, w_max)""",
            on_post="""y += 1
            w = clip(w + a_plus * x, 0 * volt, w_max)""",
            namespace=constants,
        )
        synapses.connect(i=pre[plastic], j=post[plastic])
        synapses.w = weights[0] * one
        objects.append(synapses)
    monitor = b.SpikeMonitor(neurons, record=False)
    count = b.device.get_array_name(monitor.variables["N"])
    clocks = {"cpu": "CLOCK_PROCESS_CPUTIME_ID", "wall": "CLOCK_MONOTONIC"}
    b.device.insert_code(
        "before_network_run",
        "\n".join(f"timespec {k}_0, {k}_1; clock_gettime({clock}, &{k}_0);" for k, clock in clocks.items()),
    )
    seconds_of = (f"{k}_1.tv_sec - {k}_0.tv_sec + 1e-9 * ({k}_1.tv_nsec - {k}_0.tv_nsec)" for k in clocks)
    b.device.insert_code(
        "after_network_run",
        "\n".join(f"clock_gettime({clock}, &{k}_1);" for k, clock in clocks.items())
        + "\nstd::cout << "
        + ' << " " << '.join(f"({s})" for s in seconds_of)
        + f' << " " << {count}[0] << std::endl;',
    )
    b.Network(*objects, monitor).run(seconds * b.second)
    b.device.build(directory=str(program), compile=True, run=False, debug=False)


def run_nest(kind: str, n: int, seconds: float, folder: str) -> None:
    """Build the network in NEST and run it; prints processor seconds and wall seconds of the run, and its spikes."""
    import nest

    drawn = dict(np.load(Path(folder) / "network.npz"))
    nest.set_verbosity("M_ERROR")
    nest.set(resolution=1e3 * DT, local_num_threads=1, print_time=False)
    given = {"C_m": 200.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0}
    if kind == "coba":
        # Conductances in units of the leak, 10 nS.
        cells = nest.Create("iaf_cond_exp", n, given | {"g_L": 10.0, "E_L": -60.0, "E_ex": 0.0, "E_in": -80.0})
        cells.g_ex, cells.g_in = 10 * drawn["excitatory"], 10 * drawn["inhibitory"]
        w_e, w_i = 10 * WEIGHTS["conductance"][0], -10 * WEIGHTS["conductance"][1]
    else:
        # A current of 10 pA moves the potential by 1 mV at rest.
        cells = nest.Create("iaf_psc_exp", n, given | {"tau_m": 20.0, "E_L": -49.0})
        w_e, w_i = (1e4 * w for w in WEIGHTS["current"])
    cells.V_m = 1e3 * drawn["v"]
    weight = np.where(drawn["pre"] < round(EXCITATORY * n), w_e, w_i)
    delay = 1e3 * drawn.get("delay", np.zeros(len(weight))) + 1e3 * DT
    first = cells[0].global_id
    pre, post = (first + drawn[side].astype(np.int64) for side in ("pre", "post"))
    nest.Connect(pre, post, "one_to_one", {"weight": weight, "delay": delay, "synapse_model": "static_synapse"})
    nest.Prepare()
    wall, cpu, before = time.perf_counter(), time.process_time(), nest.local_spike_counter
    nest.Run(1e3 * seconds)
    took = time.process_time() - cpu, time.perf_counter() - wall
    print(*took, nest.local_spike_counter - before)


# --- reports ----------------------------------------------------------------------------------------------------------


def measured(kind: str, n: int, seconds: float, *, names: list[str]) -> dict[str, Any]:
    """Contenders in turn; their times are seconds for a simulated second."""
    setting = {"kind": kind, "n": n, "seconds": seconds}
    with _started(names, setting) as contenders:
        for contender in contenders:
            contender.ready()
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for contender in contenders:
                rounds[contender.name].append({k: float(v) for k, v in contender.answer()[0].items()})
    row: dict[str, Any] = {"neurons": n, "simulated s": seconds}
    for name in names:
        cpu = spread([one["cpu"] / seconds for one in rounds[name]])
        row[f"{name}: processor s"] = round(cpu["median"], 4)
        row[f"{name}: smallest - largest"] = f"{cpu['min']:.3g} - {cpu['max']:.3g}"
        row[f"{name}: rate, 1/s"] = round(rounds[name][-1]["rate"], 3)
    if "Brian2" in names:
        for name, column in (("multiunit", "ratio"), ("multiunit float32", "ratio float32")):
            pairs = zip(rounds[name], rounds["Brian2"], strict=True)
            row[column] = float(np.median([mine["cpu"] / theirs["cpu"] for mine, theirs in pairs]))
        if "NEST" in names:
            pairs = zip(rounds["NEST"], rounds["multiunit"], strict=True)
            row["NEST / multiunit"] = float(np.median([theirs["cpu"] / mine["cpu"] for theirs, mine in pairs]))
        row["rates differ by"] = abs(row["multiunit: rate, 1/s"] / row["Brian2: rate, 1/s"] - 1)
    return row


@contextlib.contextmanager
def _started(names: list[str], setting: dict[str, Any]) -> Any:
    before = set(Path(tempfile.gettempdir()).glob("brian2-*"))
    contenders: list[Contender] = []
    try:
        for name in names:
            contenders.append(Contender(Path(__file__), name, setting))
        yield contenders
    finally:
        for contender in contenders:
            contender.close()
        for folder in set(Path(tempfile.gettempdir()).glob("brian2-*")) - before:
            shutil.rmtree(folder, ignore_errors=True)


def report_network(kind: str) -> None:
    there = (PEER / ".installed").exists() and shutil.which("g++") is not None
    # NEST's plasticity is another rule than Brian2's and ours: no comparison there.
    with_nest = there and kind != "stdp" and bool(list(PEER.glob("lib/python*/site-packages/nest")))
    names = [*(["Brian2"] if there else []), *(["NEST"] if with_nest else []), "multiunit", "multiunit float32"]
    rows = [measured(kind, n, seconds, names=names) for n, seconds in SECONDS.items()]
    goals = []
    for row in rows if there else []:
        size = f"{row['neurons']:,} neurons"
        goals.append(goal(f"{size}: processor time, multiunit / Brian2", row["ratio"], at_most=0.5))
        if "NEST / multiunit" in row:
            goals.append(goal(f"{size}: processor time, NEST / multiunit", row["NEST / multiunit"], at_least=20))
        goals.append(goal(f"{size}: difference of firing rates", row["rates differ by"], at_most=TOLERANCE))
    peer = (
        "Brian2 2.9, cpp_standalone, one thread, its own compiler options; NEST 3.10, its wheel, one thread"
        if there
        else "Peer not installable here"
    )
    write(
        kind,
        work=f"{NETWORKS[kind]}: the networks of Brette et al. 2007 (80 % excitatory, {N_INPUTS} inputs a neuron, "
        "steps of 0.1 ms, float64 where nothing else is said). All run the same edges from the same start.",
        notes=f"{peer}. Times are for a simulated second, median of {ROUNDS} rounds; compiling, drawing and loading "
        "the network are no part of them. The ratios are multiunit's time in units of Brian2's; the goals are "
        "of float64, in which both work unless told otherwise.",
        settings={"networks": rows},
        goals=goals,
        packages=["multiunit", "numpy", "numba"],
    )


def report_million() -> None:
    setting = {"n": 1_000_000, "n_inputs": 100, "seconds": 1.0}
    with _started(["million"], setting) as (contender,):
        contender.ready()
        found = {name: float(value) for name, value in contender.answer()[0].items()}
    write(
        "million",
        work="A million current-based neurons with 100 inputs each, 1 s in steps of 0.1 ms, float32; once.",
        notes="Processor seconds. The peak is of the whole process, Python and what compiles included.",
        settings={"a million neurons": [found]},
        goals=[
            goal("peak memory, GB", found["peak_gb"], at_most=16.0),
            goal("bytes a synapse, at the peak", found["peak_bytes_per_synapse"], at_most=160.0),
        ],
        packages=["multiunit", "numpy", "numba"],
    )


def report() -> None:
    chosen = os.environ.get("BENCHMARK_ONLY", "").split() or [*NETWORKS, "million"]
    for name in chosen:
        report_million() if name == "million" else report_network(name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        build(**json.loads(sys.argv[2]))
    elif sys.argv[1:2] == ["--nest"]:
        run_nest(**json.loads(sys.argv[2]))
    else:
        main(CONTENDERS, report)
