import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.cross_entropy_search import Categorical, Gaussian, cross_entropy_search

SPACE = {
    "x": Gaussian(0.0, 2.0),
    "y": Gaussian(1.0, 2.0),
    "kind": Categorical(("a", "b", "c", "d"), (0.25, 0.25, 0.25, 0.25)),
}


def loss(setting: dict) -> float:
    """Least at x = 3, y = -1, kind = c."""
    return (setting["x"] - 3) ** 2 + 2 * (setting["y"] + 1) ** 2 + {"a": 4, "b": 2, "c": 0, "d": 1}[setting["kind"]]


@pytest.mark.parametrize("seed", range(5))
def test_the_planted_optimum_is_found_far_better_than_by_chance(seed):
    found = cross_entropy_search(loss, SPACE, n_samples=50, n_rounds=20, random_state=seed)
    assert found.best["kind"] == "c"
    assert found.best["x"] == pytest.approx(3, abs=0.15)
    assert found.best["y"] == pytest.approx(-1, abs=0.15)
    assert found.loss == pytest.approx(loss(found.best))
    assert found.loss == found.losses.min()
    assert found.losses[-1].mean() < 0.1 * found.losses[0].mean()
    assert found.space["kind"].probabilities[2] > 0.95
    assert found.space["x"].mean == pytest.approx(3, abs=0.15)
    by_chance = cross_entropy_search(loss, SPACE, n_samples=1000, n_rounds=1, random_state=seed)
    assert found.loss < by_chance.loss


def test_one_round_moves_towards_the_elite_by_the_smoothing():
    tried = []

    def evaluate(setting: dict) -> float:
        tried.append(setting)
        return loss(setting)

    found = cross_entropy_search(evaluate, SPACE, n_samples=10, elite=0.3, n_rounds=1, smoothing=0.6)
    best = sorted(tried, key=loss)[:3]
    x = np.array([setting["x"] for setting in best])
    assert found.space["x"].mean == pytest.approx(0.6 * x.mean() + 0.4 * 0.0)
    assert found.space["x"].std == pytest.approx(0.6 * x.std() + 0.4 * 2.0)
    shares = [np.mean([setting["kind"] == kind for setting in best]) for kind in "abcd"]
    np.testing.assert_allclose(found.space["kind"].probabilities, 0.6 * np.array(shares) + 0.4 * 0.25)
    assert found.best == best[0]
    assert found.losses.shape == (1, 10)


def test_what_must_not_be_is_avoided_and_a_seed_repeats():
    a, b, c = (
        cross_entropy_search(lambda s: np.inf if s["x"] > 0 else loss(s), SPACE, random_state=seed)
        for seed in (1, 1, 2)
    )
    assert a.best["x"] <= 0
    assert a.best == b.best
    assert a.best != c.best


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("n_samples", {"n_samples": 0}),
        ("n_rounds", {"n_rounds": 0}),
        ("elite", {"elite": 0.0}),
        ("smoothing", {"smoothing": 1.5}),
        ("space", {"space": {}}),
        ("space", {"space": {"x": Gaussian(0.0, -1.0)}}),
        ("space", {"space": {"x": Categorical(("a", "b"), (0.5, 0.6))}}),
        ("evaluate", {"evaluate": lambda _: np.nan}),
    ],
)
def test_bad_input_is_named(named, options):
    with pytest.raises(InputError) as caught:
        cross_entropy_search(options.pop("evaluate", loss), options.pop("space", SPACE), **options)
    assert caught.value.argument == named
