import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.multiple_choice_facts import multiple_choice_facts


def test_the_letter_is_the_place_of_the_fact_and_nothing_else_tells_it():
    asked = multiple_choice_facts(random_state=0, n_orders=8)
    prompts = np.stack(asked["stimulus"])
    letters = asked["answer"] - asked["answer"].min()
    right = prompts[np.arange(len(prompts)), 2 + letters]
    truth = asked.assign(right=right).groupby("query")["right"]
    assert (truth.nunique() == 1).all()
    assert truth.first().nunique() == asked["query"].nunique() == 120
    assert (asked.groupby("query")["answer"].value_counts() == 2).all()
    options = asked.assign(options=[tuple(sorted(p[2:6])) for p in prompts]).groupby("query")["options"]
    assert (options.nunique() == 1).all()
    assert (asked.groupby("query")["stimulus"].agg(lambda p: len({tuple(x) for x in p})) == 8).all()


def test_options_come_from_the_domain():
    asked = multiple_choice_facts(n_domains=3, n_facts=6, random_state=1)
    seen = asked.groupby("domain")["stimulus"].agg(lambda p: set(np.stack(p)[:, 1:6].ravel().tolist()))
    assert not seen["d0"] & seen["d1"]
    assert len(asked) == 3 * 6 * 24


def test_the_seed_decides():
    one, same, other = (np.stack(multiple_choice_facts(random_state=s)["stimulus"]) for s in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_errors():
    for options in ({"n_domains": 0}, {"n_facts": 3}, {"n_orders": 25}):
        with pytest.raises(InputError):
            multiple_choice_facts(**options)
