import numpy as np
import pytest

from multiunit.core import InputError, Recording
from multiunit.inference.bootstrap import bootstrap
from multiunit.inference.similarity_interval import similarity_interval
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.max_correlation import max_correlation


def systems(rng, n, n_units=6, readout=None):
    weights = np.random.default_rng(99).normal(size=(3, 2 * n_units)) if readout is None else readout
    both = rng.normal(size=(n, 3)) @ weights + rng.normal(size=(n, 2 * n_units))
    return both[:, :n_units], both[:, n_units:]


def test_the_interval_over_presentations_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = linear_cka(*systems(rng, 200_000))
    inside, high = 0, 0
    for _ in range(150):
        x, y = systems(rng, 60)
        found = similarity_interval(linear_cka, x, y=y, n_bootstraps=100, random_state=rng)
        inside += bool(found["low"] <= truth <= found["high"])
        high += bool(found["high"] < 0.99)
    assert 0.9 <= inside / 150 <= 0.99
    assert high > 100


def test_the_interval_over_units_covers_what_as_many_units_give_on_average():
    rng = np.random.default_rng(1)
    n, inside = 300, 0
    # One population of units of each kind, all shown the same.
    latent, readout = rng.normal(size=(n, 3)), rng.normal(size=(3, 4000))
    x, y = latent @ readout[:, :2000] ** 3, latent @ readout[:, 2000:] + rng.normal(size=(n, 2000))
    # The score itself changes with the number of units, which no interval of sampling can know.
    samples = [[side[:, rng.choice(2000, 60, replace=False)] for side in (x, y)] for _ in range(500)]
    truth = np.mean([linear_cka(*some) for some in samples])
    for some in samples[:100]:
        found = similarity_interval(linear_cka, some[0], y=some[1], over="unit", n_bootstraps=100, random_state=rng)
        inside += bool(found["low"] <= truth <= found["high"])
    assert 0.85 <= inside / 100 <= 0.99


def test_repeated_presentations_bias_what_halves_do_not():
    rng = np.random.default_rng(2)

    def neighbours(x, y):
        near = [((side[:, None] - side) ** 2).sum(axis=2).argsort(axis=1)[:, 1:4] for side in (x, y)]
        return float(np.mean([len(set(a) & set(b)) / 3 for a, b in zip(*near, strict=True)]))

    x, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 4))
    halves = similarity_interval(neighbours, x, y=y, n_bootstraps=50)
    assert float(halves["score"]) < 0.15
    assert float(halves["draw_value"].max()) < 0.3
    assert bootstrap(neighbours, x, y, n_bootstraps=50).draws.mean() > 0.25


def test_whole_groups_are_drawn():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(10), 20)
    x, y = (rng.normal(size=(10, 4))[groups] + 0.1 * rng.normal(size=(200, 4)) for _ in range(2))
    alone = similarity_interval(max_correlation, x, y=y, n_bootstraps=100)
    grouped = similarity_interval(max_correlation, x, y=y, groups=groups, n_bootstraps=100)
    assert float(grouped["high"] - grouped["low"]) > 2 * float(alone["high"] - alone["low"])
    seen = []
    similarity_interval(
        lambda a, b: seen.append(np.unique(a[:, 0])) or 0.0, groups[:, None], y=x, groups=groups, n_bootstraps=3
    )
    assert [len(labels) for labels in seen] == [10, 5, 5, 5]


def test_both_is_wider_than_either():
    x, y = systems(np.random.default_rng(4), 80, readout=np.random.default_rng(5).normal(size=(3, 12)))
    width = {}
    for over in ("presentation", "unit", "both"):
        found = similarity_interval(linear_cka, Recording.from_activity(x), y=y, over=over)
        width[over] = float(found["high"] - found["low"])
        assert float(found["score"]) == linear_cka(x, y)
    assert width["both"] > max(width["presentation"], width["unit"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"y": np.ones((3, 2))}, "same presentations"),
        ({"over": "subject"}, "over"),
        ({"level": 1.0}, "level"),
        ({"groups": [1, 2]}, "groups"),
        ({"groups": np.arange(20) % 3}, "needs four"),
        ({"metric": lambda a, b: np.nan}, "one finite number"),
    ],
)
def test_what_is_refused(change, named):
    x, y = systems(np.random.default_rng(0), 20)
    arguments = {"metric": linear_cka, "x": x, "y": y} | change
    with pytest.raises(InputError, match=named):
        similarity_interval(arguments.pop("metric"), arguments.pop("x"), **arguments)
