"""`multiunit.open`: whatever the source is, the system or recording in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiunit.core.errors import InputError

if TYPE_CHECKING:
    from multiunit.core.recording import Recording
    from multiunit.systems.torch_system import TorchSystem


def open_system(source: Any, **options: Any) -> TorchSystem | Recording:
    """Open a torch module, a model directory, a `hf:` name, a checkpoint of a known network, or a recording.

    Args:
        source: an `nn.Module`; a directory with `config.json`; `"hf:name"`; a checkpoint whose tensors fit a network of
            `multiunit.networks`; or whatever `multiunit.io.read_recording` reads.
        options: passed on to what is opened, such as `device`, `batch_size` or `window` of a `TorchSystem`.

    Raises:
        InputError: if nothing can be made of the source.
        UnsafeFileError: if reading it could run code.
    """
    if not isinstance(source, (str, Path)):
        from multiunit.systems.torch_system import TorchSystem

        return TorchSystem(source, **options)
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


open = open_system  # the verb of the package: `multiunit.open(source)`
