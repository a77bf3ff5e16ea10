"""The protocol: one process a contender, asked in turn, on one core; accuracy first, then times, then memory.

A contender is a function `set_up(**setting) -> (work, answer)`: `work()` is what is timed, `answer(result)` turns what
it gave into named arrays for the accuracy gate. The parent starts one process for each contender and asks A B A B, so
that whatever else runs on the machine falls on all of them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

SetUp = Callable[..., tuple[Callable[[], Any], Callable[[Any], dict[str, np.ndarray]]]]
RESULTS = Path(__file__).parent / "results"
REPETITIONS = int(os.environ.get("BENCHMARK_ROUNDS", "5"))  # Fewer are for trying a script out.
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


# --- in the contender's own process -----------------------------------------------------------------------------------


def serve(set_up: SetUp, setting: Mapping[str, Any]) -> None:
    """Answer the parent's questions, one a line, until it closes the pipe."""
    replies, sys.stdout = sys.stdout, sys.stderr  # Peers may print; only replies go to the parent.
    started = _clock()
    work, answer = set_up(**setting)
    _reply(replies, _since(started))
    before, peak = _reset_peak(), 0
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "peak":
            _reply(replies, {"peak_bytes": peak})
            continue
        started = _clock()
        result = work()
        took = _since(started)
        peak = max(peak, _status("VmHWM") - before)
        if command == "answer":
            np.savez(path, **answer(result))
            del result
            _reset_peak()  # What the answer took is no part of the work.
        else:
            # What the allocator keeps from round to round it may keep: giving it back would cost the next round time.
            del result
        _reply(replies, took)


def _reply(stream: Any, message: Mapping[str, Any]) -> None:
    print(json.dumps(message), file=stream, flush=True)


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> dict[str, float]:
    wall, cpu = _clock()
    return {"wall": wall - started[0], "cpu": cpu - started[1]}


def _reset_peak() -> int:
    """Forget the peak so far; what is resident now, without what the set-up has given back."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # Only glibc keeps pages that must be asked for.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


# --- in the parent ----------------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """What every contender finds: one thread, no network."""
    # The kernel that some BLAS builds are told to use slows others; every contender gets its own choice.
    chosen = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    kept = {k: v for k, v in os.environ.items() if k not in chosen}
    return kept | _ONE_CORE | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}


class Contender:
    """A process that holds one contender, ready."""

    def __init__(self, script: Path, name: str, setting: Mapping[str, Any]) -> None:
        self.name = name
        command = [sys.executable, str(script), "--contender", name, "--setting", json.dumps(setting)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open for as long as the process is
        self._process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.set_up: dict[str, float] = {}

    def ready(self) -> None:
        """Wait until it is set up."""
        self.set_up = self._hear()

    def ask(self, command: str) -> dict[str, float]:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # What stopped it is told where its reply is missed.
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        return self._hear()

    def answer(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        with tempfile.TemporaryDirectory() as folder:
            took = self.ask(f"answer {folder}/answer.npz")
            with np.load(f"{folder}/answer.npz") as arrays:
                return dict(arrays), took

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _hear(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"{self.name} stopped:\n{self._errors.read()[-3000:]}")
        return dict(json.loads(line))


def compare(
    script: str | Path,
    names: Sequence[str],
    setting: Mapping[str, Any],
    *,
    reference: str,
    tolerance: float,
    n_repetitions: int = REPETITIONS,
    scales: Mapping[str, float] | None = None,
    once: bool = False,
) -> dict[str, Any]:
    """Run contenders side by side.

    Args:
        script: the file that defines them.
        names: in the order in which they are asked.
        setting: what is passed to every `set_up`.
        reference: the contender whose answers the others must give, and whose time is 1.
        tolerance: largest allowed difference of any answer.
        n_repetitions: rounds.
        scales: by contender, what its times are multiplied by where it does part of the work.
        once: one run each, which is the warm-up too: where a run is long, and memory the question.

    Returns:
        By contender: `cpu` and `wall` (median, min, max, all rounds), `cpu_ratio` and `wall_ratio` (to the reference,
        round by round), `peak_bytes` above what was resident after set-up, `difference` from the reference's answer.

    Raises:
        RuntimeError: if a contender stops, or its answer is not the reference's.
    """
    contenders = []
    try:
        for name in names:
            contenders.append(Contender(Path(script), name, setting))
        for contender in contenders:
            contender.ready()
        warm, answers = {}, {}
        for contender in contenders:
            answers[contender.name], warm[contender.name] = contender.answer()
        differences = agree(answers, reference=reference, tolerance=tolerance)
        rounds = {name: [warm[name]] if once else [] for name in names}
        for _ in range(0 if once else n_repetitions):
            for contender in contenders:
                rounds[contender.name].append(contender.ask("work"))
        peaks = {contender.name: contender.ask("peak") for contender in contenders}
        ready = {contender.name: contender.set_up for contender in contenders}
    finally:
        for contender in contenders:
            contender.close()
    times = tabulate(rounds, reference=reference, scales=scales)
    found = {}
    for name in names:
        first = {} if once else {"set_up": ready[name], "warm_up": warm[name]}
        found[name] = {"difference": differences[name], **first, **peaks[name], **times[name]}
    return {"setting": dict(setting), "reference": reference, "tolerance": tolerance, "contenders": found}


def agree(answers: Mapping[str, Mapping[str, np.ndarray]], *, reference: str, tolerance: float) -> dict[str, float]:
    """How far each contender's answer is from the reference's.

    Raises:
        RuntimeError: if that is more than the tolerance.
    """
    differences = {name: largest_difference(answer, answers[reference]) for name, answer in answers.items()}
    for name, difference in differences.items():
        if not difference <= tolerance:
            raise RuntimeError(f"{name} is {difference:.3g} away from {reference}, more than {tolerance:.3g}")
    return differences


def tabulate(
    rounds: Mapping[str, Sequence[Mapping[str, float]]],
    *,
    reference: str,
    scales: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """By contender: `cpu`, `wall`, and their ratios to the reference, round by round."""
    scale = {name: (scales or {}).get(name, 1.0) for name in rounds}
    found: dict[str, dict[str, Any]] = {name: {"scale": scale[name]} for name in rounds}
    for clock in ("cpu", "wall"):
        values = {name: [took[clock] * scale[name] for took in rounds[name]] for name in rounds}
        for name in rounds:
            found[name][clock] = spread(values[name])
            found[name][f"{clock}_ratio"] = spread(
                [v / b for v, b in zip(values[name], values[reference], strict=True)]
            )
    return found


def ratio(setting: Mapping[str, Any], name: str, other: str) -> float:
    """How many times more processor time one contender takes than another: the median of the rounds' ratios."""
    mine, theirs = (setting["contenders"][n]["cpu"]["all"] for n in (name, other))
    return float(np.median([a / b for a, b in zip(mine, theirs, strict=True)]))


