import numpy as np
import pytest
import torch

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.units.frequency_tagging import frequency_tagging, line_amplitude, tag_units, word_courses

T = np.arange(80) / 4


def planted(rng, size=1.0):
    """Thirty units of noise; 2 has a sentence line, 5 a phrase line, 7 both, and 9 one that scrambling leaves."""
    x, y = rng.normal(size=(2, 30, 80, 30))
    for unit, hz in ((2, [1]), (5, [2]), (7, [1, 2]), (9, [1, 2])):
        for f in hz:
            x[..., unit] += size * np.cos(2 * np.pi * f * T)
            if unit == 9:
                y[..., unit] += size * np.cos(2 * np.pi * f * T)
    return x, y


def test_amplitude_is_that_of_the_fourier_transform():
    x = np.random.default_rng(0).normal(size=(3, 80, 5)) + 10
    expected = np.abs(np.fft.rfft(x, axis=1))[:, [20, 40]]
    np.testing.assert_allclose(line_amplitude(x, [1.0, 2.0], sampling_rate=4.0), expected)


def test_only_units_whose_line_is_lost_by_scrambling_are_tagged():
    x, y = planted(np.random.default_rng(0))
    found = tag_units(x, y, n_permutations=200)
    assert np.argwhere(found.selected).tolist() == [[2, 0], [5, 1], [7, 0], [7, 1]]
    assert (found.amplitude[9] > found.threshold[9]).all()
    nothing = tag_units(y, y, n_permutations=200)
    assert not nothing.selected.any()


def test_the_permutation_test_is_passed_by_chance_as_often_as_it_says():
    noise = np.random.default_rng(1).normal(size=(1, 80, 2000))
    found = tag_units(noise, noise, n_permutations=400)
    assert 0.03 < (found.amplitude[:, 0] > found.threshold[:, 0]).mean() < 0.075


def test_a_rate_of_several_frequencies_is_passed_at_any():
    x, y = planted(np.random.default_rng(2))
    found = tag_units(x, y, rates={"any": (1.0, 2.0)}, n_permutations=200, least_z=1.0)
    assert np.flatnonzero(found.selected[:, 0]).tolist() == [2, 5, 7]
    assert found.amplitude.shape == (30, 1)


def test_recordings_of_a_brain_are_tagged_on_their_own_clock():
    """At 32 samples a second the same lines stand at the same rates."""
    rng = np.random.default_rng(3)
    time = 5 + np.arange(640) / 32
    x, y = rng.normal(size=(2, 12, 8, 640))
    x[:, 4] += 0.5 * np.cos(2 * np.pi * 2 * time)
    pair = [Recording.from_activity(a, site="electrode", time=time) for a in (x, y)]
    found = frequency_tagging(*pair, n_permutations=100)
    assert np.argwhere(found["selected"].values).tolist() == [[4, 1]]
    assert found["rate"].values.tolist() == ["sentence", "phrase"]
    assert found["site"].values[0] == "electrode"


def test_the_measure_keeps_its_promises():
    assert "permuting_units_permutes" in check(frequency_tagging)


def test_bad_input_is_named():
    x, y = planted(np.random.default_rng(0))
    with pytest.raises(InputError, match="control"):
        tag_units(x, y[:, :40])
    with pytest.raises(InputError, match="rates"):
        tag_units(x[:, :3], y[:, :3])
    with pytest.raises(InputError, match="rates"):
        tag_units(x, y, rates={"a": 1.0, "b": 1.001})
    with pytest.raises(InputError, match="quantile"):
        tag_units(x, y, quantile=1.0)
    x[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="experiment"):
        tag_units(torch.as_tensor(x), y)
    flat = Recording.from_activity(np.ones((3, 4)))
    with pytest.raises(InputError, match="presentation, unit, time"):
        frequency_tagging(flat, flat)
    uneven = Recording.from_activity(np.ones((2, 3, 4)), time=[0, 1, 2, 4])
    with pytest.raises(InputError, match="even clock"):
        frequency_tagging(uneven, uneven)


def test_words_are_the_means_of_their_tokens(shared_data):
    system = open_hugging_face(shared_data("lm_stories260k"))
    texts = ["little dogs like cakes", "sad girls see toys"]
    site = "model.layers.0.mlp.down_proj"
    found = word_courses(system, texts, sites=site)
    tokens = system.record(texts, site)
    assert found.activity.shape == (2, 172, 4)
    assert found.dataset["time"].values.tolist() == [0, 0.25, 0.5, 0.75]
    # "little" is one token, "dogs" are the next three, and "toys" are the last three.
    np.testing.assert_allclose(found.activity[0, :, 0], tokens.activity[0], atol=1e-6)
    np.testing.assert_allclose(found.activity[0, :, 1], tokens.activity[1:4].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.activity[1, :, 3], tokens.activity[-3:].mean(axis=0), atol=1e-6)
    with pytest.raises(InputError, match="same number of words"):
        word_courses(system, ["a b", "a b c"])
    with pytest.raises(InputError, match="longer than the window"):
        word_courses(system, [" ".join(["little"] * 600)])
