"""A fixed first stage that sees the centre of gaze sharply, and the periphery as texture or blurred."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import nn

from multiunit.core.errors import InputError

Mode = Literal["texture", "shuffle", "blur", "none"]


def pooling_windows(
    size: tuple[int, int],
    *,
    gaze: tuple[float, float] = (0.5, 0.5),
    scaling: float = 0.4,
    fovea: float = 0.15,
) -> tuple[np.ndarray, np.ndarray]:
    """Windows that grow with their distance from the gaze, and sum to 1 everywhere.

    With eccentricity e of a pixel, e0 the radius of the fovea, u = log(e / e0) / log w and w such that a ring at e is
    s e wide (full width at half height): the window of ring k = 1, 2, ... is cos^2(pi (u - k) / 2) for |u - k| < 1, 0
    elsewhere; the outermost ring goes on without end. Window 0 is the fovea: 1 up to e0, and cos^2(pi u / 2) to u = 1.
    Each ring is cut into 2 pi / s sectors, windows of the same form in polar angle. Windows without a pixel are left
    out.

    Args:
        size: height and width, pixels.
        gaze: where the eyes look, row and column as shares of the size.
        scaling: s, diameter over eccentricity.
        fovea: e0, a share of the shorter side.

    Returns:
        The windows, float32 `(window, height, width)`, and the ring of each, 0 for the fovea, `(window,)`.

    Raises:
        InputError: for a size, scaling or fovea that is not above 0, or a gaze off the image.

    Source: Freeman & Simoncelli, Nature Neuroscience 14:1195 (2011); cos^2 without a flat top and as wide as long are
    ours.

    >>> windows, ring = pooling_windows((32, 32))
    >>> bool(np.allclose(windows.sum(0), 1)), bool((windows[0, 13:19, 13:19] == 1).all()), int(ring.max())
    (True, True, 4)
    """
    height, width = size
    if min(size) < 1 or not 0 < scaling < np.inf or not 0 < fovea < np.inf:
        raise InputError("scaling", (size, scaling, fovea), "size, scaling and fovea must be above 0")
    if not all(0 <= place <= 1 for place in gaze):
        raise InputError("gaze", gaze, "is a row and a column as shares of the size, from 0 to 1")
    row = np.arange(height) + 0.5 - gaze[0] * height
    column = np.arange(width) + 0.5 - gaze[1] * width
    eccentricity = np.hypot(row[:, None], column)
    radius = fovea * min(size)
    # A ring from e / sqrt(w) to e sqrt(w) is s e wide if 2 sinh(log(w) / 2) = s.
    u = np.log(np.maximum(eccentricity, radius) / radius) / (2 * np.arcsinh(scaling / 2))
    n_rings = int(np.ceil(u.max()))
    rings = [_bump(u)]
    rings += [_bump(np.minimum(u, n_rings) - k) for k in range(1, n_rings + 1)]
    n_sectors = max(1, round(2 * np.pi / scaling))
    turn = np.arctan2(row[:, None], column) / (2 * np.pi) * n_sectors
    sectors = [_bump((turn - k + n_sectors / 2) % n_sectors - n_sectors / 2) for k in range(n_sectors)]
    if n_sectors == 1:
        sectors = [np.ones(eccentricity.shape)]
    windows, number = [rings[0]], [0]
    for k, ring in enumerate(rings[1:], 1):
        for sector in sectors:
            if (ring * sector > 1e-6).any():
                windows.append(ring * sector)
                number.append(k)
    found = np.stack(windows)
    return (found / found.sum(axis=0)).astype(np.float32), np.array(number)


def gaussian_blur(images: torch.Tensor, *, sigma: float) -> torch.Tensor:
    """Images `(..., height, width)` under a Gaussian of that standard deviation, pixels; mirrored at the borders.

    >>> gaussian_blur(torch.eye(8), sigma=0.0).equal(torch.eye(8))
    True
    """
    if not 0 <= sigma < np.inf:
        raise InputError("sigma", sigma, "must be 0 pixels or more")
    if sigma < 1e-3:
        return images
    # Filtering the rows of the identity gives the filter as a matrix, borders included.
    down, along = (
        torch.from_numpy(gaussian_filter1d(np.eye(side), sigma, axis=0)).to(images) for side in images.shape[-2:]
    )
    return down @ images @ along.T


class Foveation(nn.Module):
    """Foveate images, without anything to learn: the first stage of a system whose second stage is a network.

    Within the fovea all modes leave images as they are, and blend with what they do outside by the windows w_k.

    `texture`: local statistics are kept, the arrangement is not. Per band of a pyramid of differences of Gaussians
    (sigma 1, 2, 4, ... pixels, not subsampled), and for its residue: means m_k and covariances L_k L_k' of channels
    under each window; the band is mixed with white noise of the same band, of unit variance and given these statistics,
    g = (1 - gamma) band + gamma sum_k w_k (m_k + L_k noise), and what the mixture lost is restored: sum_k w_k (m_k +
    L_k M_k^-1 (g - n_k)) of the means n_k and covariances M_k M_k' of g. In ring k, whose middle is at e_k, gamma =
    `strength` (1 - e0 / e_k) rises with the size of the windows; without strength the image is left as it is.

    `shuffle`: pixels are permuted within each window, each pixel belonging to the window that is largest there.
    `blur`: a Gaussian per ring, sigma = `blur` (e_k - e0).

    Args:
        size: height and width, pixels.
        mode: which; `none` leaves images as they are.
        gaze, scaling, fovea: as `pooling_windows`.
        strength: of the noise in the far periphery, from 0 to 1, for `texture` alone.
        blur: sigma over eccentricity beyond the fovea, for `blur` alone.
        n_bands: of the pyramid, beside its residue.
        random_state: of the noise and the permutations, drawn anew at each call and for each image.

    Raises:
        InputError: as `pooling_windows`, and for an unknown mode, no bands, or images that do not fit.

    Source: Deza & Konkle, arXiv:2006.07991. There textures come from a trained encoder and decoder (Deza, Jonnalagadda
    & Eckstein, ICLR 2019), mixed with noise likewise; this lighter texture needs no weights and, with its gamma, is
    ours.

    >>> image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> seen = Foveation((32, 32))(image)
    >>> bool(torch.allclose(seen[..., 14:18, 14:18], image[..., 14:18, 14:18], atol=1e-5)), bool((seen != image).any())
    (True, True)
    """

    windows: torch.Tensor

    def __init__(
        self,
        size: tuple[int, int],
        *,
        mode: Mode = "texture",
        gaze: tuple[float, float] = (0.5, 0.5),
        scaling: float = 0.4,
        fovea: float = 0.15,
        strength: float = 1.0,
        blur: float = 0.1,
        n_bands: int = 3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if mode not in ("texture", "shuffle", "blur", "none"):
            raise InputError("mode", mode, "is none of texture, shuffle, blur, none")
        if n_bands < 1 or not 0 <= blur < np.inf:
            raise InputError("n_bands", (n_bands, blur), "needs a band or more, and a blur of 0 or more")
        if not 0 <= strength <= 1:
            raise InputError("strength", strength, "is a share of noise, from 0 to 1")
        windows, ring = pooling_windows(size, gaze=gaze, scaling=scaling, fovea=fovea)
        self.size, self.mode, self.n_bands = size, mode, n_bands
        growth = np.exp(2 * np.arcsinh(scaling / 2) * np.arange(ring.max() + 1))
        self.ring = ring
        self.sigma = blur * fovea * min(size) * (growth - 1)
        self.gamma = torch.from_numpy(strength * (1 - 1 / growth[ring]))
        self.register_buffer("windows", torch.from_numpy(windows))
        self.generator = torch.Generator().manual_seed(int(np.random.default_rng(random_state).integers(2**31)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images of the same shape, `(batch, channel, height, width)`."""
        if images.ndim != 4 or tuple(images.shape[2:]) != tuple(self.size):
            raise InputError("images", tuple(images.shape), f"needs (batch, channel, *{tuple(self.size)})")
        if not torch.isfinite(images).all():
            raise InputError("images", "NaN or infinity", "needs finite pixels")
        match self.mode:
            case "texture":
                # Sixteen images at a time bound the memory.
                return torch.cat([self._texture(some) for some in images.split(16)])
            case "shuffle":
                return self._shuffle(images)
            case "blur":
                return self._blur(images)
        return images

    def _texture(self, images: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(images.shape, generator=self.generator).to(images)
        outer = self.windows[1:].flatten(1).to(images)
        gamma = self.gamma[1:].to(images) @ outer
        made = torch.zeros_like(images).flatten(2)
        for band, grain in zip(_bands(images, self.n_bands), _bands(noise, self.n_bands), strict=True):
            mean, factor = _statistics(band, outer)
            mixed = (1 - gamma) * band + gamma * _mapped(grain / grain.std(), factor, mean, outer)
            mixed_mean, mixed_factor = _statistics(mixed, outer)
            mixing = factor @ torch.linalg.inv(mixed_factor)
            made += _mapped(mixed, mixing, mean - (mixing @ mixed_mean[..., None])[..., 0], outer)
        return self.windows[0].to(images) * images + made.reshape(images.shape)

    def _shuffle(self, images: torch.Tensor) -> torch.Tensor:
        owner = self.windows.argmax(0).flatten()
        flat = images.flatten(2)
        made = flat.clone()
        for k in range(1, len(self.windows)):
            places = (owner == k).nonzero()[:, 0]
            for image in range(len(images)):
                order = torch.randperm(len(places), generator=self.generator)
                made[image, :, places] = flat[image][:, places[order]]
        return made.reshape(images.shape)

    def _blur(self, images: torch.Tensor) -> torch.Tensor:
        made = torch.zeros_like(images)
        for k, sigma in enumerate(self.sigma):
            weight = self.windows[torch.as_tensor(self.ring == k)].sum(0).to(images)
            made += weight * gaussian_blur(images, sigma=float(sigma))
        return made


def _bump(u: np.ndarray) -> np.ndarray:
    return np.where(np.abs(u) < 1, np.cos(np.pi / 2 * np.clip(u, -1, 1)) ** 2, 0.0)


def _bands(images: torch.Tensor, n_bands: int) -> list[torch.Tensor]:
    """`(batch, channel, pixel)` each."""
    blurred = [images] + [gaussian_blur(images, sigma=float(2**level)) for level in range(n_bands)]
    return [(fine - coarse).flatten(2) for fine, coarse in pairwise(blurred)] + [blurred[-1].flatten(2)]


def _statistics(values: torch.Tensor, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means `(batch, window, channel)` and lower factors of covariances `(batch, window, channel, channel)`."""
    weight = (windows / windows.sum(1, keepdim=True)).T
    # Without the common mean, squares and their difference lose less to rounding.
    common = values.mean(2, keepdim=True)
    rest = values - common
    mean = (rest @ weight).transpose(1, 2)
    products = (rest[:, :, None] * rest[:, None]).flatten(1, 2) @ weight
    second = products.transpose(1, 2).unflatten(2, (values.shape[1],) * 2)
    covariance = second - mean[..., :, None] * mean[..., None, :]
    # Plain patches and grey images have no covariance to factor.
    floor = 1e-5 + 1e-3 * covariance.diagonal(dim1=-2, dim2=-1).mean(-1).clamp(min=0)
    identity = torch.eye(values.shape[1]).to(values)
    return mean + common.transpose(1, 2), torch.linalg.cholesky(covariance + floor[..., None, None] * identity)


def _mapped(values: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """sum_k w_k (matrix_k values + offset_k), `(batch, channel, pixel)`."""
    local = (matrix.flatten(2).transpose(1, 2) @ windows).unflatten(1, matrix.shape[2:])
    return (local * values[:, None]).sum(2) + offset.transpose(1, 2) @ windows
