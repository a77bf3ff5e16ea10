"""`multiunit.open`: whatever the source is, the system or recording in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiunit.core.errors import InputError

if TYPE_CHECKING:
    from multiunit.core.recording import Recording
    from multiunit.core.system import System


def open_system(source: Any, **options: Any) -> System | Recording:
    """Open a torch module, a circuit, a model directory, a `hf:` name, a checkpoint of a known network, or a recording.

    Args:
        source: an `nn.Module`; a `Circuit` or any system; a directory with `config.json`; `"hf:name"`; a checkpoint
            whose tensors fit a network of `multiunit.networks`; `"file.py:name"`, which runs that file of yours and
            opens what has this name in it; or whatever `multiunit.io.read_recording` reads.
        options: passed on to what is opened: `device`, `batch_size` or `window` of a `TorchSystem`, `duration` and
            `into` of a `CircuitSystem`.

    Raises:
        InputError: if nothing can be made of the source.
        UnsafeFileError: if reading it could run code.
    """
    if not isinstance(source, (str, Path)):
        return _opened(source, options)
    file, _, name = str(source).rpartition(":")
    if file.endswith(".py"):
        from multiunit.systems.from_script import from_script

        return _opened(from_script(file, name), options)
    if str(source).startswith("hf:"):
        from multiunit.systems.hugging_face import open_hugging_face

        return open_hugging_face(str(source)[3:], **options)
    place = Path(source)
    if not place.exists():
        raise InputError("source", str(source), "no such file or directory ('hf:NAME' names a model of the hub)")
    if (place / "config.json").is_file():
        from multiunit.systems.hugging_face import open_hugging_face

        return open_hugging_face(place, **options)
    if place.suffix in (".th", ".pt", ".pth", ".safetensors"):
        from multiunit.systems.checkpoint import open_checkpoint

        return open_checkpoint(place, **options)
    from multiunit.io.open import read_recording

    return read_recording(place, **options)


def _opened(thing: Any, options: dict[str, Any]) -> System | Recording:
    from multiunit.circuits.circuit import Circuit
    from multiunit.core.recording import Recording
    from multiunit.core.system import System

    if isinstance(thing, Circuit):
        from multiunit.systems.circuit_system import CircuitSystem

        if not {"duration", "into"} <= set(options):
            raise InputError("source", thing, "a circuit needs `duration` and `into`; or open a CircuitSystem of it")
        return CircuitSystem(thing, **options)
    if isinstance(thing, (System, Recording)):
        return thing
    from multiunit.systems.torch_system import TorchSystem

    return TorchSystem(thing, **options)


open = open_system  # the verb of the package: `multiunit.open(source)`
