import numpy as np
import pandas as pd
import pytest

from multiunit.core import InputError, Recording
from multiunit.statistics import TopPresentations
from multiunit.units.describe_units import (
    Describer,
    PhraseStatistics,
    best_phrases,
    column_phrases,
    context_phrases,
    describe_top,
    describe_units,
    units_labelled,
)


@pytest.fixture
def world():
    """Unit 0 follows colour, unit 1 shape, unit 2 their conjunction, unit 3 nothing and unit 4 is dead."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"colour": rng.choice(["red", "blue"], 400), "shape": rng.choice(["disc", "bar", "ring"], 400)}
    )
    red, ring = table["colour"].eq("red").to_numpy(), table["shape"].eq("ring").to_numpy()
    activity = 0.3 * rng.normal(size=(400, 5))
    activity[:, 0] += red
    activity[:, 1] += ring
    activity[:, 2] += red & ring
    activity[:, 4] = 0.0
    phrases = [{f"{c}", f"{s}", f"{c} {s}", "thing"} for c, s in zip(table["colour"], table["shape"], strict=True)]
    return Recording.from_activity(activity, site="layer"), phrases


def test_planted_phrases_are_found_and_shuffling_takes_them_away(world):
    recording, phrases = world
    found = describe_units(recording, phrases, k=20)
    assert found["label"].values[1] == "ring"
    assert found["label"].values[2] == "red ring"
    assert "red" in found["phrase"].values[0, :2]
    assert found["label"].values[4] == ""
    assert np.isnan(found["score"].values[4]).all()
    shuffled = [phrases[i] for i in np.random.default_rng(1).permutation(len(phrases))]
    other = describe_units(recording, shuffled, k=20)
    assert (other["score"].values[:3, 0] < found["score"].values[:3, 0] - 0.1).all()
    assert set(other["label"].values[:3]) == {"thing"}
    # Candidates are kept to.
    kept = describe_units(recording, phrases, k=20, candidates=["blue", "disc"])
    assert set(kept["label"].values[:4]) <= {"blue", "disc"}


def test_without_the_prior_labels_are_bland(world):
    recording, phrases = world
    plain = describe_units(recording, phrases, k=20, weight=0.0)["label"].values[:4]
    informed = describe_units(recording, phrases, k=20, weight=1.0)["label"].values[:4]
    assert "thing" in plain
    assert "thing" not in informed


def test_the_scores_are_probabilities():
    describer = PhraseStatistics([{"a"}, {"b"}, {"a", "c"}])
    assert isinstance(describer, Describer)
    shown = [{"a"}, {"a", "c"}]
    assert np.exp(describer.log_probability(["a", "b", "c", "unheard"])).sum() == pytest.approx(1.0)
    assert np.exp(describer.log_probability(["a", "b", "c", "unheard"], shown)).sum() == pytest.approx(1.0)
    assert describer.propose(shown) == ["a", "c"]


def test_streamed_exemplars_give_the_same_labels(world):
    recording, phrases = world
    statistic = TopPresentations(20)
    rows = pd.DataFrame({"sequence_id": np.arange(400), "position": 0})
    for part in np.array_split(np.arange(400), 7):
        statistic.update(recording.activity[part], rows.iloc[part])
    ids = {"unit_id": ("unit", recording.units.index.to_numpy())}
    top = statistic.result().assign_coords(ids).isel(unit=slice(4))
    found = describe_top(top, lambda i, _: phrases[i], describer=PhraseStatistics(phrases))
    whole = describe_units(recording, phrases, k=20).isel(unit=slice(4))
    assert found["label"].values.tolist() == whole["label"].values.tolist()
    np.testing.assert_allclose(found["score"], whole["score"])
    assert units_labelled(found, "^ring$") == ["layer/1"]


def test_phrases_of_tables_and_texts():
    table = pd.DataFrame({"digit": ["3"], "thin": [False], "bold": [True]})
    assert column_phrases(table, ["digit", "thin", "bold"]) == [{"digit 3", "bold"}]
    assert context_phrases(["It's late."]) == [{"it's", "late"}]
    with pytest.raises(InputError, match="colour"):
        column_phrases(table, ["colour"])


def test_what_is_refused(world):
    recording, phrases = world
    for options, match in (({"k": 0}, "k=0"), ({"k": 401}, "k=401"), ({"candidates": []}, "candidates")):
        with pytest.raises(InputError, match=match):
            describe_units(recording, phrases, **options)
    with pytest.raises(InputError, match="shown"):
        describe_units(recording, phrases[:-1])
    with pytest.raises(InputError, match="is a text"):
        PhraseStatistics(["a text"])
    with pytest.raises(InputError, match="smoothing"):
        PhraseStatistics([{"a"}], smoothing=0)
    with pytest.raises(InputError, match="no phrase holds"):
        PhraseStatistics([set()])

    class Broken:
        def log_probability(self, phrases, exemplars=None):
            return [np.nan] * len(phrases)

        def propose(self, exemplars):
            return ["a"]

    with pytest.raises(InputError, match="describer"):
        best_phrases([[1]], Broken())
    with pytest.raises(InputError, match="pattern"):
        units_labelled(describe_units(recording, phrases), "(")
