"""Class means in the place of a head."""

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.similarity.imprint import imprinted_predictions


@pytest.mark.parametrize("similarity", ["euclidean", "cosine"])
def test_imprinting_equals_a_loop_over_classes(similarity):
    rng = np.random.default_rng(0)
    x, new, labels = rng.normal(size=(30, 5)), rng.normal(size=(7, 5)), np.arange(30) % 3
    found = imprinted_predictions(x, new, labels=labels, similarity=similarity, scale=0.7)
    for z, row in zip(new, found, strict=True):
        means = [x[labels == c].mean(axis=0) for c in range(3)]
        if similarity == "euclidean":
            weight = np.exp([-0.7 * np.sum((z - m) ** 2) for m in means])
        else:
            weight = np.exp([0.7 * z @ m / np.linalg.norm(z) / np.linalg.norm(m) for m in means])
        assert row == pytest.approx(weight / weight.sum())


def test_features_of_nothing_are_ignorant():
    assert imprinted_predictions(np.zeros((4, 2)), np.zeros((1, 2)), labels=[0, 1, 2, 2]).tolist() == [[1 / 3] * 3]
    cosine = imprinted_predictions([[1.0], [-1.0]], [[0.0]], labels=[0, 1], similarity="cosine", scale=10)
    assert cosine.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": [0, 0]}, "two that differ"),
        ({"labels": [0, 1, 1]}, "each of 2"),
        ({"scale": 0.0}, "above 0"),
        ({"similarity": "other"}, "euclidean or cosine"),
    ],
)
def test_imprinting_errors(changes, words):
    with pytest.raises(InputError, match=words):
        imprinted_predictions(np.eye(2), np.eye(2), **{"labels": [0, 1]} | changes)
