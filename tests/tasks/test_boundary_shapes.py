import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.boundary_shapes import boundary_shapes


def rises(points, labels):
    """No point of class 1 lies under one of class 0 in both coordinates."""
    low, high = points[labels == 1], points[labels == 0]
    return not (low[:, None] <= high[None]).all(axis=2).any()


def test_only_half_planes_between_the_axes_rise():
    points = np.random.default_rng(0).uniform(-1, 1, size=(500, 2))
    shapes = boundary_shapes(points)
    assert [name for name, labels in shapes.items() if rises(points, labels)] == [
        "half_plane_0",
        "half_plane_45",
        "half_plane_90",
    ]


def test_areas():
    points = np.random.default_rng(0).uniform(-1, 1, size=(40000, 2))
    share = {name: labels.mean() for name, labels in boundary_shapes(points, angles=[30]).items()}
    expected = {
        "half_plane_30": 0.5,
        "disc": np.pi * 0.64 / 4,
        "ring": np.pi * (0.81 - 0.16) / 4,
        "two_blobs": None,
        "quadrants": 0.5,
    }
    assert list(share) == list(expected)
    for name, area in expected.items():
        if area is not None:
            assert share[name] == pytest.approx(area, abs=0.01)
    # Each blob hangs over two edges of the square by a little, and they do not meet.
    assert 0.42 < share["two_blobs"] < 2 * np.pi * 0.55**2 / 4


def test_refuses_what_is_no_plane():
    with pytest.raises(InputError, match="points"):
        boundary_shapes(np.zeros((4, 3)))