def largest_difference(answer: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> float:
    """The largest |difference| in what both answered; NaN agrees with NaN only.

    Raises:
        RuntimeError: if they have nothing in common, or shapes differ.
    """
    shared = sorted(set(answer) & set(reference))
    if not shared:
        raise RuntimeError(f"no answer in common: {sorted(answer)} and {sorted(reference)}")
    worst = 0.0
    for name in shared:
        a, b = (np.asarray(values[name], dtype=np.float64) for values in (answer, reference))
        if a.shape != b.shape:
            raise RuntimeError(f"{name}: shape {a.shape} instead of {b.shape}")
        if (np.isnan(a) != np.isnan(b)).any():
            return float("inf")
        worst = max(worst, float(np.abs(np.nan_to_num(a) - np.nan_to_num(b)).max(initial=0.0)))
    return worst


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest, and all of them."""
    return {
        "median": float(np.median(values)),
        "min": float(min(values)),
        "max": float(max(values)),
        "all": [round(float(v), 6) for v in values],
    }


def goal(text: str, value: float, *, at_most: float | None = None, at_least: float | None = None) -> dict[str, Any]:
    """A goal and whether it was met."""
    met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    return {"text": text, "value": float(value), "at_most": at_most, "at_least": at_least, "met": bool(met)}


def write(
    name: str,
    *,
    work: str,
    settings: Mapping[str, Any],
    goals: Sequence[Mapping[str, Any]],
    packages: Sequence[str],
    notes: str = "",
) -> None:
    """Write `results/NAME.json` and say what came out."""
    report = {
        "id": name,
        "work": work,
        "notes": notes,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {p: metadata.version(p) for p in packages},
        "settings": settings,
        "goals": list(goals),
    }
    RESULTS.mkdir(exist_ok=True)
    temporary = RESULTS / f"{name}.json.tmp"
    temporary.write_text(json.dumps(report, indent=1) + "\n")
    temporary.replace(RESULTS / f"{name}.json")
    for one in goals:
        print(f"{name}: {one['text']}: {one['value']:.3g} - {'met' if one['met'] else 'NOT met'}", flush=True)


def machine() -> dict[str, Any]:
    """Kind and size of the machine, and how many of its cores worked for others meanwhile (0: it was idle)."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    since = _busy() - _BEGAN[0], time.monotonic() - _BEGAN[1]
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 2**20),
        "others": round(max(0.0, since[0] / since[1]), 2),
    }


def _busy() -> float:
    """Seconds for which the cores have worked, without what this benchmark itself has used."""
    user, nice, system = (int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:4])
    own = sum(os.times()[:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own


_BEGAN = _busy(), time.monotonic()


def main(contenders: Mapping[str, SetUp], report: Callable[[], None]) -> None:
    """The command line of every script: the report, or, in its own process, one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--contender", choices=list(contenders))
    parser.add_argument("--setting", type=json.loads, default={})
    chosen = parser.parse_args()
    if chosen.contender is None:
        report()
    else:
        serve(contenders[chosen.contender], chosen.setting)
