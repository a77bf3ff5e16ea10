"""Open a Hugging Face model directory, or a name of its hub, with nothing of it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multiunit.core.errors import InputError, MissingDependencyError, UnsafeFileError
from multiunit.systems.torch_system import TorchSystem


def open_hugging_face(
    source: str | Path, *, device: str | None = None, dtype: str | None = None, **options: Any
) -> TorchSystem:
    """The model that `config.json` names, with its tokenizer or image processor, from safetensors only.

    A model of an encoder and a decoder is opened as its encoder. Code that comes with the model is never run.

    Args:
        source: a directory with `config.json`, or a name such as `gpt2`, downloaded from the hub.
        device: `cuda` where there is one, else `cpu`, unless given.
        dtype: `float32`, `bfloat16`, ...; by default as stored.
        options: passed on to `TorchSystem`.

    Raises:
        InputError: if there is no readable model.
        UnsafeFileError: if the weights are a pickle.
        MissingDependencyError: without transformers.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingDependencyError("transformers", "hf") from error
    place = Path(source)
    if place.is_dir() and not any(place.glob("*.safetensors")):
        if any(place.glob("*.bin")) or any(place.glob("*.pt")):
            raise UnsafeFileError("source", str(source), "holds pickled weights; convert them to model.safetensors")
        raise InputError("source", str(source), "has no *.safetensors weights")
    safe = {"trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(str(source), **safe)
        family = _family(transformers, config)
        wanted = getattr(torch, dtype) if dtype else "auto"
        with _quiet(transformers):
            module = family.from_pretrained(str(source), dtype=wanted, use_safetensors=True, **safe)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise InputError("source", str(source), f"is no model that can be read: {_first_line(error)}") from error
    if getattr(config, "is_encoder_decoder", False):
        module = module.get_encoder()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = _optional(transformers.AutoTokenizer, source)
    processor = None if tokenizer else _optional(transformers.AutoImageProcessor, source)
    prepare = _images(processor) if processor else None
    name = place.name if place.is_dir() else str(source)
    return TorchSystem(module, tokenizer=tokenizer, prepare=prepare, device=device, name=name, **options)


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """No bar for weights that load in a blink; the user's own setting comes back."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _family(transformers: Any, config: Any) -> Any:
    """The class that the configuration names; the bare model if it names none of this version's."""
    names = getattr(config, "architectures", None) or []
    return next((c for name in names if (c := getattr(transformers, name, None))), transformers.AutoModel)


def _optional(loader: Any, source: str | Path) -> Any:
    try:
        return loader.from_pretrained(str(source), trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError):
        return None


def _images(processor: Any) -> Callable[[list[Any]], dict[str, torch.Tensor]]:
    def prepare(stimuli: list[Any]) -> dict[str, torch.Tensor]:
        images = [np.asarray(image) for image in stimuli]
        return {"pixel_values": processor(images=images, return_tensors="pt")["pixel_values"]}

    return prepare


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
