import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.interventions.circuit_search import circuit_search
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.head_rankings import head_rankings
from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem

WRITTEN = {"head 0.0", "head 1.0", "head 1.1"}


@pytest.fixture(scope="module")
def pairs():
    return induction_pairs(8, random_state=1)


@pytest.fixture(scope="module")
def system():
    return TorchSystem(induction_circuit(gains=(3.0, 1.5, 0.0), direct=0.0))


@pytest.fixture(scope="module")
def score(system, pairs):
    return head_rankings(system, pairs, objective=LogitDifference())["score"]


def top(score, ranking, n=3):
    return set(score["head"].values[np.argsort(-score.sel(ranking=ranking).values)[:n]])


@pytest.mark.parametrize("ranking", ["activation patching", "search"])
def test_the_written_circuit_is_at_the_top(score, ranking):
    assert top(score, ranking) == WRITTEN


def test_first_order_is_blind_to_what_saturates(score):
    """Attention of 0 or 1 has no slope, so that the head read by keys alone does not show; what writes logits does."""
    for ranking in ("attribution patching", "edge attribution"):
        assert score.sel(ranking=ranking, head="head 0.0") < 1e-6
        np.testing.assert_allclose(score.sel(ranking=ranking, head=["head 1.0", "head 1.1"]), [2 / 3, 1 / 3], atol=1e-5)


def test_the_rank_of_the_search_is_its_largest_threshold(system, pairs, score):
    heads = heads_and_mlps(system, pairs["clean"], mlps=False)["units"].to_dict()
    rank = score.sel(ranking="search")
    for threshold in (0.003, 0.1, 1.0):
        kept = circuit_search(system, pairs, threshold=threshold, components=heads)["kept"].values
        assert kept.any()
        assert rank.values[kept].min() > rank.values[~kept].max()


def test_thresholds_are_needed(system, pairs):
    with pytest.raises(InputError, match="thresholds"):
        head_rankings(system, pairs, objective=LogitDifference(), thresholds=())
