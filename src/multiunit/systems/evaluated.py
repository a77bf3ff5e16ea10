"""How a module is run to be measured: in evaluation mode, and put back into its own afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluated(module: nn.Module) -> Iterator[None]:
    """Within the block the module is in `eval` mode; afterwards every part is in its own mode again."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def without_gradients(module: nn.Module) -> Iterator[None]:
    """Within the block the module is evaluated without gradients; tensors know when they are written over, which
    those of torch's inference mode do not."""
    with evaluated(module), torch.inference_mode(False), torch.no_grad():
        yield
