"""Patching against a circuit written by hand, whose every effect is known."""

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.interventions.activation_patching import activation_patching
from multiunit.interventions.attribution_patching import attribution_patching
from multiunit.interventions.circuit_search import circuit_search
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.edge_attribution import edge_attribution
from multiunit.interventions.faithfulness import faithfulness
from multiunit.interventions.head_scan import head_scan
from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.interventions.path_patching import path_patching
from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem

GAINS, DIRECT = (3.0, 1.5), 2.0
SPAN = 2 * sum(GAINS) + DIRECT
# By hand, as `induction_pairs` says.
TOTAL = {"head 0.0": 2 * sum(GAINS) / SPAN, "head 0.1": DIRECT / SPAN, "mlp 0": 0.0}
TOTAL |= {"head 1.0": 2 * GAINS[0] / SPAN, "head 1.1": 2 * GAINS[1] / SPAN, "mlp 1": 0.0}


@pytest.fixture(scope="module")
def pairs():
    return induction_pairs(12, random_state=1)


@pytest.fixture(scope="module")
def system():
    return TorchSystem(induction_circuit(gains=GAINS, direct=DIRECT), batch_size=64)


def test_the_prompts_are_ragged_and_answered(system, pairs):
    assert pairs["clean"].map(len).nunique() > 2
    found = head_scan(system, pairs, objective=LogitDifference())
    np.testing.assert_allclose(found["clean"], sum(GAINS) + DIRECT, atol=1e-5)
    np.testing.assert_allclose(found["corrupted"], -sum(GAINS), atol=1e-5)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_activation_patching_gives_the_known_effects(system, pairs, direction):
    found = activation_patching(system, pairs, objective=LogitDifference(), direction=direction)
    effect = found["effect"].sel(position="all").to_series()
    np.testing.assert_allclose(effect.to_numpy(), [TOTAL[name] for name in effect.index], atol=1e-5)


def test_positions_are_told_apart(system, pairs):
    """Heads of layer 1 act at the last token; head 0.0 acts where 1 and 3 stand, at each of them for one half."""
    answers, foils = ({k: [int(np.flatnonzero(p == t)[0])] for k, p in enumerate(pairs["clean"])} for t in (1, 3))
    where = {"last": [-1], "first": [0], "answer": answers, "foil": foils}
    effect = activation_patching(system, pairs, objective=LogitDifference(), positions=where)["effect"]
    assert abs(float(effect.sel(component="head 1.0", position="last")) - TOTAL["head 1.0"]) < 1e-5
    assert abs(float(effect.sel(component="head 1.0", position="first"))) < 1e-5
    both = effect.sel(component="head 0.0", position=["answer", "foil"]).values
    np.testing.assert_allclose(both, sum(GAINS) / SPAN, atol=1e-5)
    first_order = attribution_patching(system, pairs, objective=LogitDifference(), positions=where)["effect"]
    assert abs(float(first_order.sel(component="head 1.0", position="last")) - TOTAL["head 1.0"]) < 1e-5
    assert abs(float(first_order.sel(component="head 1.0", position="foil"))) < 1e-5


def test_head_scan_agrees_and_ablation_is_known(system, pairs):
    noise, denoise = (head_scan(system, pairs, objective=LogitDifference(), how=how) for how in ("noise", "denoise"))
    expected = [[TOTAL["head 0.0"], TOTAL["head 0.1"]], [TOTAL["head 1.0"], TOTAL["head 1.1"]]]
    np.testing.assert_allclose(noise["effect"], expected, atol=1e-5)
    np.testing.assert_allclose(denoise["effect"], expected, atol=1e-5)
    zero = head_scan(system, pairs, objective=LogitDifference(), how="zero")
    # Without head 0.0, or without a head of layer 1, its own logits are lost and no others gained.
    np.testing.assert_allclose(zero["change"][1], [-GAINS[0], -GAINS[1]], atol=1e-5)
    np.testing.assert_allclose(zero["change"][0], [-sum(GAINS), -DIRECT], atol=1e-5)
    np.testing.assert_allclose(zero["effect"], -zero["change"] / SPAN, atol=1e-5)


