import numpy as np

from multiunit.papers.universal_neurons import SITES, WINDOW, _explained, _network, _universal
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.grammar_text import grammar_text, random_grammar


def texts(seed=0):
    return grammar_text(random_grammar(), n_windows=30, window=WINDOW, random_state=seed)


def test_variance_explained_by_brute_force():
    """1 - [ (1-b) var(x|T=0) + b var(x|T=1) ] / var(x), the largest over all one-against-rest tests."""
    net, stimuli = _network(np.random.default_rng(0)), texts()
    recording = TorchSystem(net).record(stimuli, SITES)
    table = recording.presentations
    before = table.groupby("sequence_id")["token_id"].shift(fill_value=-1)
    found = _explained(net, stimuli)
    for unit in (0, 300):
        x = recording.activity[:, unit].astype(float)
        best = 0.0
        for column in (table["token_id"], before, table["position"]):
            for value in column.unique():
                is_so = (column == value).to_numpy()
                within = is_so.mean() * x[is_so].var() + (~is_so).mean() * x[~is_so].var()
                best = max(best, 1 - within / x.var())
        assert np.isclose(found[unit], best, atol=1e-6)


def test_a_network_and_its_copy_share_all_units():
    net = _network(np.random.default_rng(0))
    found = _universal([net, net], texts(), np.random.default_rng(0))
    assert np.allclose(found["correlation"], 1.0)


def test_other_texts_destroy_the_match():
    net, rng = _network(np.random.default_rng(0)), np.random.default_rng(0)
    found = _universal([net, net], texts(), rng, texts(seed=1))
    assert found["correlation"].max() < 0.999


def test_smoke_scale_leaves_the_control_below_one_percent(smoke_claim):
    result = smoke_claim("universal-neurons")
    assert result.control["untrained_share"] < 0.01
    assert result.measured["mean_excess"] > result.control["untrained_mean_excess"]
