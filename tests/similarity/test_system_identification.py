import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from multiunit.core import InputError
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.system_identification import encoding_score, motif_auc, system_identification


def _zoo(rng, noise, names=("a", "b", "c"), n=3, n_presentations=80):
    true = {name: rng.normal(size=(n_presentations, 5)) for name in names}
    return {(name, k): z + noise * rng.normal(size=z.shape) for name, z in true.items() for k in range(n)}


def test_planted_architectures_are_identified_and_shuffled_presentations_are_not():
    rng = np.random.default_rng(0)
    nets = _zoo(rng, 0.5)
    found = system_identification(nets, nets)
    assert found["accuracy"] == 1
    np.testing.assert_array_equal(found["confusion"], 3 * np.eye(3))
    assert found["index"].min() > 0.5
    shuffled = system_identification({name: rng.permutation(x) for name, x in nets.items()}, nets)
    assert shuffled["accuracy"] < 0.7


def test_scores_index_and_decision_are_those_of_a_loop():
    rng = np.random.default_rng(1)
    nets = _zoo(rng, 3.0, n=2)
    targets = {name: x[:, :2] for name, x in nets.items()}
    found = system_identification(targets, nets, score=linear_cka)
    for t, (architecture, k) in enumerate(targets):
        own = {name: linear_cka(targets[architecture, k], x) for name, x in nets.items() if name != (architecture, k)}
        best = max(own, key=lambda name: own[name])[0]
        assert found["identified"].values[t] == best
        match = np.mean([s for name, s in own.items() if name[0] == architecture])
        other = np.mean([s for name, s in own.items() if name[0] != architecture])
        assert abs(found["index"][t] - (match - other) / (abs(match) + abs(other))) < 1e-12
    assert np.isnan(np.diag(found["score"])).all()
    assert int(np.isnan(found["score"]).sum()) == len(nets)
    assert int(found["confusion"].sum()) == len(targets)
    assert abs(found["accuracy"] - np.trace(found["confusion"]) / len(targets)) < 1e-12


def test_a_target_finds_itself_where_nothing_else_is_like_it():
    nets = {
        (name, k): np.random.default_rng([i, k]).normal(size=(50, 4)) for i, name in enumerate("abc") for k in (0, 1)
    }
    for score in (linear_cka, encoding_score):
        found = system_identification(nets, nets, score=score, itself=True)
        assert found["accuracy"] == 1
        np.testing.assert_array_equal(found["score"].argmax("candidate"), range(6))


def test_wrong_architectures_are_written_where_they_were_taken_for():
    x = np.random.default_rng(2).normal(size=(60, 4))
    z = np.random.default_rng(3).normal(size=(60, 4))
    # Every a is a b in disguise, and the other a is something else.
    nets = {("a", 0): x, ("a", 1): z, ("b", 0): x + 0.01 * z, ("b", 1): x}
    found = system_identification({("a", 0): x}, nets)
    assert found["confusion"].sel(architecture="a", identified_architecture="b") == 1
    assert found["accuracy"] == 0
    assert found["index"].item() < -0.5


def test_encoding_score_is_the_held_out_correlation_of_ridge_regression():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(40, 3))
    x = y @ rng.normal(size=(3, 4)) + 0.5 * rng.normal(size=(40, 4))
    # As many folds as presentations, a penalty that plays no role: leave-one-out by scikit-learn.
    predicted = cross_val_predict(Ridge(0.01), y, x, cv=LeaveOneOut())
    expected = np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, predicted.T, strict=True)])
    assert abs(encoding_score(x, y, n_folds=40) - expected) < 5e-3
    assert encoding_score(x, rng.normal(size=(40, 30))) < 0.3
    assert abs(encoding_score(x[:, [0]], y) - encoding_score(np.c_[x[:, 0], x[:, 0]], y)) < 1e-6


def test_a_constant_unit_of_a_target_counts_as_0():
    y = np.random.default_rng(5).normal(size=(50, 3))
    assert encoding_score(np.c_[y[:, 0], np.ones((50, 2))], y) == 0


def test_the_motif_is_seen_where_it_is_planted_and_not_where_it_is_not():
    rng = np.random.default_rng(6)
    waves, nets = rng.normal(size=(80, 4)), _zoo(rng, 0.5, names="abcd")
    motifs = {"a": "wave", "b": "wave", "c": "none", "d": "other"}
    blind = motif_auc(system_identification(nets, nets), motifs=motifs)
    with_motif = {name: np.c_[x, waves] if name[0] in "ab" else x for name, x in nets.items()}
    assert motif_auc(system_identification(with_motif, with_motif), motifs=motifs) > 0.95
    assert 0.2 < blind < 0.8


def test_bad_input_is_named():
    nets = _zoo(np.random.default_rng(7), 0.5, names="ab", n=2)
    with pytest.raises(InputError, match="targets"):
        system_identification({}, nets)
    with pytest.raises(InputError, match="candidates"):
        system_identification(nets, {("a", 0): nets["a", 0], ("b", 0): nets["b", 0]})
    with pytest.raises(InputError, match="score"):
        system_identification(nets, nets, score=lambda x, y: float("nan"))
    with pytest.raises(InputError, match="n_folds"):
        encoding_score(nets["a", 0], nets["b", 0], n_folds=1)
    found = system_identification(nets, nets)
    with pytest.raises(InputError, match="motifs"):
        motif_auc(found, motifs={"a": "wave"})
    with pytest.raises(InputError, match="motifs"):
        motif_auc(found, motifs={"a": "wave", "b": "none"})
