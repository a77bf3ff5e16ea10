import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from multiunit.core import InputError, Recording
from multiunit.similarity.partial_rsa import partial_rsa
from multiunit.similarity.rsa_hierarchy import rsa_hierarchy


@pytest.fixture
def system():
    rng = np.random.default_rng(0)
    layers = {name: rng.normal(size=(25, 8)) for name in ("one", "two", "three")}
    units = {"area": ["A"] * 10 + ["B"] * 10}
    activity = np.hstack([layers["three"] @ rng.normal(size=(8, 10)), layers["two"] @ rng.normal(size=(8, 10))])
    return Recording.from_activity(activity, units=units), layers


def test_it_is_the_correlation_of_rdms_and_the_best_layer(system):
    recording, layers = system
    found = rsa_hierarchy(recording, layers, regions="area", by="spearman")
    for name, layer in layers.items():
        expected = spearmanr(pdist(recording.activity[:, 10:], "correlation"), pdist(layer, "correlation"))[0]
        assert abs(found["similarity"].sel(region="B", layer=name) - expected) < 1e-10
    assert found["preferred_layer"].values.tolist() == ["three", "two"]
    assert found["depth"].values.tolist() == [1.0, 0.5]


def test_nuisance_takes_away_what_it_explains(system):
    recording, layers = system
    nuisance = pdist(layers["three"], "correlation")
    others = {name: layer for name, layer in layers.items() if name != "three"} | {
        "mixed": layers["three"] + layers["one"]
    }
    found = rsa_hierarchy(recording, others, regions="area", nuisance=nuisance)
    plain = rsa_hierarchy(recording, others, regions="area")
    expected = partial_rsa(
        pdist(recording.activity[:, :10], "correlation"), pdist(others["mixed"], "correlation"), nuisance=nuisance
    )
    assert abs(found["similarity"].sel(region="A", layer="mixed") - expected) < 1e-10
    assert abs(expected) < plain["similarity"].sel(region="A", layer="mixed") / 2


def test_errors_name_the_argument(system):
    recording, layers = system
    with pytest.raises(InputError, match="layers="):
        rsa_hierarchy(recording, {"one": layers["one"]})
    with pytest.raises(InputError, match="layers="):
        rsa_hierarchy(recording, layers | {"two": layers["two"][:9]})
    with pytest.raises(InputError, match="regions='lobe'"):
        rsa_hierarchy(recording, layers, regions="lobe")
