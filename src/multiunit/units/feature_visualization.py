"""The images that a unit likes best, made by gradient ascent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from torch.nn.functional import conv2d, pad

from multiunit.core.edit import Replace, group_units
from multiunit.core.errors import InputError, SiteError
from multiunit.core.method import method
from multiunit.systems.capture import StopForward
from multiunit.systems.evaluated import evaluated
from multiunit.systems.torch_system import TorchSystem

Where = Literal["mean", "max", "centre"]


@dataclass(frozen=True)
class Phase:
    """One stretch of the ascent, with its regularisers; each of them is off by default.

    Args:
        n_steps: how many steps.
        step: mean change of a pixel in a step, as a share of the data range; 11 of 255 grey levels is 0.043.
        last_step: that of the last step, reached in equal decrements; `step` if not given.
        decay: share of every pixel that is lost in a step (L2 decay towards 0).
        blur: standard deviation, in pixels, of a Gaussian blur after every `blur_every` steps.
        blur_every: see there.
        total_variation: weight of the gradient of TV(x), x being scaled to a data range of 1.
        jitter: largest random shift of the image before a step, in pixels, wrapped around.
        centre: side of the centred square that may change, as a share of the image's side; nothing else does.
    """

    n_steps: int = 100
    step: float = 0.02
    last_step: float | None = None
    decay: float = 0.0
    blur: float = 0.0
    blur_every: int = 4
    total_variation: float = 0.0
    jitter: int = 0
    centre: float = 1.0

    def __post_init__(self) -> None:
        for name in ("n_steps", "blur_every"):
            if getattr(self, name) < 1:
                raise InputError(name, getattr(self, name), "at least 1")
        for name in ("step", "last_step", "decay", "blur", "total_variation", "jitter"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise InputError(name, value, "must be finite and not negative")
        if not 0 < self.centre <= 1:
            raise InputError("centre", self.centre, "a share of the image's side, above 0 and at most 1")


# Nguyen et al.: the whole image in large steps that become smaller, then its centre alone, then all once more.
CENTRE_BIASED = (
    Phase(n_steps=70, step=0.043, blur=0.5, total_variation=0.5, jitter=2),
    Phase(n_steps=55, step=0.024, total_variation=0.5, jitter=2),
    Phase(n_steps=55, step=0.004, total_variation=0.5, jitter=1),
    Phase(n_steps=15, step=0.012, total_variation=0.5, centre=0.56),
    Phase(n_steps=5, step=0.024, last_step=0.012, total_variation=0.5),
)


def total_variation_gradient(images: torch.Tensor, *, beta: float = 2.0) -> torch.Tensor:
    """d TV / d x of TV(x) = sum_ij ((x_{i,j+1} - x_ij)^2 + (x_{i+1,j} - x_ij)^2)^(beta / 2), `(image, channel, y, x)`.

    >>> spot = torch.zeros(1, 1, 3, 3).index_put((torch.tensor(0),) * 2 + (torch.tensor(1),) * 2, torch.tensor(1.0))
    >>> total_variation_gradient(spot)[0, 0].tolist()
    [[0.0, -2.0, 0.0], [-2.0, 8.0, -2.0], [0.0, -2.0, 0.0]]
    """
    x = images.detach().requires_grad_(True)
    with torch.enable_grad():
        down = pad(x.diff(dim=-2), (0, 0, 0, 1))
        right = pad(x.diff(dim=-1), (0, 1))
        squares = down**2 + right**2
        # The root of zero has no gradient.
        total = squares.sum() if beta == 2 else ((squares + 1e-12) ** (beta / 2)).sum()
        return torch.autograd.grad(total, x)[0]


def gaussian_blur(images: torch.Tensor, *, sigma: float) -> torch.Tensor:
    """Images `(image, channel, y, x)` after a Gaussian of `sigma` pixels; the borders are repeated.

    >>> gaussian_blur(torch.ones(1, 1, 4, 4), sigma=1.0).allclose(torch.ones(1, 1, 4, 4))
    True
    """
    if sigma <= 0:
        return images
    reach = max(1, round(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    flat = images.flatten(0, 1)[:, None]
    flat = conv2d(pad(flat, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])
    flat = conv2d(pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None])
    return flat[:, 0].unflatten(0, images.shape[:2])


def noise_images(
    n_images: int, shape: tuple[int, int, int], *, bounds: Any = (0.0, 1.0), random_state: Any = 0
) -> np.ndarray:
    """Grey images `(image, channel, y, x)` in the middle of the range, with noise of 3 % of it, to start from.

    Args:
        n_images: how many.
        shape: `(channel, y, x)`.
        bounds: see `feature_visualization`.
        random_state: seed or generator.

    >>> images = noise_images(2, (3, 8, 8), bounds=(-1.0, 1.0))
    >>> images.shape, bool(abs(images.mean()) < 0.02)
    ((2, 3, 8, 8), True)
    """
    low, high = _range(bounds, shape[0])
    noise = np.random.default_rng(random_state).normal(0.5, 0.03, size=(n_images, *shape))
    return (low + (high - low) * np.clip(noise, 0, 1)).astype(np.float32)


@method(kind="causal", source="arXiv:1506.06579")
def feature_visualization(
    system: TorchSystem,
    unit: str,
    *,
    start: Any,
    phases: Sequence[Phase] = CENTRE_BIASED,
    bounds: Any = (0.0, 1.0),
    where: Where = "mean",
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Change images, step by step, so that they drive one unit more: activation maximisation.

    x <- x + s R g / mean|g|,  g = mask * d a(x) / dx;  then x <- (1 - decay) (x - s R w dTV(x / R)), now and then
    blurred, clipped to the bounds, and put back to what it was outside of the mask. R is the data range, s the step.

    Args:
        system: any torch network over images `(image, channel, y, x)`; what it is edited by holds here too.
        unit: `site/index` of any site.
        start: images to start from, `(image, channel, y, x)`, as the module takes them, after any `prepare` of the
            system, such as `noise_images`.
        phases: one after the other.
        bounds: lowest and highest value of a pixel, numbers or one for each channel: normalised images have others
            than 0 and 1.
        where: a unit with a map is driven at its `mean`, its `max`, or its `centre`.
        random_state: seed or generator of the jitter.

    Returns:
        `image(picture, channel, y, x)`; `activation(picture)` of the finished image, without jitter;
        `start_activation(picture)`; `trace(picture, step)`, the activation before every step, with jitter. Attributes:
        `unit_id`, and `bounds` of each channel.

    Raises:
        SiteError: for a unit that the system does not have, or a site without activity of each image.
        InputError: for images of another shape, bounds that enclose nothing, or activity that is not finite.

    Source: Erhan et al. 2009; regularisers of Yosinski et al. 2015, arXiv:1506.06579 (decay, blur), Mahendran & Vedaldi
    2015 (total variation), Mordvintsev et al. 2015 (jitter); normalised steps and phases after the code of Nguyen et
    al. 2016, arXiv:1602.03616, whose upscaled crops around the centre are left out, and whose denoising is replaced by
    the gradient of TV: its weight and the lengths here are reconstructed for small images.

    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1, bias=False))
    >>> _ = torch.nn.init.ones_(net[0].weight)
    >>> start = np.full((1, 1, 4, 4), 0.5, dtype="float32")
    >>> found = feature_visualization(TorchSystem(net), "0/0", start=start, phases=[Phase(n_steps=50)])
    >>> found["start_activation"].item(), found["activation"].item()
    (0.5, 1.0)
    """
    site, index = _site(unit)
    x = _images(start)
    if where not in ("mean", "max", "centre"):
        raise InputError("where", where, "must be 'mean', 'max' or 'centre'")
    if not len(phases):
        raise InputError("phases", phases, "at least one")
    parameter = next(system.module.parameters(), torch.zeros(()))
    bounded = _range(bounds, x.shape[1])
    rng = np.random.default_rng(random_state)
    shifts = [rng.integers(-p.jitter, p.jitter, size=(p.n_steps, 2), endpoint=True) for p in phases]
    # Images come as the module takes them: the system's own preparation, if it has one, is not in their way.
    plain = TorchSystem(system.module)
    plain.sites(x[:1].numpy())
    objective = _Objective(plain, site, index, where)
    parts = []
    # The caller may stand in inference mode, whose tensors have no gradient.
    with torch.inference_mode(False):
        limits = [torch.as_tensor(v, dtype=parameter.dtype, device=parameter.device) for v in bounded]
        for block in x.clone().to(parameter).split(system.batch_size or 64):
            before = objective.value(block)
            images, climbed = _climb(objective, block, phases, shifts, limits)
            parts.append((images, objective.value(images), before, climbed))
    made, activation, first, trace = (torch.cat(part).float().cpu().numpy() for part in zip(*parts, strict=True))
    if not (np.isfinite(trace).all() and np.isfinite(activation).all()):
        raise InputError("unit", unit, "its activity is not finite on these images")
    return xr.Dataset(
        {
            "image": (("picture", "channel", "y", "x"), made),
            "activation": ("picture", activation),
            "start_activation": ("picture", first),
            "trace": (("picture", "step"), trace),
        },
        attrs={"unit_id": unit, "bounds": [v.ravel().tolist() for v in bounded]},
    )


