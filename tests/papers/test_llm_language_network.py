import numpy as np
import pytest

from multiunit.papers.llm_language_network import _accuracy, _loss, _random_units
from multiunit.tasks.minimal_pairs import grammatical_pairs, localizer_texts


@pytest.fixture
def system(shared_data):
    pytest.importorskip("transformers")
    from multiunit.systems.hugging_face import open_hugging_face

    return open_hugging_face(shared_data("lm_stories260k"))


def test_the_real_model_knows_grammar_and_sentences(system):
    assert _accuracy(system, grammatical_pairs(40), []) > 0.85
    loss = _loss(system, localizer_texts(20), [])
    assert loss["sentences"] < loss["word lists"] < loss["non-words"]


def test_random_units_are_of_the_same_sites_and_not_the_selected():
    import xarray as xr

    ids = np.array([f"{site}/{i}" for site in "ab" for i in range(30)], dtype=object)
    selected = np.zeros(60, dtype=bool)
    selected[[1, 2, 40]] = True
    found = xr.Dataset(
        {"selected": ("unit", selected)},
        {"unit_id": ("unit", ids), "site": ("unit", np.repeat(np.array(["a", "b"], dtype=object), 30))},
    )
    draws = _random_units(found, np.zeros(60), 20, np.random.default_rng(0), n_nearest=60)
    assert all(sorted(unit[0] for unit in draw) == ["a", "a", "b"] for draw in draws)
    assert not {"a/1", "a/2", "b/10"} & set(np.concatenate(draws))
    assert len(set(np.concatenate(draws))) > 20


def test_permuted_labels_find_nothing_at_smoke_scale(smoke_claim):
    pytest.importorskip("transformers")
    result = smoke_claim("llm-language-network")
    assert result.measured["share_significant"] > 0.5
    assert result.control["permuted_share_significant"] < 0.05
