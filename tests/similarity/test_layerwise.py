import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.similarity.layerwise import BATTERY, layerwise
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.pwcca import pwcca


@pytest.fixture
def systems():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 8)) * np.geomspace(1, 4, 8)
    turned = x @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    return {"early": rng.normal(size=(500, 5)), "late": x}, {"same": x[:, ::-1], "turned": turned}


def test_every_cell_holds_its_measure(systems):
    found = layerwise(*systems, n_nulls=2)
    assert dict(found.sizes) == {"measure": len(BATTERY), "layer": 2, "other_layer": 2}
    for layer, x in systems[0].items():
        for other, y in systems[1].items():
            for name, measure in BATTERY.items():
                value = found["similarity"].sel(measure=name, layer=layer, other_layer=other)
                assert abs(float(value) - measure(x, y)) < 1e-10


def test_the_nulls_tell_units_from_spaces_and_both_from_chance(systems):
    found = layerwise(*systems, random_state=1).sel(layer="late")
    unit, whole = (found.sel(measure=name) for name in ("max_correlation", "linear_cka"))
    np.testing.assert_allclose(whole["similarity"], 1, atol=1e-8)
    np.testing.assert_allclose(whole["rotated"], whole["similarity"], atol=1e-8)
    assert float(abs(whole["shuffled"]).max()) < 0.05
    same, turned = (unit.sel(other_layer=other) for other in ("same", "turned"))
    assert float(same["similarity"] - same["rotated"]) > 0.2
    assert abs(float(turned["similarity"] - turned["rotated"])) < 0.1
    assert float(unit["shuffled"].max()) < 0.2


def test_own_measures_are_taken_and_nothing_else_is(systems):
    found = layerwise(*systems, measures={"cka": linear_cka, "pw": pwcca}, n_nulls=1)
    assert found["measure"].values.tolist() == ["cka", "pw"]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"n_nulls": 0}, "n_nulls"), ({"measures": {}}, "at least one"), ({"other_layers": {}}, "at least one")],
)
def test_nothing_to_do_is_named(systems, change, named):
    arguments = {"layers": systems[0], "other_layers": systems[1]} | change
    with pytest.raises(InputError, match=named):
        layerwise(**arguments)


def test_layers_of_other_presentations_are_named(systems):
    with pytest.raises(InputError, match="same presentations"):
        layerwise(systems[0], {"short": np.ones((3, 2))})
