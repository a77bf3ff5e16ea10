import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.recall_and_comparison import TASKS, recall_and_comparison


def test_answers_follow_from_the_facts_that_recall_tells():
    prompts = recall_and_comparison(n_entities=12, n_attributes=2, n_values=4, random_state=3)
    recall = prompts[prompts["task"] == "recall"]
    assert (recall.groupby(["attribute", "x"])["answer"].nunique() == 1).all()
    value = recall.groupby(["attribute", "x"])["answer"].first()
    for row in prompts[prompts["task"] == "comparison"].itertuples():
        x, y = value[row.attribute, row.x], value[row.attribute, row.y]
        assert (row.answer, row.foil) == ((row.x, row.y) if x > y else (row.y, row.x))
    copy = prompts[prompts["task"] == "copy"]
    assert (copy["answer"] == copy["x"]).all()
    stimuli = np.stack(list(prompts["stimulus"]))
    assert (stimuli[:, 2] == prompts["x"]).all()
    assert np.unique(stimuli[:, 0]).size == len(TASKS)


def test_no_pair_stands_in_two_splits_in_either_order_and_all_facts_are_trained():
    prompts = recall_and_comparison(n_entities=15, n_values=5)
    pairs = prompts.assign(
        pair=[(a, *sorted(p)) for a, *p in zip(prompts.attribute, prompts.x, prompts.y, strict=True)]
    )
    assert (pairs.groupby("pair")["split"].nunique() == 1).all()
    shares = prompts["split"].value_counts(normalize=True)
    assert 0.65 < shares["train"] < 0.75
    assert abs(shares["identify"] - shares["evaluate"]) < 0.05
    trained = prompts[(prompts["split"] == "train") & (prompts["task"] == "recall")]
    assert len(trained.groupby(["attribute", "x"])) == 30


@pytest.mark.parametrize("options", [{"n_entities": 3}, {"n_values": 1}, {"trained": 1.0}, {"n_attributes": 0}])
def test_bad_input_is_named(options):
    with pytest.raises(InputError) as caught:
        recall_and_comparison(**options)
    assert caught.value.argument == next(iter(options))
