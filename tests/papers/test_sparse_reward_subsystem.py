import numpy as np
import pytest
import torch

from multiunit.core.recording import Recording
from multiunit.papers.sparse_reward_subsystem import (
    N_DIGITS,
    N_STATES,
    _accuracy,
    _another_order,
    _answers,
    _curve,
    _dopamine,
    _given,
    _probe,
    _written,
)
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.running_sums import EQUALS, N_TOKENS, answered_rightly, running_sums


class PerfectWriter(torch.nn.Module):
    """Writes the right total, out of a unit of its first layer that can be silenced."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Linear(1, 1, bias=False)])
        torch.nn.init.ones_(self.layers[1].weight)

    def forward(self, tokens):
        n_written = tokens.shape[1] - N_DIGITS - 1
        total = tokens[:, : n_written + 1].sum(dim=1, keepdim=True) % 10
        kept = self.layers[1](total.float())
        return 50 * torch.nn.functional.one_hot(kept.long(), N_TOKENS).float()


def test_a_perfect_writer_is_always_right_until_it_is_silenced():
    prompts = np.stack(list(running_sums(100, n_digits=N_DIGITS)["stimulus"]))
    system, luck = TorchSystem(PerfectWriter()), np.random.default_rng(0).random((100, N_DIGITS))
    rows = _written(system.module, prompts, luck)
    np.testing.assert_array_equal(rows[:, : N_DIGITS + 1], prompts[:, : N_DIGITS + 1])
    np.testing.assert_array_equal(rows[:, N_DIGITS + 1 :], rows[:, :N_DIGITS].cumsum(axis=1) % 10)
    assert _accuracy(system, prompts, luck, []) == 1
    assert _accuracy(system, prompts, luck, ["layers.1/0"]) == (prompts[:, :N_DIGITS].sum(axis=1) % 10 == 0).mean()


def test_tokens_are_drawn_as_often_as_the_network_says():
    logits = torch.log(torch.tensor([0.7, 0.3, *[1e-9] * (N_TOKENS - 2)]))
    prompts = np.tile([1, 2, 3, 4, 5, EQUALS], (4000, 1))
    rows = _written(lambda t: logits.expand(*t.shape, N_TOKENS), prompts, np.random.default_rng(0).random((4000, 5)))
    assert rows[:, N_DIGITS + 1 :].mean(axis=0) == pytest.approx(0.3, abs=0.03)


def test_states_are_those_of_the_equals_sign_and_of_every_total():
    from multiunit.networks.tiny_transformer import TinyTransformer

    net = TinyTransformer(N_TOKENS, max_positions=11, width=8, n_heads=2)
    states, rows = _answers(TorchSystem(net), 30, np.random.default_rng(0))
    table = states.presentations
    assert table["position"].tolist() == list(range(5, 11)) * 30
    np.testing.assert_array_equal(table["sequence_id"], np.repeat(np.arange(30), N_STATES))
    np.testing.assert_array_equal(table["reward"], np.repeat(answered_rightly(rows), N_STATES))
    np.testing.assert_array_equal(rows[:, N_DIGITS], EQUALS)


def planted(rng):
    """Unit 2 tells the reward from the third state on, unit 5 goes up or down in that state alone."""
    reward = rng.integers(2, size=300).astype(float)
    x = 0.5 * rng.normal(size=(300, N_STATES, 20))
    x[:, 2:, 2] += 2 * reward[:, None] - 1
    x[:, 2, 5] += 4 * reward - 2
    return x.reshape(-1, 20), reward


def test_planted_value_is_found_by_a_tenth_of_the_units_and_dealt_rewards_teach_nothing():
    x, reward = planted(np.random.default_rng(0))
    other, final = planted(np.random.default_rng(1))
    after, before = other[3::N_STATES], other[1::N_STATES]
    probe = _probe(x, reward, 500, 0)
    assert min(_curve(probe, after, final == 1)) > 0.9
    assert _curve(probe, before, final == 1)[0] < 0.65
    dealt = _probe(x, np.random.default_rng(2).permutation(reward), 500, 0)
    assert _curve(dealt, after, final == 1)[0] < 0.8


def test_planted_surprise_is_found_and_another_order_hides_it():
    (x, reward), (y, other) = planted(np.random.default_rng(0)), planted(np.random.default_rng(1))
    errors = []
    for final in (reward, other):
        error = np.zeros((300, N_STATES))
        error[:, 0], error[:, 2] = np.nan, final - 0.5
        errors.append(error.ravel())
    recordings = [Recording.from_activity(each) for each in (x, y)]
    found, r = _dopamine(*recordings, errors)
    assert np.flatnonzero(found["selected"]).tolist() == [5]
    # A fifth of the states varies by 4, the noise by 0.25.
    assert r == pytest.approx((0.8 / 1.05) ** 0.5, abs=0.02)
    rng = np.random.default_rng(2)
    moved = [_another_order(error, rng) for error in errors]
    for a, b in zip(moved, errors, strict=True):
        np.testing.assert_array_equal(
            np.sort(a.reshape(-1, N_STATES), axis=1), np.sort(b.reshape(-1, N_STATES), axis=1)
        )
        assert np.isnan(a[::N_STATES]).all()
    assert _dopamine(*recordings, moved)[1] < 0.5


def test_a_unit_of_the_value_alone_does_not_go_with_the_error_once_the_value_is_given():
    rng = np.random.default_rng(0)
    before, value = rng.normal(size=(2, 5000))
    of_value, of_error = value + 0.1 * rng.normal(size=5000), value - before
    assert np.corrcoef(of_value, of_error)[0, 1] > 0.6
    assert abs(_given(value, of_value, of_error)) < 0.05
    assert _given(value, of_error, of_error) == pytest.approx(1)


def test_smoke_scale_runs_without_a_verdict(smoke_claim):
    """After 60 steps the network cannot add yet, so the claim cannot hold."""
    result = smoke_claim("sparse-reward-subsystem")
    assert result.measured["accuracy"] < 0.3
    assert not result.holds
