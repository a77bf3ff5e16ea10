import numpy as np
import pytest
from scipy.stats import spearmanr

from multiunit.checks import check
from multiunit.core import InputError, Recording
from multiunit.similarity.pseudo_depth import depth_calibration, guarded_svcca, pseudo_depth, ssm, truncated
from multiunit.similarity.svcca import svcca


@pytest.fixture
def layers():
    """A chain: each layer keeps part of the one before."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(60, 12))
    two = 0.6 * one + 0.8 * rng.normal(size=(60, 12))
    three = 0.6 * two + 0.8 * rng.normal(size=(60, 12))
    return {name: x @ rng.normal(size=(12, 200)) for name, x in (("one", one), ("two", two), ("three", three))}


def test_similarity_of_similarity_matrices_is_that_of_correlation_matrices_of_images(layers):
    x, y = layers["one"][:, :30], layers["two"]
    upper = np.triu_indices(60, 1)
    expected = spearmanr(np.corrcoef(x)[upper], np.corrcoef(y)[upper])[0]
    assert abs(ssm.compare(ssm.describe(x), ssm.describe(y)) - expected) < 1e-10


def test_guarded_svcca_by_brute_force(layers):
    x, y = layers["one"], layers["two"]
    bases = [np.linalg.svd(v - v.mean(axis=0))[0][:, :4] for v in (x, y)]
    expected = np.linalg.svd(bases[0].T @ bases[1])[1].mean()
    assert abs(guarded_svcca(x, y, n_components=4) - expected) < 1e-10
    metric = truncated(4)
    assert abs(metric.compare(metric.describe(x), metric.describe(y)) - expected) < 1e-10
    assert guarded_svcca(x, x[:, :2], n_components=4) == pytest.approx(svcca(x[:, :2], bases[0], keep=1.0))


def test_guarded_svcca_keeps_the_promises_of_a_similarity():
    assert "itself_is_exact" in check(guarded_svcca)


@pytest.mark.parametrize("metric", [ssm, truncated(12)])
def test_a_population_is_placed_and_few_units_widen_the_interval(layers, metric):
    rng = np.random.default_rng(1)
    for number, layer in enumerate(layers.values()):
        noisy = layer + 0.3 * layer.std() * rng.normal(size=layer.shape)
        recording = Recording.from_activity(noisy)
        found = pseudo_depth(recording, layers, metric=metric, n_bootstraps=30)
        assert int(found["depth"]) == number
        assert found["low"] <= number <= found["high"]
        assert found["fraction"].sum() == pytest.approx(1)
        few = pseudo_depth(recording, layers, metric=metric, n_units=3, n_bootstraps=30)
        assert few["fraction"].values[number] <= found["fraction"].values[number]
        assert few["curve_error"].mean() > 2 * found["curve_error"].mean()
        np.testing.assert_allclose(few["curve"], found["curve"])


def test_centroid_is_over_layers_near_the_best():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 30, 40))
    layers = {"far": other, "same": x, "again": 2 * x}
    found = pseudo_depth(x, layers, n_bootstraps=2)
    assert float(found["centroid"]) == pytest.approx(1.5)
    assert int(found["depth"]) in (1, 2)


def test_calibration_error_falls_with_units_and_images_and_is_chance_for_permuted_images(layers):
    rng = np.random.default_rng(2)
    noisy = {name: x + 0.5 * x.std() * rng.normal(size=x.shape) for name, x in layers.items()}
    found = depth_calibration([noisy], layers, n_units=[3, 50], n_images=[15, 60], n_draws=20)
    error = found["error"].mean(("target", "layer"))
    assert error.sel(n_units=3, n_images=15) > error.sel(n_units=50, n_images=60) + 0.1
    assert error.sel(n_units=50, n_images=60) < 0.1
    assert (found["value"].sel(n_units=3) < found["value"].sel(n_units=50)).all()
    mixed = [{name: rng.permutation(x) for name, x in noisy.items()} for _ in range(8)]
    chance = depth_calibration(mixed, layers, n_units=[50], n_images=[60], n_draws=2)["error"].mean()
    assert abs(chance - 8 / 9) < 0.35


def test_whole_layers_of_all_images_are_placed_without_chance(layers):
    found = depth_calibration([layers], layers, n_units=[1000], n_images=[60], n_draws=3)
    assert found["error"].sum() == 0
    np.testing.assert_allclose(found["value"], 1)
    np.testing.assert_allclose(found["spread"], 0, atol=1e-12)
    np.testing.assert_allclose(found["place"].values.ravel(), [0, 1, 2])


def test_errors_name_the_argument(layers):
    x = layers["one"]
    for wrong, named in [
        (lambda: guarded_svcca(x, x, n_components=30), "n_components=30"),
        (lambda: pseudo_depth(x, layers, metric=truncated(30)), "n_components=30"),
        (lambda: pseudo_depth(x, {"one": x}), "layers="),
        (lambda: pseudo_depth(x[:9], layers), "layers="),
        (lambda: pseudo_depth(x, layers, n_units=0), "n_units=0"),
        (lambda: pseudo_depth(x, layers, n_bootstraps=0), "n_bootstraps="),
        (lambda: depth_calibration([{"one": x}], layers), "targets="),
        (lambda: depth_calibration([layers], layers, n_images=[61]), "n_images="),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
