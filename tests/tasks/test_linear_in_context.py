import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.linear_in_context import linear_in_context


def test_answers_follow_the_rule_of_their_prompt():
    found = linear_in_context(50, n_features=3, n_pairs=6, noise=0.0)
    x, y = found.prompts[:, :, :3], found.prompts[:, :, 3]
    np.testing.assert_allclose(np.einsum("plf,pf->pl", x[:, :-1], found.coefficients), y[:, :-1], atol=1e-5)
    np.testing.assert_allclose((x[:, -1] * found.coefficients).sum(axis=1), found.targets, atol=1e-5)
    assert not y[:, -1].any()
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


def test_moments_are_those_asked_for():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    found = linear_in_context(20_000, n_features=2, n_pairs=5, noise=0.7, covariance=covariance)
    x = found.prompts[:, :, :2]
    np.testing.assert_allclose(np.cov(x.reshape(-1, 2).T), covariance, atol=0.03)
    np.testing.assert_allclose(np.cov(found.coefficients.T), np.eye(2) / 2, atol=0.02)
    noise = found.prompts[:, :-1, 2] - np.einsum("plf,pf->pl", x[:, :-1], found.coefficients)
    assert noise.std() == pytest.approx(0.7, abs=0.01)
    asked = found.targets - (x[:, -1] * found.coefficients).sum(axis=1)
    assert asked.std() == pytest.approx(0.7, abs=0.02)
    plain = linear_in_context(20_000, n_features=2, n_pairs=5).prompts[:, :, :2]
    np.testing.assert_allclose(np.cov(plain.reshape(-1, 2).T), np.eye(2), atol=0.03)


def test_prompts_are_those_of_the_seed():
    first, again, other = (linear_in_context(3, random_state=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.targets, other.targets)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("n_features", 0),
        ("n_pairs", 0),
        ("noise", -0.1),
        ("noise", np.nan),
        ("covariance", np.eye(3)),
        ("covariance", np.array([[1.0, 2.0], [2.0, 1.0]])),
        ("covariance", np.array([[1.0, 0.2], [0.0, 1.0]])),
    ],
)
def test_refuses_what_does_not_fit(name, wrong):
    with pytest.raises(InputError, match=name):
        linear_in_context(2, **{"n_features": 2, name: wrong})
    with pytest.raises(InputError, match="n_prompts"):
        linear_in_context(0)