def test_path_patching_tells_direct_from_indirect(system, pairs):
    table = heads_and_mlps(system, pairs["clean"])
    units = table["units"].to_dict()
    direct = path_patching(system, pairs, objective=LogitDifference(), senders=units)["effect"].sel(receiver="output")
    expected = [0.0, TOTAL["head 0.1"], 0.0, TOTAL["head 1.0"], TOTAL["head 1.1"], 0.0]
    np.testing.assert_allclose(direct, expected, atol=1e-5)
    heard = {name: units[name] for name in ("head 0.0", "head 1.0", "head 1.1")}
    for freeze in (False, True):
        found = path_patching(
            system, pairs, objective=LogitDifference(), senders=units, receivers=heard, freeze_mlps=freeze
        )["effect"]
        expected = np.zeros((6, 3))
        expected[0, 1:] = TOTAL["head 1.0"], TOTAL["head 1.1"]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_previous_token_is_read_as_a_key(system, pairs):
    inner = with_inner_sites(system, pairs["clean"])
    site = "layers.1.attention.output"
    parts = {part: inner.head_units(site, head=0, part=part) for part in ("query", "key", "value")}
    found = path_patching(system, pairs, objective=LogitDifference(), receivers=parts)["effect"]
    np.testing.assert_allclose(found.sel(sender="head 0.0"), [0.0, TOTAL["head 1.0"], 0.0], atol=1e-5)
    np.testing.assert_allclose(found.sel(sender="head 0.1"), 0.0, atol=1e-5)


def test_edges_that_are_linear_are_exact(system, pairs):
    found = edge_attribution(system, pairs, objective=LogitDifference())["effect"]
    names = ["head 0.0", "head 0.1", "head 1.0", "head 1.1"]
    expected = [0.0, TOTAL["head 0.1"], TOTAL["head 1.0"], TOTAL["head 1.1"]]
    np.testing.assert_allclose(found.sel(sender=names, receiver="output"), expected, atol=1e-5)
    assert np.isnan(found.sel(sender="head 1.0", receiver="attention 1"))
    assert np.isfinite(found.sel(sender="head 1.0", receiver="mlp 1"))


@pytest.mark.parametrize("objective", [None, LogitDifference()])
def test_the_search_keeps_the_circuit(pairs, objective):
    lone = TorchSystem(induction_circuit(gains=(3.0, 0.0), direct=0.0))
    found = circuit_search(lone, pairs, threshold=0.01, objective=objective)
    assert found["component"].values[found["kept"].values].tolist() == ["head 0.0", "head 1.0"]
    assert abs(found.attrs["loss"]) < 1e-5
    everything = circuit_search(lone, pairs, threshold=100.0, objective=objective)
    assert not everything["kept"].any()


def test_faithfulness_by_hand(system, pairs):
    ranking = ["head 0.0", "head 1.0", "head 1.1", "head 0.1", "mlp 0", "mlp 1"]
    found = faithfulness(system, pairs, ranking=ranking, objective=LogitDifference(), n_random=3)
    part = [0, 0, TOTAL["head 1.0"], TOTAL["head 0.0"], 1, 1, 1]
    np.testing.assert_allclose(found["faithfulness"], part, atol=1e-5)
    rest = [1, TOTAL["head 0.1"], TOTAL["head 0.1"], TOTAL["head 0.1"], 0, 0, 0]
    np.testing.assert_allclose(found["completeness"], rest, atol=1e-5)
    assert abs(float(found["area"]) - (np.sum(part) - 0.5) / 6) < 1e-5
    assert found["random_area"].shape == (3,)


def test_random_rankings_never_put_a_head_for_an_mlp(system, pairs):
    ranking = ["head 0.0", "head 1.0", "head 1.1", "head 0.1", "mlp 0", "mlp 1"]
    found = faithfulness(system, pairs, ranking=ranking, objective=LogitDifference(), n_random=20, random_state=3)
    # The four heads come first in every draw, so that with four kept all is there.
    np.testing.assert_allclose(found["random_faithfulness"].sel(size=4), 1.0, atol=1e-5)
    assert (found["random_area"] <= found["area"] + 1e-5).mean() > 0.5


def test_what_does_not_fit_is_named(system, pairs):
    with pytest.raises(InputError, match="ranking"):
        faithfulness(system, pairs, ranking=["head 0.0"], objective=LogitDifference())
    uneven = pairs.assign(corrupted=[p[:-1] for p in pairs["corrupted"]])
    with pytest.raises(InputError, match="different numbers of tokens"):
        activation_patching(system, uneven, objective=LogitDifference())
    with pytest.raises(InputError, match="same on clean and corrupted"):
        activation_patching(system, pairs.assign(corrupted=pairs["clean"]), objective=LogitDifference())
    with pytest.raises(InputError, match="direction"):
        activation_patching(system, pairs, objective=LogitDifference(), direction="sideways")
    with pytest.raises(InputError, match="how"):
        head_scan(system, pairs, objective=LogitDifference(), how="loudly")
    with pytest.raises(InputError, match="n_steps"):
        attribution_patching(system, pairs, objective=LogitDifference(), n_steps=0)
    with pytest.raises(InputError, match="threshold"):
        circuit_search(system, pairs, threshold=-1.0)
