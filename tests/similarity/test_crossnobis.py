import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.similarity.crossnobis import crossnobis
from multiunit.similarity.rdm import rdm


@pytest.fixture
def design():
    """Five conditions, four runs, two repeats in each."""
    rng = np.random.default_rng(0)
    conditions, runs = np.tile(np.arange(5), 8), np.repeat(np.arange(4), 10)
    x = rng.normal(size=(5, 6))[conditions] + rng.normal(size=(40, 6)) + 30
    order = rng.permutation(40)
    return x[order], conditions[order], runs[order]


def by_hand(x, conditions, folds, precision):
    """The definition, pair by pair."""
    names, out = np.unique(conditions), []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            differences = []
            for f in np.unique(folds):
                here = [x[(folds == f) & (conditions == c)] for c in (a, b)]
                if all(len(rows) for rows in here):
                    differences.append(here[0].mean(0) - here[1].mean(0))
            products = [
                p @ precision @ q for k, p in enumerate(differences) for m, q in enumerate(differences) if k != m
            ]
            out.append(np.mean(products))
    return np.array(out)


def test_it_is_its_definition_balanced_and_not(design):
    x, conditions, runs = design
    precision = np.linalg.inv(np.cov(x, rowvar=False) + np.eye(6))
    for keep in (np.arange(40), np.flatnonzero(~((conditions == 2) & (runs == 1)) & (np.arange(40) != 7))):
        data = x[keep], conditions[keep], runs[keep]
        found = crossnobis(data[0], conditions=data[1], folds=data[2], precision=precision)
        np.testing.assert_allclose(found, by_hand(*data, precision), rtol=1e-10, atol=1e-12)


def test_balanced_it_is_leaving_one_run_out_as_the_toolbox_does_times_units(design):
    x, conditions, runs = design
    folds = []
    for run in range(4):
        means = [
            np.stack([x[chosen & (conditions == c)].mean(0) for c in range(5)]) for chosen in (runs == run, runs != run)
        ]
        kernel = means[0] @ means[1].T
        folds.append((np.diag(kernel)[:, None] + np.diag(kernel) - kernel - kernel.T)[np.triu_indices(5, 1)])
    np.testing.assert_allclose(crossnobis(x, conditions=conditions, folds=runs), np.mean(folds, axis=0), rtol=1e-10)


def test_without_noise_it_is_the_squared_distance():
    x = np.random.default_rng(0).normal(size=(6, 4))
    precision = np.diag([1.0, 2.0, 3.0, 4.0])
    found = crossnobis(np.tile(x, (3, 1)), conditions=np.tile(np.arange(6), 3), precision=precision)
    np.testing.assert_allclose(found, rdm(x, distance="mahalanobis", precision=precision) ** 2, rtol=1e-10)


def test_noise_adds_nothing_on_average_nor_does_a_drift():
    rng = np.random.default_rng(1)
    conditions, runs = np.tile(np.arange(4), 3), np.repeat(np.arange(3), 4)
    noise = rng.normal(size=(2000, 12, 5))
    drift = 10 * rng.normal(size=(2000, 3, 5))[:, runs]
    found = np.array([crossnobis(x, conditions=conditions, folds=runs) for x in noise + drift])
    assert abs(found.mean()) < 5 * found.mean(axis=1).std() / np.sqrt(2000)
    plain = np.mean([rdm(x[:4], distance="squared_euclidean").mean() for x in noise[:100]])
    assert plain > 8  # 2 units of variance x 5 units


def test_showings_are_the_folds_where_none_are_given(design):
    x, conditions, _ = design
    seen, showing = {}, []
    for c in conditions:
        showing.append(seen.get(c, 0))
        seen[c] = showing[-1] + 1
    expected = crossnobis(x, conditions=conditions, folds=showing)
    np.testing.assert_array_equal(crossnobis(x, conditions=conditions), expected)
    np.testing.assert_array_equal(crossnobis(Recording.from_activity(x), conditions=conditions), expected)


def test_errors_name_what_is_missing(design):
    x, conditions, runs = design
    keep = ~((conditions == 2) & (runs > 1) | (conditions == 4) & (runs < 2))
    with pytest.raises(InputError, match=r"folds=\('2', '4'\).*fewer than two"):
        crossnobis(x[keep], conditions=conditions[keep], folds=runs[keep])
    with pytest.raises(InputError, match="conditions"):
        crossnobis(x, conditions=conditions[:3])
    with pytest.raises(InputError, match="at least two conditions"):
        crossnobis(x, conditions=np.zeros(40))
    with pytest.raises(InputError, match="NaN"):
        crossnobis(np.full((4, 2), np.nan), conditions=[0, 1, 0, 1])
    with pytest.raises(InputError, match="positive definite"):
        crossnobis(x, conditions=conditions, precision=np.zeros((6, 6)))
