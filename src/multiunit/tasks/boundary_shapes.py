"""Two-class problems in the plane that differ by the shape of the boundary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multiunit.core.errors import InputError


def boundary_shapes(
    points: np.ndarray, *, angles: Sequence[float] = (0, 45, 90, 135, 180, 225)
) -> dict[str, np.ndarray]:
    """Label points of the square [-1, 1]^2 by half-planes and by shapes that no half-plane makes.

    `half_plane_A`: x cos A + y sin A > 0, A in degrees; only 0 to 90 rise with both coordinates. `disc`: within 0.8 of
    the centre; `ring`: between 0.4 and 0.9; `two_blobs`: within 0.55 of (-0.5, -0.5) or (0.5, 0.5); `quadrants`:
    x y > 0, the exclusive or of the plane.

    Args:
        points: `(point, 2)`.
        angles: of the half-planes' normals, degrees.

    Returns:
        name -> float32 0 or 1, `(point,)`.

    Raises:
        InputError: for points that are not finite pairs.

    Source: after Wang et al., arXiv:2208.03211, who name boundaries of positive slope, closed and disconnected regions;
    the sizes are ours.

    >>> found = boundary_shapes(np.array([[0.5, 0.5], [-0.5, 0.5], [0.0, 0.1]]))
    >>> found["half_plane_135"].tolist(), found["two_blobs"].tolist(), found["ring"].tolist()
    ([0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0])
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError("points", points.shape, "needs (point, 2), finite")
    x, y = points.T
    radius = np.hypot(x, y)
    found = {}
    for angle in angles:
        # Whole degrees would leave cos(90) just above 0.
        cosine, sine = np.round([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))], 12)
        found[f"half_plane_{angle:g}"] = x * cosine + y * sine > 0
    found["disc"] = radius < 0.8
    found["ring"] = (radius > 0.4) & (radius < 0.9)
    found["two_blobs"] = np.minimum(np.hypot(x + 0.5, y + 0.5), np.hypot(x - 0.5, y - 0.5)) < 0.55
    found["quadrants"] = x * y > 0
    return {name: labels.astype(np.float32) for name, labels in found.items()}
