import itertools

import numpy as np
import pytest
from scipy.stats import t as student

from multiunit.core import InputError
from multiunit.inference.noise_ceiling import noise_ceiling
from multiunit.similarity.compare_rdms import compare_rdms, normalised
from multiunit.similarity.rdm import rdm
from multiunit.similarity.rsa_inference import _by_copies, _by_weights, _corrected, rsa_inference

N, S = 10, 5


@pytest.fixture
def world():
    """Five subjects, three models, ten conditions; seven draws."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(N, 4))
    data = np.stack([rdm(base + rng.normal(size=(N, 4))) for _ in range(S)])
    models = np.stack([rdm(base), rdm(base[:, :2]), rdm(rng.normal(size=(N, 3)))])
    draws = [(np.bincount(rng.integers(S, size=S), minlength=S), rng.integers(N, size=N)) for _ in range(7)]
    subjects, conditions = (np.stack(side) for side in zip(*draws, strict=True))
    return data, models, subjects, np.stack([np.bincount(c, minlength=N) for c in conditions])


def loop(data, models, by, subjects, counts):
    """Everything written out: copies of subjects and of conditions."""
    out = []
    pairs = list(itertools.combinations(range(N), 2))
    for times, count in zip(subjects, counts, strict=True):
        copies = [k for k, (i, j) in enumerate(pairs) for _ in range(count[i] * count[j])]
        who = np.repeat(np.arange(len(data)), times)
        rows = data[who][:, copies]
        scores = [np.mean([compare_rdms(row, model[copies], by=by) for row in rows]) for model in models]
        ceiling = noise_ceiling(
            lambda a, b: compare_rdms(a, b, by=by), rows, normalise=lambda r: normalised(r, by=by), groups=who
        )
        out.append([*scores, ceiling.lower, ceiling.upper])
    return np.array(out)


@pytest.mark.parametrize("by", ["pearson", "cosine", "spearman", "rho_a", "tau_a", "tau_b"])
def test_every_draw_is_that_of_copies(world, by):
    data, models, subjects, counts = world
    expected = loop(data, models, by, subjects, counts)
    everyone, everything = np.ones((1, S), int), np.ones((1, N), int)
    for form in (_by_weights, _by_copies) if by in ("pearson", "cosine") else (_by_copies,):
        both, of_conditions = form(data, models, by, [subjects, everyone], counts)
        whole, of_subjects = form(data, models, by, [everyone, subjects], everything)
        np.testing.assert_allclose(both, expected, rtol=0, atol=1e-12)
        for found, way in (
            (of_conditions, (everyone.repeat(7, axis=0), counts)),
            (of_subjects, (subjects, everything.repeat(7, axis=0))),
            (whole, (everyone, everything)),
        ):
            np.testing.assert_allclose(found, loop(data, models, by, *way), rtol=0, atol=1e-12)


@pytest.mark.parametrize("by", ["whitened_cosine", "whitened_correlation"])
def test_whitened_scores_and_ceilings_of_the_data_are_the_loops(world, by):
    data, models, *_ = world
    found = rsa_inference(data, models, by=by, n_bootstraps=50)
    expected = loop(data, models, by, np.ones((1, S), int), np.ones((1, N), int))[0]
    np.testing.assert_allclose(found["score"], expected[:3], rtol=1e-10)
    np.testing.assert_allclose([found["ceiling_lower"], found["ceiling_upper"]], expected[3:], rtol=1e-10)


def test_the_answer_is_put_together_as_the_equation_says(world):
    data, models, *_ = world
    found = rsa_inference(data, {"all": models[0], "half": models[1], "none": models[2]}, n_bootstraps=60)
    rng = np.random.default_rng(0)
    subjects = np.stack([np.bincount(d, minlength=S) for d in rng.integers(S, size=(60, S))])
    counts = np.stack([np.bincount(d, minlength=N) for d in rng.integers(N, size=(60, N))])
    ones = np.ones((60, S), int), np.ones((60, N), int)
    ways = [loop(data, models, "pearson", *w) for w in [(subjects, counts), (subjects, ones[1]), (ones[0], counts)]]
    np.testing.assert_allclose(found["bootstrap_score"], ways[0][:, :3], atol=1e-12)

    def variance(column):
        both, s, c = (column(w).var(ddof=1) for w in ways)
        first, second = S / (S - 1) * s, N / (N - 1) * c
        sum_ = first + second - S * N / ((S - 1) * (N - 1)) * (both - s - c)
        return min(max(sum_, first, second), both)

    score = loop(data, models, "pearson", ones[0][:1], ones[1][:1])[0]
    for m in range(3):
        error = np.sqrt(variance(lambda w, m=m: w[:, m]))
        assert abs(float(found["standard_error"][m]) - error) < 1e-12
        assert abs(float(found["p_zero"][m]) - student.sf(score[m] / error, S - 1)) < 1e-12
        np.testing.assert_allclose(found["high"][m] - found["score"][m], student.isf(0.025, S - 1) * error, rtol=1e-9)
        gap = np.sqrt(variance(lambda w, m=m: w[:, m] - w[:, 3]))
        assert abs(float(found["p_ceiling"][m]) - 2 * student.sf(abs(score[m] - score[3]) / gap, S - 1)) < 1e-12
        for k in range(m):
            gap = np.sqrt(variance(lambda w, m=m, k=k: w[:, m] - w[:, k]))
            p = 2 * student.sf(abs(score[m] - score[k]) / gap, S - 1)
            assert abs(float(found["p_difference"][m, k]) - p) < 1e-12
    assert found["model"].values.tolist() == ["all", "half", "none"]
    assert found.attrs["degrees_of_freedom"] == 4


def test_the_correction_is_held_between_its_bounds():
    both, s, c = np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.1, 0.9]), np.array([0.3, 0.1, 0.9])
    found = _corrected([both, s, c], [1.25, 1.1])
    np.testing.assert_allclose(found, [1.25 * 0.5 + 1.1 * 0.3 - 1.375 * 0.2, 0.125, 1.0])


def test_corrections_for_many_pairs_of_models(world):
    data, models, *_ = world
    found = rsa_inference(data, models, n_bootstraps=100)
    raw, wise, q = (found[name].values for name in ("p_difference", "p_family_wise", "q_difference"))
    assert (wise >= q - 1e-15).all()
    assert (q >= raw - 1e-15).all()
    for table in (raw, wise, q):
        np.testing.assert_array_equal(table, table.T)
        np.testing.assert_array_equal(np.diag(table), 1)


def simulate(rng, *, n_subjects=8, n=16, n_units=20, shared):
    """Subjects that share a geometry of new conditions (or none), and two models that are equally good at it."""
    base = rng.normal(size=(n, 12))
    data = np.stack(
        [
            rdm(shared * base @ rng.normal(size=(12, n_units)) + 3 * rng.normal(size=(n, n_units)))
            for _ in range(n_subjects)
        ]
    )
    return data, np.stack([rdm(base[:, :6]), rdm(base[:, 6:])])


def test_the_corrected_variance_is_that_over_new_subjects_and_conditions_and_the_plain_one_is_too_large():
    rng = np.random.default_rng(0)
    rejected, corrected, plain, differences = [], [], [], []
    for _ in range(200):
        data, models = simulate(rng, shared=1.0)
        found = rsa_inference(data, models, n_bootstraps=150, random_state=rng)
        rejected.append(float(found["p_difference"][0, 1]) < 0.05)
        differences.append(float(found["difference"][0, 1]))
        corrected.append(float(found["difference_error"][0, 1]) ** 2)
        plain.append(float(found["bootstrap_score"].diff("model").var("draw", ddof=1)[0]))
    true = np.var(differences)  # the models are equally good
    assert 0.75 < np.mean(corrected) / true < 1.35
    assert np.mean(plain) > 1.2 * np.mean(corrected)
    assert np.mean(rejected) <= 0.1


def test_subjects_alone_are_the_t_test_over_subjects(world):
    data, models, *_ = world
    found = rsa_inference(data, models, resample=("subjects",), n_bootstraps=6000)
    scores = found["subject_score"].values
    np.testing.assert_allclose(found["standard_error"], scores.std(axis=0, ddof=1) / np.sqrt(S), rtol=0.05)
    assert found.attrs["degrees_of_freedom"] == S - 1
    only_conditions = rsa_inference(data, models, resample=("conditions",), n_bootstraps=50)
    assert only_conditions.attrs["degrees_of_freedom"] == N - 1


def test_same_seed_same_answer_and_two_equal_models_do_not_differ(world):
    data, models, *_ = world
    twice = models[[0, 0, 1]]
    found = rsa_inference(data, twice, n_bootstraps=50, random_state=3)
    assert found.identical(rsa_inference(data, twice, n_bootstraps=50, random_state=3))
    assert float(found["p_difference"][0, 1]) == 1


def test_perfect_models_are_sure(world):
    data, *_ = world
    same = np.tile(data[0], (4, 1))
    found = rsa_inference(same, data[:2], n_bootstraps=50)
    assert float(found["p_zero"][0]) < 1e-6
    assert float(found["p_ceiling"][0]) == 1
    for variable in found.data_vars.values():
        assert np.isfinite(variable.values).all()


def test_a_model_that_few_draws_can_tell_leaves_them_out(world):
    data, *_ = world
    odd = np.zeros(N * (N - 1) // 2)
    odd[0] = 1.0  # one pair differs: a draw needs both of its conditions
    for by in ("pearson", "spearman"):
        with pytest.raises(InputError, match="more conditions"):
            rsa_inference(data, odd, by=by, n_bootstraps=40)
    alone = rdm(np.eye(N)[:, :1])  # a draw needs the one condition that stands apart: 65 % have it
    found = [rsa_inference(data, alone, by=by, n_bootstraps=100) for by in ("pearson", "spearman")]
    assert 50 <= found[0].sizes["draw"] == found[1].sizes["draw"] < 90


def test_errors_name_the_argument(world):
    data, models, *_ = world
    for wrong, named in [
        (lambda: rsa_inference(data[:2], models), "three where subjects"),
        (lambda: rsa_inference(data[:1], models, resample=("conditions",)), "two subjects"),
        (lambda: rsa_inference(data, models, resample=("runs",)), "resample"),
        (lambda: rsa_inference(data, models, resample=()), "resample"),
        (lambda: rsa_inference(data, models, level=1.0), "level"),
        (lambda: rsa_inference(data, models[:, :10]), "not as many distances"),
        (lambda: rsa_inference(data, {"a": models[0], "b": models[1][:4]}), "one length"),
        (lambda: rsa_inference(data, {}), "at least one model"),
        (lambda: rsa_inference(data, np.ones_like(models)), "constant"),
        (lambda: rsa_inference(data * np.nan, models), "NaN"),
        (lambda: rsa_inference(data[:, :40], models[:, :40]), "number of pairs"),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
