"""A cache of trained weights, keyed by the recipe that made them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiunit.core.errors import InputError, StoreError

if TYPE_CHECKING:
    import torch


def cached(recipe: Mapping[str, Any], train: Callable[[], Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Give the weights that `train()` makes, from the cache if this recipe was trained before.

    Args:
        recipe: everything that the weights depend on - architecture, data, steps, seed - as JSON values. The
            versions of multiunit and torch are added to it. Two trainings of one recipe must be the same training.
        train: makes the state dictionary; called only if the cache lacks it.

    Returns:
        The state dictionary, on the CPU. It is kept as safetensors in the folder of the environment variable
        `MULTIUNIT_CACHE`, else `~/.cache/multiunit`; a file that cannot be read is made anew.

    Raises:
        InputError: if the recipe is not made of JSON values.
        StoreError: if the cache cannot be written; nothing half-written is left.

    >>> import os, tempfile, torch
    >>> os.environ["MULTIUNIT_CACHE"] = tempfile.mkdtemp()
    >>> calls = []
    >>> recipe = {"network": "one weight", "seed": 0}
    >>> weights = [cached(recipe, lambda: calls.append(1) or {"w": torch.ones(2)}) for _ in range(2)]
    >>> len(calls), weights[1]["w"].tolist()
    (1, [1.0, 1.0])
    >>> del os.environ["MULTIUNIT_CACHE"]
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = cache_folder() / f"{_key(recipe)}.safetensors"
    if path.exists():
        # A file cut short by a full disk or an older crash is no reason to fail: the recipe can be trained again.
        with contextlib.suppress(SafetensorError, OSError):
            return load_file(path)
    # Tied weights share memory, which safetensors refuses; each name gets its own copy.
    weights = {name: value.detach().cpu().clone().contiguous() for name, value in train().items()}
    _save(weights, path, recipe)
    return weights


def cache_folder() -> Path:
    """The folder of the environment variable `MULTIUNIT_CACHE`, else `~/.cache/multiunit`."""
    return Path(os.environ.get("MULTIUNIT_CACHE") or Path.home() / ".cache" / "multiunit")


def _key(recipe: Mapping[str, Any]) -> str:
    import torch

    from multiunit import __version__

    full = {"recipe": dict(recipe), "multiunit": __version__, "torch": torch.__version__}
    try:
        text = json.dumps(full, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError("recipe", recipe, f"must be made of JSON values: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _save(weights: dict[str, torch.Tensor], path: Path, recipe: Mapping[str, Any]) -> None:
    from safetensors.torch import save

    content = save(weights, metadata={"recipe": json.dumps(dict(recipe), sort_keys=True)})
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror}; set MULTIUNIT_CACHE to another folder") from error
