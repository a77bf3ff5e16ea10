"""End to end: heads are planted in a small transformer that learns the published prompts, and methods find them."""

import numpy as np
import pytest

from multiunit.interventions.head_rankings import head_rankings
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.planted_heads import fill_other_heads, only_heads
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.similarity.set_overlap import set_overlap
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.circuit_prompts import circuit_prompts, circuit_texts


@pytest.fixture(scope="module")
def score(shared_data):
    """Later years, of which one head can carry what matters; indirect objects take a minute to learn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIUNIT_DATA", str(shared_data("prompts_circuits").parent))
        prompts = circuit_prompts("greater_than")
    net = TinyTransformer(len(prompts.vocabulary), max_positions=13, width=32, n_heads=4, n_layers=2)
    with only_heads(net, [(0, 2)]):
        texts = circuit_texts(prompts, 2000)
        train_language_model(net, texts, n_steps=200, batch_size=64, learning_rate=1e-2)
    fill_other_heads(net, [(0, 2)])
    pairs = prompts.pairs.head(40).drop(columns="slots")
    return head_rankings(TorchSystem(net.eval()), pairs, objective=LogitDifference(), thresholds=(0.01, 0.1))["score"]


@pytest.mark.parametrize("ranking", ["activation patching", "attribution patching", "edge attribution", "search"])
def test_the_planted_head_is_first(score, ranking):
    values = score.sel(ranking=ranking).values
    found = set_overlap([score["head"].values[np.argmax(values)]], ["head 0.2"], n_total=8)
    assert (found.first_in_second, found.second_in_first, found.p) == (1.0, 1.0, 0.125)


def test_most_of_the_answer_passes_there(score):
    effect = score.sel(ranking="activation patching")
    assert effect.sel(head="head 0.2") > 0.5
    assert effect.values[effect["head"].values != "head 0.2"].max() < 0.2
