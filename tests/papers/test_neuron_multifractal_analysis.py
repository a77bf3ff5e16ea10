import numpy as np

from multiunit.papers.neuron_multifractal_analysis import _permuted, _random_direction, _trained
from multiunit.tasks.grammar_text import CHARACTERS, grammar_text, random_grammar


def test_checkpoints_are_those_of_the_steps_and_training_goes_on():
    texts = grammar_text(random_grammar(60), n_windows=40)
    fresh = np.stack(list(texts["stimulus"]))
    kept, accuracy = _trained(texts["stimulus"], np.array([0, 3, 30]), 1, fresh, np.random.default_rng(0))
    assert len(kept) == len(accuracy) == 3
    assert [w.shape for w in kept[0]] == [(256, 64), (64, 256)] * 3
    moved = [np.linalg.norm(kept[i][0] - kept[0][0]) for i in range(3)]
    assert 0 == moved[0] < moved[1] < moved[2]
    assert accuracy[0] < 2 / len(CHARACTERS) + 0.1 < accuracy[2]


def test_controls_keep_what_they_should():
    rng = np.random.default_rng(0)
    a, b = [rng.normal(size=(4, 3))], [rng.normal(size=(4, 3))]
    assert sorted(_permuted(a, rng)[0].ravel()) == sorted(a[0].ravel())
    away = _random_direction([a, b], rng)
    np.testing.assert_allclose(away[0][0], a[0])
    np.testing.assert_allclose(np.linalg.norm(away[1][0] - a[0]), np.linalg.norm(b[0] - a[0]))


def test_smoke_scale_runs_and_the_estimator_knows_a_lattice(smoke_claim):
    result = smoke_claim("neuron-multifractal-analysis")
    assert 1.7 < result.measured["lattice_dimension"] < 2.2
    assert result.measured["stories_width"] != result.control["stories_permuted_width"]
