import numpy as np
import pytest

from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.networks.induction_circuit import induction_circuit
from multiunit.papers import circuit_component_reuse as card
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.in_context_lookup import N_TOKENS, in_context_lookup


@pytest.fixture(scope="module")
def result(smoke_claim):
    return smoke_claim("circuit-component-reuse")


def test_smoke_scale_runs_and_nothing_learned_is_no_claim(result):
    values = {**result.measured, **result.control}
    assert all(np.isfinite(value) for value in values.values())
    assert result.measured["colours"] < 0.8
    assert not result.holds


def test_forcing_reads_out_what_a_head_that_copies_attends_to():
    """Heads of layer 1 of the written circuit copy; head 0.0 hands on, and says nothing of the answer itself."""
    system = TorchSystem(induction_circuit(n_tokens=N_TOKENS, max_positions=16))
    pairs = in_context_lookup("colours", 30)
    inner = with_inner_sites(system, pairs["clean"])
    # Written for repeated tokens: it finds every colour, until it is made to look at the wrong ones.
    assert card._accuracy(system, pairs) == 1
    assert card._forced(inner, [(1, 0), (1, 1)], pairs, "key") == 1
    assert card._forced(inner, [(1, 0), (1, 1)], pairs, "others") == 0
    assert card._forced(inner, [(0, 0)], pairs, "others") == 1


def test_any_larger_number_is_right():
    system = TorchSystem(induction_circuit(n_tokens=N_TOKENS, max_positions=16))
    assert card._accuracy(system, in_context_lookup("greater", 20)) == 0


def test_texts_ask_for_every_object_once():
    pairs = in_context_lookup("colours", 10)
    for text in card._asked_on(card._answered(pairs), np.random.default_rng(0)):
        listed = dict(zip(text[1:7:2].tolist(), text[2:8:2].tolist(), strict=True))
        assert dict(zip(text[8::3].tolist(), text[9::3].tolist(), strict=True)) == listed


def test_repeating_texts_are_continued_by_looking_back_at_what_followed():
    texts = card._repeating(40, np.random.default_rng(0))
    periods = [int(np.argmax(text[1:] == text[0])) + 1 for text in texts]
    assert set(periods) == set(range(3, 9))
    for text, period in zip(texts, periods, strict=True):
        assert len(text) == 16
        assert len(set(text[:period].tolist())) == period
        assert np.array_equal(text[period:], text[:-period])
