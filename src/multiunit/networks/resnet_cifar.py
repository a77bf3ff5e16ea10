"""The residual networks for 32 x 32 images, in the layout of their best-known trained weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import pad

from multiunit.core.errors import InputError, UnsafeFileError

# Channel means and standard deviations of ImageNet: the public CIFAR-10 weights were trained with them.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class ResNetCifar(nn.Module):
    """He et al.'s residual network for CIFAR: depth 6n + 2, widths 16, 32, 64, shortcuts without weights (option A).

    Args:
        depth: 20, 32, 44, 56, 110, ...: any 6n + 2.
        n_classes: outputs.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for another depth.

    Source: He et al. 2016, arXiv:1512.03385, section 4.2.

    >>> net = ResNetCifar(20)
    >>> sum(p.numel() for p in net.parameters())    # "0.27M" in the paper's table 6
    269722
    """

    def __init__(self, depth: int = 20, *, n_classes: int = 10, random_state: int | np.random.Generator = 0) -> None:
        super().__init__()
        n, rest = divmod(depth - 2, 6)
        if rest or n < 1:
            raise InputError("depth", depth, "must be 6n + 2: 8, 14, 20, 32, 44, 56, 110")
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            self.relu = nn.ReLU()
            self.layer1 = _stage(16, 16, n)
            self.layer2 = _stage(16, 32, n)
            self.layer3 = _stage(32, 64, n)
            self.linear = nn.Linear(64, n_classes)
            for part in self.modules():
                if isinstance(part, (nn.Conv2d, nn.Linear)):
                    nn.init.kaiming_normal_(part.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits `(image, class)` from normalised images `(image, 3, height, width)`; see `preprocess`."""
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


class BasicBlock(nn.Module):
    """relu(x' + bn2(conv2(relu(bn1(conv1(x)))))), x' = x, or subsampled and padded with zero channels."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.stride, self.n_new = (1, 0) if n_in == n_out else (2, n_out - n_in)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.relu2 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.n_new:
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.n_new // 2, self.n_new // 2))
        return self.relu2(out + x)


def _stage(n_in: int, n_out: int, n_blocks: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(n_in, n_out), *(BasicBlock(n_out, n_out) for _ in range(n_blocks - 1)))


def load_resnet_cifar(path: str | Path) -> ResNetCifar:
    """The network with trained weights from a checkpoint `{"state_dict": {"module.conv1.weight": ...}}`.

    The depth and the number of classes are read off the weights; every weight must fit. Nothing but tensors is
    unpickled. The network is returned in evaluation mode.

    Raises:
        UnsafeFileError: if the file is missing, broken, or holds anything but tensors.
        InputError: if its weights are not those of such a network.
    """
    try:
        with warnings.catch_warnings():
            # Torch warns of foreign pickles before it refuses them; the error below says it once.
            warnings.simplefilter("ignore", UserWarning)
            checkpoint: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UnsafeFileError("path", str(path), "is no checkpoint that holds only tensors") from error
    weights = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else {}
    weights = {str(name).removeprefix("module."): value for name, value in weights.items()}
    n_blocks = len({name.split(".")[1] for name in weights if name.startswith("layer1.")})
    if not n_blocks or "linear.weight" not in weights:
        raise InputError("path", str(path), "holds no layer1 and linear weights of a CIFAR residual network")
    network = ResNetCifar(6 * n_blocks + 2, n_classes=len(weights["linear.weight"]))
    # Checkpoints older than torch 0.4.1 lack this counter, which plays no role in evaluation.
    own = network.state_dict()
    counters = {name: own[name] for name in own if name.endswith("num_batches_tracked") and name not in weights}
    try:
        network.load_state_dict(weights | counters, strict=True)
    except RuntimeError as error:
        raise InputError("path", str(path), f"does not fit ResNetCifar({6 * n_blocks + 2}): {error}") from error
    return network.eval()


def preprocess(images: Any) -> torch.Tensor:
    """Normalised images `(image, 3, height, width)` from bytes `(image, height, width, 3)`.

    Raises:
        InputError: if the images are not bytes of that shape.

    >>> [round(x, 2) for x in preprocess(np.full((1, 2, 2, 3), 255, np.uint8))[0, :, 0, 0].tolist()]
    [2.25, 2.43, 2.64]
    """
    images = np.array(images)  # a copy: torch warns of read-only memory
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise InputError("images", (images.shape, str(images.dtype)), "needs uint8 (image, height, width, 3)")
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
    return (scaled - mean[:, None, None]) / std[:, None, None]
