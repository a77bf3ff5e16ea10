"""Rings that carry what comes in, against torch's circular convolution."""

import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.networks.wave_rnn import WaveRNN


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_step_is_a_circular_convolution(kernel):
    net = WaveRNN(4, 9, n_out=3, channels=2, kernel=kernel, start="random", input_site="all", random_state=1)
    convolution = nn.Conv1d(2, 2, kernel, padding=kernel // 2, padding_mode="circular", bias=False)
    convolution.weight.data = net.kernel.data
    nn.init.normal_(net.inward.bias)
    torch.manual_seed(0)
    x = torch.randn(6, 5, 4)
    h = torch.zeros(5, 2, 9)
    found = net(x)
    for step in range(6):
        h = torch.relu(convolution(h) + net.inward(x[step]).view(5, 2, 9))
        torch.testing.assert_close(found.activity[step], h)
        torch.testing.assert_close(found.logits[step], net.readout(h.flatten(1)))


def test_what_comes_in_travels_once_around_unchanged():
    net = WaveRNN(3, 6, channels=2)
    x = torch.zeros(14, 1, 3)
    x[0, 0, 1], x[2, 0, 2] = 5.0, 2.0
    activity = net(x).activity[:, 0]
    torch.testing.assert_close(activity[:, 0], activity[:, 1])
    for step in range(2, 14):
        expected = torch.zeros(6)
        expected[step % 6], expected[(step - 2) % 6] = 5.0, 2.0
        torch.testing.assert_close(activity[step, 0], expected)


def test_a_standing_ring_keeps_its_input_in_place():
    x = torch.zeros(5, 1, 3)
    x[0] = 1.0
    one = WaveRNN(3, 6, channels=1, start="standing")(x).activity[:, 0, 0]
    torch.testing.assert_close(one, torch.tensor([3.0, 0, 0, 0, 0, 0]).expand(5, 6))
    everywhere = WaveRNN(3, 6, channels=1, start="standing", input_site="all")(x).activity[:, 0, 0]
    torch.testing.assert_close(everywhere[0], everywhere[4])
    assert 0 < everywhere.max() < 0.01


def test_the_kernel_is_trained_and_the_global_generator_left_alone():
    state = torch.get_rng_state()
    net, again = (WaveRNN(3, 6, random_state=5) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(net.readout.weight, again.readout.weight)
    net(torch.ones(4, 2, 3)).logits.square().sum().backward()
    assert net.kernel.grad.abs().sum() > 0
    # A kernel is all that the places share: 2 x 2 x 3 of it, not a matrix.
    assert sum(p.numel() for p in WaveRNN(10, 64, channels=2).parameters()) == 12 + 128 * 11 + 129 * 10


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("start", {"start": "still"}),
        ("input_site", {"input_site": "two"}),
        ("kernel", {"kernel": 4}),
        ("kernel", {"kernel": 7}),
        ("channels", {"channels": 0}),
    ],
)
def test_errors_name_the_argument(named, options):
    with pytest.raises(InputError) as caught:
        WaveRNN(3, 6, **options)
    assert caught.value.argument == named
    with pytest.raises(InputError, match="x="):
        WaveRNN(3, 6)(torch.zeros(4, 2, 5))
