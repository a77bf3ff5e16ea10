import numpy as np
import pytest

from multiunit.circuits.connectivity import (
    AllToAll,
    DistanceDependent,
    EdgeList,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    OneToOne,
    SmallWorld,
)
from multiunit.core import InputError


def rows(wiring):
    return [wiring.post[a:b].tolist() for a, b in zip(wiring.indptr, wiring.indptr[1:], strict=False)]


@pytest.mark.parametrize(
    "rule",
    [AllToAll(), FixedProbability(0.3), FixedOutDegree(5), FixedInDegree(5), SmallWorld(4, rewiring=0.5)],
    ids=lambda rule: type(rule).__name__,
)
def test_no_unit_meets_itself_and_none_meets_another_twice(rule):
    wiring = rule.wire(40, 40, recurrent=True, rng=np.random.default_rng(1))
    for i, row in enumerate(rows(wiring)):
        assert i not in row
        assert row == sorted(set(row))
    again = rule.wire(40, 40, recurrent=True, rng=np.random.default_rng(1))
    assert (again.post == wiring.post).all()
    assert wiring.pre.tolist() == [i for i, row in enumerate(rows(wiring)) for _ in row]


def test_degrees_and_probabilities_are_those_asked_for():
    rng = np.random.default_rng(0)
    out = FixedOutDegree(7).wire(50, 300, recurrent=False, rng=rng)
    assert (np.diff(out.indptr) == 7).all()
    into = FixedInDegree(7).wire(300, 50, recurrent=False, rng=rng)
    assert (np.bincount(into.post, minlength=50) == 7).all()
    # Every target is as likely as any other: chi-squared of 700 draws on 20 columns is 19 +- 6.
    counts = np.bincount(FixedOutDegree(7).wire(100, 20, recurrent=False, rng=rng).post, minlength=20)
    assert ((counts - 35) ** 2 / 35).sum() < 19 + 4 * 6
    random = FixedProbability(0.1).wire(400, 500, recurrent=False, rng=rng)
    assert random.post.size == pytest.approx(20_000, abs=6 * np.sqrt(18_000))
    columns = np.bincount(random.post, minlength=500)
    assert columns.std() == pytest.approx(6.0, rel=0.15)
    assert FixedProbability(1.0).wire(3, 4, recurrent=False, rng=rng).post.size == 12
    assert FixedProbability(0.1).expected(400, 500) == 20_000
    assert len(set(FixedOutDegree(3, autapses=True).wire(30, 3, recurrent=True, rng=rng).post.tolist())) == 3


def test_distance_decides():
    rng = np.random.default_rng(0)
    place = rng.random((300, 2))
    rule = DistanceDependent(place, place, width=0.1, period=1.0)
    wiring = rule.wire(300, 300, recurrent=True, rng=rng)
    apart = np.abs(place[wiring.pre] - place[wiring.post])
    distance = np.linalg.norm(np.minimum(apart, 1 - apart), axis=1)
    # Density of pairs grows as d, so that the mean of d under a Gaussian profile is width * sqrt(pi / 2).
    assert distance.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.05)
    assert wiring.post.size == pytest.approx(rule.expected(300, 300), rel=0.15)
    far = DistanceDependent(place, place, width=0.1, profile="exponential").wire(300, 300, recurrent=True, rng=rng)
    assert np.linalg.norm(place[far.pre] - place[far.post], axis=1).max() > distance.max()


def test_small_worlds_lie_between_a_ring_and_chance():
    def ring_share(rewiring):
        wiring = SmallWorld(6, rewiring=rewiring).wire(100, 100, recurrent=True, rng=np.random.default_rng(0))
        apart = np.abs(wiring.pre - wiring.post)
        return (np.minimum(apart, 100 - apart) <= 3).mean()

    assert ring_share(0.0) == 1.0
    assert ring_share(0.3) == pytest.approx(0.7, abs=0.08)


def test_edges_and_matrices_keep_what_they_bring():
    matrix = np.array([[0.0, 2.0, 0.0], [1.5, 0.0, 3.0]])
    wiring = EdgeList.from_matrix(matrix).wire(2, 3, recurrent=False, rng=None)
    back = np.zeros_like(matrix)
    back[wiring.pre, wiring.post] = wiring.weight
    assert (back == matrix).all()
    assert wiring.delay is None
    both = EdgeList([0, 0], [1, 1], delay=[1e-3, 2e-3]).wire(1, 2, recurrent=False, rng=None)
    assert both.post.tolist() == [1, 1]
    assert both.delay.tolist() == [1e-3, 2e-3]
    assert rows(OneToOne().wire(3, 3, recurrent=False, rng=None)) == [[0], [1], [2]]


def test_what_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="OneToOne from 2 to 3"):
        OneToOne().wire(2, 3, recurrent=False, rng=rng)
    with pytest.raises(InputError, match="probability=0"):
        FixedProbability(0)
    with pytest.raises(InputError, match=r"degree=5.*from 1 to 4"):
        FixedOutDegree(5).wire(5, 5, recurrent=True, rng=rng)
    with pytest.raises(InputError, match="within one population"):
        SmallWorld(2, rewiring=0.1).wire(4, 4, recurrent=False, rng=rng)
    with pytest.raises(InputError, match="even degree"):
        SmallWorld(3, rewiring=0.1)
    with pytest.raises(InputError, match="post='0 to 9'"):
        EdgeList([0, 0], [0, 9]).wire(1, 5, recurrent=False, rng=rng)
    with pytest.raises(InputError, match="needs one value"):
        EdgeList([0, 0], [1]).wire(1, 5, recurrent=False, rng=rng)
    with pytest.raises(InputError, match="place for each of 3"):
        DistanceDependent(np.zeros((2, 2)), np.zeros((3, 2)), width=1.0).wire(3, 3, recurrent=False, rng=rng)
    with pytest.raises(InputError, match="profile"):
        DistanceDependent(np.zeros((2, 2)), np.zeros((2, 2)), width=1.0, profile="square")
