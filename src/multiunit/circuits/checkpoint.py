"""Checkpoints of a circuit, and runs to a folder that go on where they were killed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multiunit.circuits.circuit import Circuit, Run
from multiunit.core.atomic import new_file
from multiunit.core.errors import InputError, StoreError
from multiunit.core.recording import Recording

# What a run changes; all else follows from how the circuit was made.
_CHANGING = re.compile(
    r"^(p\d+_(in_.*|history|n_history)"
    r"|e\d+_(u|x|last|efficacy|eligible|since|modulator|on|pre_[^_]*|post_[^_]*)"
    r"|i\d+_next)$"
)


def snapshot(circuit: Circuit) -> dict[str, Any]:
    """A copy of where a circuit is: everything that a run changes."""
    arrays = {name: np.array(circuit.values[name]) for name in _changing(circuit)}
    return {"t": circuit.t, "rng": circuit.random_numbers.bit_generator.state, "arrays": arrays}


def restore(circuit: Circuit, there: dict[str, Any]) -> None:
    """Bring the circuit back to a snapshot of it."""
    for name, values in there["arrays"].items():
        circuit.values[name][...] = values
    circuit.t = int(there["t"])
    circuit.random_numbers.bit_generator.state = there["rng"]


def save_checkpoint(circuit: Circuit, path: str | Path) -> None:
    """Write where a circuit is, whole or not at all: states, what is under way, plastic weights, random numbers.

    Raises:
        StoreError: if it cannot be written; what stood there is untouched.
    """
    from safetensors.numpy import save

    now = snapshot(circuit)
    about = {"fingerprint": _fingerprint(circuit), "t": now["t"], "rng": now["rng"]}
    with new_file(path) as file:
        file.write(save(now["arrays"], {"circuit": json.dumps(about)}))


def load_checkpoint(circuit: Circuit, path: str | Path) -> None:
    """Bring a circuit that was made in the same way to where another one was.

    Raises:
        StoreError: if the file cannot be read, or was cut short.
        InputError: if it is of another circuit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["circuit"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise StoreError(f"cannot read the checkpoint {path}: {error}") from error
    if about.get("fingerprint") != _fingerprint(circuit) or set(tensors) != set(_changing(circuit)):
        raise InputError("path", str(path), "is the checkpoint of another circuit, or of another version of it")
    restore(circuit, {**about, "arrays": tensors})


def run_to_folder(
    circuit: Circuit,
    duration: float,
    *,
    folder: str | Path,
    piece: float = 1.0,
    resume: bool = False,
    states: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Run in pieces that are written one by one, each with a checkpoint: killed, it goes on from the last one.

    Args:
        circuit: as it was made; with `resume` it is brought to where the killed run was.
        duration: seconds from the beginning of the circuit, in all.
        folder: new or empty; with `resume` that of the killed run.
        piece: seconds.
        states, options: as `Circuit.run`.

    Returns:
        The whole run, the same as without interruption.

    Raises:
        InputError: for a folder that is not empty, without `resume`, or of another circuit.
        StoreError: if a file cannot be written or read.
    """
    folder = Path(folder)
    checkpoint = folder / "checkpoint.safetensors"
    if resume and checkpoint.exists():
        load_checkpoint(circuit, checkpoint)
    elif folder.exists() and any(folder.iterdir()) and not resume:
        raise InputError("folder", str(folder), "is not empty; resume=True goes on with it")
    stop = round(duration / circuit.dt)
    while circuit.t < stop:
        first = circuit.t
        end = min(stop, first + max(1, round(piece / circuit.dt)))
        run = circuit.run((end - first) * circuit.dt, states=states, **options)
        # The piece first, then the checkpoint: a piece without its checkpoint is written again, the same.
        with new_file(folder / f"{first:012d}.npz") as file:
            np.savez(file, allow_pickle=False, **_arrays(run))
        save_checkpoint(circuit, checkpoint)
    return read_run(folder)


def read_run(folder: str | Path) -> Run:
    """All pieces of a run, as one.

    Raises:
        StoreError: if there are none, or one cannot be read.
    """
    pieces = []
    for path in sorted(Path(folder).glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as file:
                pieces.append({name: file[name] for name in file.files})
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise StoreError(f"cannot read {path}: {error}") from error
    if not pieces:
        raise StoreError(f"cannot read {folder}: it holds no pieces of a run")
    n = len(pieces[0]["site"])
    unit = np.concatenate([np.repeat(np.arange(n), p["spike_count"]) for p in pieces])
    time = np.concatenate([p["spike_time"] for p in pieces])
    order = np.argsort(unit, kind="stable")
    trains = np.split(time[order], np.cumsum(np.bincount(unit, minlength=n))[:-1])
    spikes = Recording.from_spikes(trains, units={"site": pieces[0]["site"].astype(object)}, source="circuit")
    names = [name.removeprefix("activity ") for name in pieces[0] if name.startswith("activity ")]
    states = {}
    for name in names:
        activity = np.concatenate([p[f"activity {name}"] for p in pieces], axis=2)
        at = np.concatenate([p[f"time {name}"] for p in pieces])
        site = np.full(activity.shape[1], name, dtype=object)
        states[name] = Recording.from_activity(activity, units={"site": site}, time=at, kind="state")
    return Run(spikes, states)


def _arrays(run: Run) -> dict[str, np.ndarray]:
    dataset = run.spikes.dataset
    arrays = {name: np.asarray(dataset[name].values) for name in ("spike_time", "spike_count")}
    arrays["site"] = dataset["site"].values.astype(str)
    for name, recording in run.states.items():
        arrays[f"activity {name}"] = recording.activity
        arrays[f"time {name}"] = recording.dataset["time"].values
    return arrays


def _changing(circuit: Circuit) -> list[str]:
    states = {f"p{i}_{s}" for i, p in enumerate(circuit.populations.values()) for s in p.element.states}
    plastic = {f"e{i}_weight" for i, e in enumerate(circuit.edges.values()) if e.projection.plasticity is not None}
    own = {
        f"e{i}_{what}"
        for i, e in enumerate(circuit.edges.values())
        if e.projection.structural
        for what in ("weight", "post", "into", "edge", "from")
    }
    return sorted(name for name in circuit.values if name in states | plastic | own or _CHANGING.match(name))


def _fingerprint(circuit: Circuit) -> str:
    """Changes with the program, the sizes, the seed and everything that is given."""
    changing = set(_changing(circuit))
    digest = hashlib.sha256(circuit.source.encode())
    for name in sorted(set(circuit.values) - changing):
        if "_kept" not in name and not name.endswith(("_spiked", "_words", "_muted", "_held", "_held_at")):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(circuit.values[name]).data)
    return digest.hexdigest()
