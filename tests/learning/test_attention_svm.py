import numpy as np
import pytest
from sklearn.svm import SVC

from multiunit.core import InputError
from multiunit.learning.attention_svm import SeparationError, attention_svm


def problem(seed, d=6, n=4, n_tokens=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_tokens, d)), rng.normal(size=(n, d - 1)), rng.integers(n_tokens, size=n)


def constraints(x, z, selected):
    return np.array(
        [np.outer(x[i, s] - x[i, t], z[i]) for i, s in enumerate(selected) for t in range(x.shape[1]) if t != s]
    )


@pytest.mark.parametrize("seed", range(3))
def test_frobenius_agrees_with_a_hard_margin_machine_on_mirrored_constraints(seed):
    x, z, selected = problem(seed)
    found = attention_svm(x, z, selected=selected)
    rows = constraints(x, z, selected).reshape(12, -1)
    # Rows with label 1 and their negatives with label -1 leave no room for an intercept.
    machine = SVC(kernel="linear", C=1e9, tol=1e-9).fit(np.vstack([rows, -rows]), np.repeat([1, -1], 12))
    np.testing.assert_allclose(found.weights.ravel(), machine.coef_[0], atol=1e-5)


@pytest.mark.parametrize("norm", ["frobenius", "nuclear"])
@pytest.mark.parametrize("seed", range(3))
def test_optimality_conditions(seed, norm):
    x, z, selected = problem(seed)
    weights, margins, multipliers = attention_svm(x, z, selected=selected, norm=norm, tolerance=1e-8)
    i = np.arange(4)
    assert (margins[i, selected] == 0).all()
    assert (multipliers[i, selected] == 0).all()
    assert (multipliers >= 0).all()
    for sequence, s in enumerate(selected):
        np.testing.assert_allclose(margins[sequence], (x[sequence, s] - x[sequence]) @ weights @ z[sequence])
    others = np.arange(4) != selected[:, None]
    assert margins[others].min() > 1 - 1e-8
    combined = np.einsum("k,kab->ab", multipliers[others], constraints(x, z, selected))
    if norm == "frobenius":
        np.testing.assert_allclose(combined, weights, atol=1e-9)
        np.testing.assert_allclose(multipliers * (margins - 1) * others, 0, atol=1e-9)
    else:  # a dual that is feasible and as large as the primal proves both
        assert np.linalg.norm(combined, 2) < 1 + 1e-9
        assert multipliers.sum() == pytest.approx(np.linalg.norm(weights, "nuc"), rel=1e-7)


def test_each_norm_is_least_in_its_own_sense():
    x, z, selected = problem(5)
    one, other = (attention_svm(x, z, selected=selected, norm=norm).weights for norm in ("frobenius", "nuclear"))
    assert np.linalg.norm(one) < 0.99 * np.linalg.norm(other)
    assert np.linalg.norm(other, "nuc") < 0.99 * np.linalg.norm(one, "nuc")


@pytest.mark.parametrize("norm", ["frobenius", "nuclear"])
def test_scale_of_the_features_changes_the_weights_alone(norm):
    x, z, selected = problem(1)
    one = attention_svm(x, z, selected=selected, norm=norm, tolerance=1e-10)
    other = attention_svm(x * 1e-6, z * 1e-3, selected=selected, norm=norm, tolerance=1e-10)
    np.testing.assert_allclose(other.weights, one.weights * 1e9, rtol=1e-4)


@pytest.mark.parametrize("norm", ["frobenius", "nuclear"])
def test_a_token_within_the_hull_of_the_others_cannot_be_selected(norm):
    corners = np.array([[1.0, 0], [-1, 1], [-1, -1], [-0.2, 0.1]])
    with pytest.raises(SeparationError, match="selected"):
        attention_svm(corners[None], [[1.0, 2.0]], selected=[3], norm=norm)
    # Nor can two sequences with the same query ask for opposite orders.
    x = np.array([[[1.0, 0], [0, 1]], [[1.0, 0], [0, 1]]])
    with pytest.raises(SeparationError):
        attention_svm(x, np.ones((2, 1)), selected=[0, 1], norm=norm)
    assert attention_svm(x, [[1.0], [-1.0]], selected=[0, 1], norm=norm).margins.max() == pytest.approx(1)


def test_refuses_what_does_not_fit():
    x, z, selected = problem(0)
    with pytest.raises(InputError, match="queries"):
        attention_svm(x, z[:3], selected=selected)
    with pytest.raises(InputError, match="selected"):
        attention_svm(x, z, selected=[0, 1, 2, 4])
    with pytest.raises(InputError, match="norm"):
        attention_svm(x, z, selected=selected, norm="max")
    with pytest.raises(InputError, match="finite"):
        attention_svm(x * np.nan, z, selected=selected)
    with pytest.raises(InputError, match="tolerance"):
        attention_svm(x, z, selected=selected, norm="nuclear", tolerance=-1.0)
    with pytest.raises(SeparationError, match="alike"):
        attention_svm(np.ones((1, 2, 3)), np.ones((1, 3)), selected=[0])
