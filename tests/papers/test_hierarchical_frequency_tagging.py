import numpy as np
import pandas as pd

from multiunit.papers.hierarchical_frequency_tagging import SITES, _fresh, _without_context
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.units.frequency_tagging import word_courses


def test_words_without_context_depend_on_the_word_alone(shared_data):
    system = open_hugging_face(shared_data("lm_stories260k"))
    texts = pd.DataFrame({"stimulus": ["big dogs like dogs", "dogs like big toys"]})
    alone = _without_context(system, texts).activity
    read = word_courses(system, texts, sites=SITES).activity
    np.testing.assert_allclose(alone[0, :, 1], alone[0, :, 3])
    np.testing.assert_allclose(alone[0, :, 1], alone[1, :, 0])
    np.testing.assert_allclose(alone[:, :, 0], read[:, :, 0], atol=1e-5)
    assert np.abs(read[0, :, 1] - read[0, :, 3]).max() > 0.01


def test_fresh_weights_are_other_weights(shared_data):
    system = open_hugging_face(shared_data("lm_stories260k"))
    fresh = _fresh(system, np.random.default_rng(0))
    assert fresh.describe()["n_parameters"] == system.describe()["n_parameters"]
    assert fresh.describe()["sha256"] != system.describe()["sha256"]


def test_scrambling_takes_the_phrase_line_and_another_scramble_does_not(smoke_claim):
    result = smoke_claim("hierarchical-frequency-tagging")
    assert result.measured["phrase_ratio"] > 1.5
    assert 0.8 < result.control["scrambled_phrase_ratio"] < 1.25
