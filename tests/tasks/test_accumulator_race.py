import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.accumulator_race import accumulator_race, race_accuracy, race_threshold


def in_steps(stimulus, *, n_choices, threshold, drift, noise, dt, rng):
    """The same race, step by step."""
    n = len(stimulus)
    x = np.zeros((n, n_choices))
    push = drift * dt * (np.arange(n_choices) == stimulus[:, None])
    choice, time = np.full(n, -1), np.zeros(n)
    for step in range(int(20 / dt)):
        x += push + noise * np.sqrt(dt) * rng.normal(size=x.shape)
        done = (choice < 0) & (x.max(axis=1) >= threshold)
        choice[done], time[done] = x[done].argmax(axis=1), (step + 1) * dt
        if (choice >= 0).all():
            break
    return choice, time


def test_it_is_the_race_in_steps():
    rng = np.random.default_rng(0)
    stimulus = rng.integers(3, size=12_000)
    how = dict(n_choices=3, threshold=0.8, drift=2.0, noise=0.7)
    race = accumulator_race(stimulus, **how, random_state=1)
    # Steps overshoot by about 0.58 of the deviation in one step (Siegmund 1985).
    lower = how["threshold"] - 0.5826 * how["noise"] * np.sqrt(2e-3)
    choice, time = in_steps(stimulus, **{**how, "threshold": lower}, dt=2e-3, rng=rng)
    assert (race.choice == stimulus).mean() == pytest.approx((choice == stimulus).mean(), abs=0.02)
    for q in (0.1, 0.5, 0.9):
        assert np.quantile(race.decision_time, q) == pytest.approx(np.quantile(time, q), rel=0.04)


@pytest.mark.parametrize("n_choices", [2, 5, 16])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 2.0])
def test_accuracy_is_the_integral(n_choices, threshold):
    stimulus = np.arange(40_000) % n_choices
    race = accumulator_race(stimulus, n_choices=n_choices, threshold=threshold, drift=2.0, noise=1.5)
    expected = race_accuracy(n_choices=n_choices, threshold=threshold, drift=2.0, noise=1.5)
    assert (race.choice == stimulus).mean() == pytest.approx(expected, abs=0.012)
    # Errors are as often one wrong choice as another.
    wrong = (race.choice - stimulus)[race.choice != stimulus] % n_choices
    assert np.bincount(wrong, minlength=n_choices)[1:].std() < 0.1 * len(wrong) / (n_choices - 1) + 30


def test_thresholds_keep_the_accuracy_and_time_grows_with_the_logarithm():
    times = []
    for n_choices in (2, 4, 8, 16):
        a = race_threshold(n_choices=n_choices, accuracy=0.95)
        stimulus = np.arange(20_000) % n_choices
        race = accumulator_race(stimulus, n_choices=n_choices, threshold=a)
        assert (race.choice == stimulus).mean() == pytest.approx(0.95, abs=0.01)
        times.append(race.decision_time.mean())
    steps = np.diff(times)
    assert (steps > 0).all()
    assert steps.max() < 1.5 * steps.min()


def test_only_the_ratio_of_drift_and_noise_matters():
    a = race_threshold(n_choices=4, accuracy=0.9, drift=1.0, noise=1.0)
    assert race_threshold(n_choices=4, accuracy=0.9, drift=4.0, noise=1.0) == pytest.approx(a / 4)
    assert race_threshold(n_choices=4, accuracy=0.9, drift=1.0, noise=2.0) == pytest.approx(4 * a)
    assert race_accuracy(n_choices=2, threshold=1e-6) == pytest.approx(0.5, abs=0.01)
    assert race_accuracy(n_choices=2, threshold=30.0) == pytest.approx(1.0, abs=1e-6)


def test_what_is_refused():
    good = dict(n_choices=2, threshold=1.0)
    for wrong in (np.array([0, 2]), np.array([0.0, 1.0]), np.array([[0, 1]]), np.array([-1, 0])):
        with pytest.raises(InputError, match="stimulus="):
            accumulator_race(wrong, **good)
    for name, value in (("n_choices", 1), ("threshold", 0.0), ("drift", -1.0), ("noise", np.nan)):
        with pytest.raises(InputError, match=f"{name}="):
            accumulator_race(np.array([0]), **{**good, name: value})
        with pytest.raises(InputError, match=f"{name}="):
            race_accuracy(**{**good, name: value})
    for accuracy in (0.5, 1.0, 1 - 1e-300):
        with pytest.raises(InputError, match="accuracy="):
            race_threshold(n_choices=2, accuracy=accuracy)
