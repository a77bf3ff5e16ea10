import numpy as np

from multiunit.papers.convergent_visual_transformations import _recorded, _share


def test_smoke_scale_runs_and_permuting_images_breaks_what_is_shared(smoke_claim):
    result = smoke_claim("convergent-visual-transformations")
    assert result.measured["same_region"] > result.control["chance"] + 0.05
    assert result.measured["human_cortex"] > result.control["human_cortex_chance"]
    assert result.control["inflation_drifting"] > result.control["inflation_steady"] + 0.05


def test_trials_are_numbered_and_noise_is_as_large_as_the_signal():
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(50, 200))
    stimulus = rng.permutation(np.tile(np.arange(50), 2))
    recording = _recorded([layer], stimulus, None, rng)
    assert sorted(zip(stimulus, recording.presentations["repeat"], strict=True)) == [
        (s, r) for s in range(50) for r in range(2)
    ]
    noise = recording.activity - layer[stimulus]
    assert abs(noise.var() / layer.var() - 1) < 0.05
    moved = _recorded([layer], stimulus, np.ones((100, 1)), np.random.default_rng(1)).activity
    np.testing.assert_allclose((moved - layer[stimulus]).mean(axis=0).var(), 1 + 0.01, atol=0.25)


def test_share_is_one_for_scores_that_labels_fix_and_the_chance_share_for_noise():
    label = np.repeat(np.arange(4), 25)
    assert abs(_share(np.stack([label, label == 2], axis=1).astype(float), label) - 1) < 1e-12
    assert _share(np.random.default_rng(0).normal(size=(100, 3)), label) < 0.1
