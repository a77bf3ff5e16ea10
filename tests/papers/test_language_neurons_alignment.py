import numpy as np

from multiunit.papers.language_neurons_alignment import LENGTH, WEAK, _alignment
from multiunit.tasks.synthetic_languages import random_languages


def test_parallel_sequences_say_the_same_twice():
    languages = random_languages(n_families=3, shared_surface=True)
    sequences = _alignment(languages, 20, np.random.default_rng(0))
    assert len(sequences["parallel"]) == len(sequences["monolingual"]) == 20
    half = LENGTH // 2
    for number, sequence in enumerate(sequences["parallel"]):
        weak, strong = list(WEAK.items())[number // 10]
        said = [
            np.argsort(languages.lexicon[k])[part] for k, part in ((strong, sequence[:half]), (weak, sequence[half:]))
        ]
        assert np.array_equal(*said)


def test_training_helps_the_weak_languages_at_smoke_scale(smoke_claim):
    result = smoke_claim("language-neurons-alignment")
    assert result.measured["weak_loss_after"] < result.measured["weak_loss_before"]
    assert result.control["permuted_specific"] != result.measured["specific"]
