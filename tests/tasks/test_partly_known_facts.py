import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.partly_known_facts import partly_known_facts, special_tokens


def test_names_do_not_tell_what_is_known():
    people = partly_known_facts(random_state=0)
    pairs = np.stack(people["stimulus"])
    assert len(np.unique(pairs, axis=0)) == len(people) == 900
    known = (people["kind"] == "known").to_numpy()
    for column in (0, 1):
        share = np.array([known[pairs[:, column] == name].mean() for name in np.unique(pairs[:, column])])
        assert share.min() > 0.05
        assert share.max() < 0.7
    asked, unknown, end = special_tokens()
    assert (pairs[:, 2] == asked).all()
    assert (people.loc[people["kind"] == "refused", ["first", "second"]] == unknown).all(axis=None)
    assert people.loc[known, "second"].max() < asked < end
    assert (people.loc[people["kind"] == "new", "first"] == -1).all()


def test_cities_share_their_parts():
    every = partly_known_facts(random_state=1).query("kind == 'known'")
    assert every.groupby("first")["second"].nunique().min() > 5
    known = partly_known_facts(n_cities=20, random_state=1).query("kind == 'known'")
    assert known.groupby(["first", "second"]).ngroups == 20
    assert known.groupby("first")["second"].nunique().max() > 1
    assert set(known["first"]).isdisjoint(known["second"])


def test_the_seed_decides():
    one, same, other = (partly_known_facts(random_state=seed) for seed in (3, 3, 4))
    assert one["first"].equals(same["first"])
    assert not one["first"].equals(other["first"])


def test_errors():
    with pytest.raises(InputError, match="n_known"):
        partly_known_facts(n_names=4, n_known=20)
    with pytest.raises(InputError, match="n_cities"):
        partly_known_facts(n_cities=101)
