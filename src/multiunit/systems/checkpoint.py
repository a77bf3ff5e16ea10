"""Open a file of weights that fit a network of Multiunit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiunit.core.errors import InputError
from multiunit.networks.resnet_cifar import load_resnet_cifar, preprocess
from multiunit.systems.torch_system import TorchSystem


def open_checkpoint(path: Path, **options: Any) -> TorchSystem:
    """The network whose parameters the file names; today the residual networks for CIFAR images.

    Stimuli are images, bytes `(height, width, 3)`.

    Raises:
        InputError: if the weights fit no known network.
        UnsafeFileError: if the file holds anything but tensors.
    """
    try:
        module = load_resnet_cifar(path)
    except InputError as error:
        if type(error) is not InputError:
            raise
        mend = "its weights fit no known network; build the module and open that: multiunit.open(module)"
        raise InputError("source", str(path), mend) from error
    return TorchSystem(module, prepare=preprocess, name=path.name, **options)
