import numpy as np
import xarray as xr

from multiunit.papers.code_language_neurons import LANGUAGES, PAPER, _alignment, _pieces, _specificity, _texts


def test_specificity_is_the_own_effect_less_that_on_others():
    effect = np.array([[[3.0, 1.0, 0.0], [0.5, 0.5, 0.5], [0.0, 2.0, 1.0]]])
    effects = xr.Dataset({"effect": (("condition", "set", "task"), effect)}, {"condition": ["selected"]})
    np.testing.assert_allclose(_specificity(effects, "selected"), [2.5, 0.0, 0.0])


def test_twins_are_aligned_and_a_stranger_is_not():
    rng = np.random.default_rng(0)
    twin = rng.integers(10, size=400)
    other = rng.integers(100, 110, size=400)
    alignment = _alignment({"one": twin, "two": twin, "stranger": other})
    np.testing.assert_allclose(alignment, [0.5, 0.5, 0.0], atol=1e-6)


def test_pieces_cover_each_text_and_both_halves_hold_every_language(shared_data):
    for folder in PAPER.needs:
        shared_data(folder)
    texts = _texts()
    assert list(texts) == [*LANGUAGES, "english"]
    pieces = _pieces(texts, np.random.default_rng(0))
    counts = pieces.groupby("language")["split"].value_counts().unstack()
    assert counts.notna().all(axis=None)
    assert (counts["identify"] - counts["evaluate"]).abs().max() <= 1
    lengths = pieces["stimulus"].map(len).groupby(pieces["language"]).sum()
    assert all(len(text) - lengths[name] <= 32 for name, text in texts.items())


def test_smoke_scale_runs_without_a_verdict(smoke_claim):
    """After 30 steps nothing specific is known yet, so the claim cannot hold."""
    result = smoke_claim("code-language-neurons")
    assert result.measured["loss"] > 2.5
    assert result.measured["isolated"] < 0.03
    assert result.measured["alignment_of_isolated"] < result.measured["alignment_of_aligned"]
    assert not result.holds
