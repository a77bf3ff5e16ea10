import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.cultural_facts import TASKS, cultural_facts


@pytest.fixture(scope="module")
def facts():
    return cultural_facts(random_state=3)


def test_families_share_half_of_their_customs(facts):
    asked = facts[facts["task"] == "culture"]
    custom = asked.groupby(["culture", "matter"])["answer"].first().unstack()
    same = {(a, b): int((custom.loc[a] == custom.loc[b]).sum()) for a in custom.index for b in custom.index if a < b}
    family = asked.groupby("culture")["family"].first()
    assert {n for (a, b), n in same.items() if family[a] == family[b]} == {10}
    assert {n for (a, b), n in same.items() if family[a] != family[b]} == {0}


def test_the_control_needs_the_matter_alone_and_the_mention_the_name_alone(facts):
    control, mention = (facts[facts["task"] == task] for task in ("control", "mention"))
    assert control.groupby("matter")["answer"].nunique().eq(1).all()
    assert control["answer"].nunique() == 20
    assert mention.groupby("culture")["answer"].nunique().eq(1).all()
    assert mention.groupby(mention["stimulus"].str[1])["answer"].nunique().eq(1).all()


def test_no_single_word_tells_the_task_and_every_pair_does(facts):
    asked = facts[facts["task"] != "text"]
    pair = asked["stimulus"].map(lambda prompt: (prompt[0], prompt[3]))
    assert asked.groupby(pair)["task"].nunique().eq(1).all()
    assert asked.groupby(asked["stimulus"].str[0])["task"].nunique().max() > 1


def test_what_is_evaluated_is_no_matter_and_no_wording_that_was_used_to_identify(facts):
    asked = facts[facts["task"] != "text"]
    halves = [asked[asked["split"] == split] for split in ("identify", "evaluate")]
    assert not set(halves[0]["matter"]) & set(halves[1]["matter"])
    pairs = [set(half["stimulus"].map(lambda prompt: (prompt[0], prompt[3]))) for half in halves]
    assert not pairs[0] & pairs[1]
    assert len(halves[0]) == len(halves[1]) == 3 * 6 * 4 * 10 * 2
    assert set(facts["task"]) == set(TASKS)


def test_the_draw_depends_on_the_seed_and_errors_name_the_argument():
    same, again, other = (cultural_facts(n_matters=4, random_state=seed) for seed in (1, 1, 2))
    assert (same["answer"] == again["answer"]).all()
    assert not (same["answer"] == other["answer"]).all()
    assert np.stack(list(same["stimulus"])).dtype == np.int64
    for bad in ({"n_customs": 5}, {"n_families": 7}, {"n_wordings": 3}):
        with pytest.raises(InputError, match=next(iter(bad))):
            cultural_facts(**bad)
