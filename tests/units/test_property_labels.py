import numpy as np
import pytest

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.units.property_labels import property_labels, units_following


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    columns = {"mass": rng.normal(size=400), "charge": rng.normal(size=400), "zinc": rng.random(400) < 0.3}
    noise = rng.normal(size=(400, 5))
    activity = np.c_[
        columns["mass"] + 0.3 * noise[:, 0],
        -columns["charge"] + 0.3 * noise[:, 1],
        columns["zinc"] * 3 + noise[:, 2],
        columns["mass"] - 2 * columns["charge"] + 0.1 * noise[:, 3],
        noise[:, 4],
    ]
    return Recording.from_activity(activity, units={"site": ["a", "a", "b", "b", "b"]}, presentations=columns)


def test_planted_units_get_their_labels(recording):
    found = property_labels(recording, ["mass", "charge", "zinc"])
    assert found["follows"].values[:4].tolist() == ["mass", "charge", "zinc", "charge"]
    texts = found["label"].values.tolist()
    assert texts[0].startswith("rises with mass (r = 0.9")
    assert texts[1].startswith("falls with charge")
    assert texts[2].startswith("rises with zinc")
    assert texts[3].startswith("falls with charge")
    assert "rises with mass" in texts[3]
    assert texts[4] == "follows none of the properties"
    assert (found["held_out"].values[:4] > 0.7).all()


def test_labels_of_noise_do_not_hold_on_new_presentations():
    rng = np.random.default_rng(1)
    columns = {name: rng.normal(size=60) for name in "abcdefgh"}
    recording = Recording.from_activity(rng.normal(size=(60, 300)), presentations=columns)
    found = property_labels(recording, list(columns))
    seen = np.abs(found["correlation"].values).max(axis=1)
    assert seen.mean() > 0.25
    assert abs(found["held_out"].values.mean()) < 0.05


def test_any_writer_can_write(recording):
    found = property_labels(recording, ["mass", "charge"], writer=lambda r: "/".join(r.index), n_named=1)
    assert found["label"].values.tolist() == ["mass", "charge", "", "charge", ""]


def test_units_following(recording):
    found = property_labels(recording, ["mass", "charge", "zinc"])
    best = units_following(found, "charge", n_units=2)
    ids = recording.units.index
    assert set(best.index) == {ids[1], ids[3]}
    assert (best < -0.8).all()
    with pytest.raises(InputError, match="name"):
        units_following(found, "colour", n_units=1)
    with pytest.raises(InputError, match="n_units"):
        units_following(found, "mass", n_units=6)


def test_errors(recording):
    for options, name in (
        ({"properties": []}, "properties"),
        ({"properties": ["mass", "mass"]}, "properties"),
        ({"properties": ["colour"]}, "variable"),
        ({"properties": ["mass"], "held_out": 1.0}, "held_out"),
        ({"properties": ["mass"], "held_out": 0.001}, "recording"),
    ):
        with pytest.raises(InputError, match=name):
            property_labels(recording, **options)
    flat = Recording.from_activity(np.ones((9, 1)), presentations={"mass": np.ones(9)})
    with pytest.raises(InputError, match="constant"):
        property_labels(flat, ["mass"])


def test_the_promises_of_a_measure_are_kept():
    assert "permuting_units_permutes" in check(property_labels)
