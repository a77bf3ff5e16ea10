import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.similarity.linear_cka import linear_cka
from multiunit.tasks.geometry_task import balanced_labels, geometry_task, latent_conditions


def alignment_with_targets(alignment, **options):
    y = balanced_labels(16, random_state=1)
    task = geometry_task(y, alignment=alignment, n_inputs=2000, random_state=2, **options)
    return linear_cka(task.centroids, y, debiased=False)


def test_alignment_goes_from_chance_to_one():
    # Unstructured: K = identity, <I - 1/n, y y'> = n over sqrt(n - 1) n.
    assert alignment_with_targets(0.0) == pytest.approx(1 / np.sqrt(15), abs=0.02)
    found = [alignment_with_targets(a) for a in (0.0, 0.1, 0.3, 1.0)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1.0)
    # (1 - a) I + a y y': n (1 - a) + n^2 a over n sqrt((1 - a)^2 (n - 1) + a^2 n^2 + 2 a (1 - a) n).
    a, n = 0.1, 16
    expected = (n * (1 - a) + n**2 * a) / (n * np.sqrt((1 - a) ** 2 * (n - 1) + a**2 * n**2 + 2 * a * (1 - a) * n))
    assert found[1] == pytest.approx(expected, abs=0.03)


def test_a_latent_lies_on_a_line_and_a_parity_does_not():
    z = latent_conditions(3)
    task = geometry_task(z[:, :1], latents=z, n_inputs=2000)
    assert linear_cka(task.centroids, z, debiased=False) == pytest.approx(1, abs=0.01)
    assert linear_cka(task.centroids, z[:, :1], debiased=False) == pytest.approx(1 / np.sqrt(3), abs=0.02)
    assert linear_cka(task.centroids, z[:, :1] * z[:, 1:2], debiased=False) < 1e-9
    assert task.centroids.var() == pytest.approx(1, abs=0.1)


def test_samples_scatter_around_their_centroids():
    task = geometry_task(balanced_labels(8), noise=0.3, random_state=0)
    inputs, condition = task.sample(8003, random_state=1)
    assert inputs.dtype == np.float32
    assert np.bincount(condition).tolist() == [1001] * 3 + [1000] * 5
    left = inputs - task.centroids[condition]
    assert left.std() == pytest.approx(0.3, abs=0.005)
    assert abs(left[condition == 2].mean(axis=0)).max() < 0.05


def test_labels_are_balanced_and_random():
    drawn = [balanced_labels(16, random_state=seed) for seed in range(20)]
    assert all(y.sum() == 0 and y.shape == (16, 1) for y in drawn)
    assert len({y.tobytes() for y in drawn}) > 15


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="n_conditions"):
        balanced_labels(5)
    with pytest.raises(InputError, match="n_latents"):
        latent_conditions(0)
    with pytest.raises(InputError, match="targets"):
        geometry_task(np.zeros((4, 1)))
    with pytest.raises(InputError, match="latents"):
        geometry_task(np.ones((4, 1)), latents=np.ones((3, 2)))
    with pytest.raises(InputError, match="alignment"):
        geometry_task(np.ones((4, 1)), alignment=1.5)
    with pytest.raises(InputError, match="noise"):
        geometry_task(np.ones((4, 1)), noise=-1.0)
