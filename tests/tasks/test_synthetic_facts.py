import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks import synthetic_facts
from multiunit.tasks.synthetic_facts import n_tokens


def test_one_answer_a_fact_and_disjoint_subjects():
    facts = synthetic_facts()
    assert len(facts) == 8 * 40 * 3
    assert (facts.groupby(["relation", "subject"])["answer"].nunique() == 1).all()
    sides = facts.groupby("split")["subject"].unique()
    assert not set(sides["identify"]) & set(sides["evaluate"])
    assert len(sides["identify"]) == len(sides["evaluate"]) == 20


def test_prompts_determine_the_fact_but_no_word_the_relation():
    facts = synthetic_facts(random_state=3)
    prompts = facts["stimulus"].map(tuple)
    assert prompts.nunique() == len(facts)
    words = np.stack(list(facts["stimulus"]))
    words = words[words > facts["answer"].max()]
    relations = np.repeat(facts["relation"].to_numpy(), 2)
    for word in np.unique(words):
        assert len(set(relations[words == word])) >= 2


def test_objects_are_shared_between_relations():
    facts = synthetic_facts(random_state=1)
    pools = [set(g["answer"]) for _, g in facts.groupby("relation")]
    assert all(len(pool) == 12 for pool in pools)
    assert all(len(pools[i] & pools[(i + 1) % 8]) == 6 for i in range(8))


def test_vocabulary_and_seed():
    a, b, c = (synthetic_facts(random_state=s) for s in (0, 0, 1))
    assert a["answer"].tolist() == b["answer"].tolist() != c["answer"].tolist()
    tokens = np.unique(np.concatenate([*a["stimulus"], a["answer"]]))
    assert tokens.min() == 0
    assert n_tokens(a) == tokens.max() + 1


@pytest.mark.parametrize("bad", [{"n_relations": 1}, {"n_subjects": 0}, {"n_objects": 5}, {"n_templates": 0}])
def test_bad_input_is_named(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        synthetic_facts(**bad)
