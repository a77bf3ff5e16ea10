import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from multiunit.core import Recording
from multiunit.core.errors import InputError
from multiunit.encoding import linear_probe, probe_label


def leave_one_out(x, y, fit):
    """Held-out read-outs, one presentation at a time, of a probe on standardised activity."""
    read = np.empty(len(y))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        mean, deviation = x[rest].mean(axis=0), x[rest].std(axis=0)
        read[i] = fit((x[rest] - mean) / deviation, y[rest], (x[i] - mean) / deviation)
    return read


def test_numbers_are_read_as_the_closed_form_says():
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, size=(25, 4))
    y = x @ np.array([1.0, -2.0, 0.0, 0.5]) + rng.normal(size=25)

    def ridge(z, label, held_out):
        weight = np.linalg.solve(z.T @ z + 0.7 * np.eye(4), z.T @ (label - label.mean()))
        return held_out @ weight + label.mean()

    read = leave_one_out(x, y, ridge)
    guess = (y.sum() - y) / 24
    found = probe_label(x, y, penalty=0.7, n_folds=25, n_shuffles=1)
    assert np.allclose(found.predicted, read)
    assert found.score == pytest.approx(1 - ((y - read) ** 2).sum() / ((y - guess) ** 2).sum())
    assert found.chance == 0


def test_categories_are_read_as_the_minimum_says():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 3))
    y = x[:, 0] - x[:, 1] + rng.normal(size=30) > 0

    def logistic(z, label, held_out):
        sign = np.where(label, 1.0, -1.0)

        def loss(w):
            return np.logaddexp(0, -sign * (z @ w[:3] + w[3])).sum() + 2.0 / 2 * (w[:3] ** 2).sum()

        w = minimize(loss, np.zeros(4), tol=1e-10).x
        return held_out @ w[:3] + w[3] > 0

    read = leave_one_out(x, y, logistic).astype(bool)
    found = probe_label(x, y, penalty=2.0, n_folds=30, n_shuffles=1)
    assert found.predicted.tolist() == read.tolist()
    assert found.score == (read == y).mean() < 1
    assert found.chance == max(y.mean(), 1 - y.mean())


def test_wide_activity_reads_nothing_from_labels_it_does_not_hold():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(80, 200))
    label = rng.choice(["a", "b"], size=80)
    found = probe_label(x, label)
    assert abs(found.score - 0.5) < 0.2
    assert abs(found.selectivity) < 0.2
    assert probe_label(x, rng.normal(size=80)).score < 0.2


def test_p_values_are_uniform_without_a_relation():
    rng = np.random.default_rng(3)
    p = [
        probe_label(rng.normal(size=(30, 3)), rng.normal(size=30), n_folds=3, n_shuffles=9, random_state=rng).p_value
        for _ in range(40)
    ]
    assert 0.4 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_several_categories_and_their_names_survive():
    rng = np.random.default_rng(4)
    label = rng.choice(["north", "east", "west"], size=150)
    x = pd.get_dummies(label).to_numpy(float) + rng.normal(scale=0.1, size=(150, 3))
    found = probe_label(x, label)
    assert found.predicted.tolist() == label.tolist()
    assert (found.score, found.p_value) == (1.0, 1 / 11)


def test_groups_are_held_out_together():
    rng = np.random.default_rng(5)
    session = np.repeat(np.arange(20), 10)
    # Each session has its own pattern, and a label of its own: known by heart, but never before it was seen.
    x = rng.normal(size=(20, 40))[session] + 0.01 * rng.normal(size=(200, 40))
    label = np.repeat(rng.permutation(np.arange(20) % 2), 10)
    assert probe_label(x, label, n_shuffles=1).score == 1.0
    assert probe_label(x, label, groups=session, n_shuffles=1).score < 0.8


def test_shuffling_by_type_counts_what_is_learned_by_heart():
    rng = np.random.default_rng(6)
    word = np.repeat(np.arange(20), 10)
    x = np.eye(20)[word] + 0.01 * rng.normal(size=(200, 20))
    label = np.repeat(rng.permutation(np.arange(20) % 2), 10)
    by_presentation, by_type = (probe_label(x, label, shuffle_by=types) for types in (None, word))
    assert by_presentation.score == by_type.score == 1.0
    assert by_presentation.selectivity > 0.3
    assert by_type.selectivity == 0.0


def test_a_recording_is_read_site_by_site():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(120, 6))
    columns = {"door": x[:, 1] > 0, "wall": x[:, 2] > 0.3, "depth": x[:, 4]}
    recording = Recording.from_activity(
        x, units={"site": np.array(["late"] * 3 + ["early"] * 3, dtype=object)}, presentations=columns
    )
    found = linear_probe(recording, list(columns), random_state=8)
    assert found["site"].values.tolist() == ["late", "early"]
    score = found["score"].to_pandas()
    assert score.loc["late", "door"] > 0.9
    assert score.loc["late", "wall"] > 0.9
    assert score.loc["early", "depth"] > 0.99
    assert score.loc["early", "door"] < 0.7
    assert score.loc["late", "depth"] < 0.3
    assert found["whole"].sel(site="late") > 0.85 > 0.6 > found["whole"].sel(site="early")
    seed = np.random.default_rng(8).integers(2**63)
    alone = [
        probe_label(x[:, :3], columns[name], random_state=np.random.default_rng([seed, k]))
        for k, name in enumerate(("door", "wall"))
    ]
    assert [one.score for one in alone] == score.loc["late", ["door", "wall"]].tolist()
    both = [one.predicted == columns[name] for one, name in zip(alone, ("door", "wall"), strict=True)]
    assert float(found["whole"].sel(site="late")) == np.mean(both[0] & both[1])
    assert np.allclose(found["selectivity"], found["score"] - found["shuffled"])
    assert np.isnan(linear_probe(recording, "depth")["whole"]).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"labels": np.zeros(20, dtype=int)}, "labels"),
        ({"labels": np.full(20, np.nan)}, "labels"),
        ({"labels": np.array(["a", None] * 10, dtype=object)}, "labels"),
        ({"labels": np.arange(19)}, "labels"),
        ({"labels": np.r_[1, np.zeros(19, dtype=int)]}, "labels"),
        ({"penalty": 0.0}, "penalty"),
        ({"n_folds": 1}, "n_folds"),
        ({"n_folds": 21}, "n_folds"),
        ({"n_shuffles": 0}, "n_shuffles"),
        ({"groups": np.arange(20) % 3}, "n_folds"),
        ({"groups": np.arange(5)}, "groups"),
        ({"shuffle_by": np.arange(5)}, "shuffle_by"),
    ],
)
def test_bad_arguments_are_named(change, named):
    arguments = {"activity": np.random.default_rng(0).normal(size=(20, 3)), "labels": np.arange(20) % 2} | change
    with pytest.raises(InputError, match=named):
        probe_label(**arguments)


def test_recordings_that_cannot_be_read_are_named():
    x = np.random.default_rng(0).normal(size=(20, 3))
    observed = np.ones((20, 3), dtype=bool)
    observed[2, 1] = False
    label = {"side": np.arange(20) % 2}
    with pytest.raises(InputError, match="observed"):
        linear_probe(Recording.from_activity(x, presentations=label, observed=observed), "side")
    with pytest.raises(InputError, match="variables"):
        linear_probe(Recording.from_activity(x, presentations=label), ["side", "depth"])