def _climb(
    objective: _Objective,
    x: torch.Tensor,
    phases: Sequence[Phase],
    shifts: Sequence[np.ndarray],
    limits: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    low, high = limits
    reach = high - low
    trace = []
    for phase, moves in zip(phases, shifts, strict=True):
        mask = _centred(x, phase.centre)
        sizes = np.linspace(phase.step, phase.step if phase.last_step is None else phase.last_step, phase.n_steps)
        for number, (size, move) in enumerate(zip(sizes, moves, strict=True)):
            value, gradient = objective.gradient(x, move)
            trace.append(value)
            before = x
            gradient = gradient * mask
            mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
            # A unit that is silent here has no slope; its image stays as it is.
            x = x + size * reach * torch.where(mean > 0, gradient / mean.clamp(min=torch.finfo(x.dtype).tiny), 0)
            if phase.total_variation:
                x = x - size * phase.total_variation * reach * total_variation_gradient(x / reach)
            if phase.decay:
                x = x * (1 - phase.decay)
            if phase.blur and number % phase.blur_every == phase.blur_every - 1:
                x = gaussian_blur(x, sigma=phase.blur)
            x = torch.where(mask, torch.minimum(torch.maximum(x, low), high), before)
    return x, torch.stack(trace, dim=1)


def _centred(x: torch.Tensor, share: float) -> torch.Tensor:
    mask = torch.zeros_like(x[:1, :1], dtype=torch.bool)
    margins = [min(round((1 - share) / 2 * side), (side - 1) // 2) for side in x.shape[2:]]
    mask[:, :, margins[0] : x.shape[2] - margins[0], margins[1] : x.shape[3] - margins[1]] = True
    return mask


class _Objective:
    """The activation of one unit for each image, and its gradient; parameters get no gradient."""

    def __init__(self, system: TorchSystem, site: str, index: int, where: Where) -> None:
        self.system, self.site, self.index, self.where = system, site, index, where

    def value(self, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self._run(images)

    def gradient(self, images: torch.Tensor, move: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        x = images.detach().requires_grad_(True)
        with torch.enable_grad():
            value = self._run(torch.roll(x, (int(move[0]), int(move[1])), dims=(2, 3)))
            # An edit can hold the activity at a constant, which has no slope.
            slope = torch.autograd.grad(value.sum(), x, allow_unused=True)[0] if value.requires_grad else None
            return value.detach(), torch.zeros_like(images) if slope is None else slope

    def _run(self, images: torch.Tensor) -> torch.Tensor:
        seen: list[torch.Tensor] = []

        def look(activity: torch.Tensor) -> torch.Tensor:
            seen.append(self._driven(activity))
            raise StopForward

        edits = [Replace(self.site, look)]
        with self.system.edited(edits) as module, evaluated(module), suppress(StopForward):
            module(images)
        if len(seen[0]) != len(images):
            mend = f"the site has {len(seen[0])} rows of activity for {len(images)} images; choose another site"
            raise SiteError("unit", f"{self.site}/{self.index}", mend)
        return seen[0]

    def _driven(self, activity: torch.Tensor) -> torch.Tensor:
        if self.index >= activity.shape[-1]:
            raise SiteError("unit", f"{self.site}/{self.index}", f"the site has {activity.shape[-1]} units")
        mine = activity[..., self.index]
        if mine.ndim == 1:
            return mine
        if self.where == "centre":
            middle = np.ravel_multi_index([side // 2 for side in mine.shape[1:]], mine.shape[1:])
            return mine.flatten(1)[:, int(middle)]
        flat = mine.flatten(1)
        return flat.mean(dim=1) if self.where == "mean" else flat.amax(dim=1)


def _images(start: Any) -> torch.Tensor:
    try:
        x = start.detach().cpu() if isinstance(start, torch.Tensor) else torch.as_tensor(np.array(start, dtype=float))
    except (TypeError, ValueError) as error:
        raise InputError("start", type(start).__name__, f"are no images of one shape: {error}") from error
    if x.ndim != 4 or not x.numel() or not bool(torch.isfinite(x).all()):
        raise InputError("start", tuple(x.shape), "needs finite images (image, channel, y, x), at least one")
    return x


def _site(unit: str) -> tuple[str, int]:
    ((site, index),) = group_units([unit]).items()
    return site, int(index[0])


def _range(bounds: Any, n_channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each channel, `(channel, 1, 1)`."""
    try:
        low, high = (np.broadcast_to(np.asarray(v, dtype=float), (n_channels,))[:, None, None] for v in bounds)
    except (TypeError, ValueError) as error:
        raise InputError("bounds", bounds, f"needs (lowest, highest), numbers or {n_channels} of them") from error
    if not (low < high).all():
        raise InputError("bounds", bounds, "the lowest value must lie below the highest")
    return low.copy(), high.copy()
