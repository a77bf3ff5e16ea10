import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.delay_line import DelayLine


def test_it_is_linear_interpolation_in_time():
    x = torch.randn(20, 2, 4, generator=torch.manual_seed(0), dtype=torch.float64)
    delays = [0.0, 1.25, 3.0, 4.0]
    found = DelayLine(delays, n_units=4, longest=4).double()(x)
    for unit, delay in enumerate(delays):
        for batch in range(2):
            expected = np.interp(np.arange(20) - delay, np.arange(-6, 20), [*[0.0] * 6, *x[:, batch, unit].numpy()])
            assert np.allclose(found[:, batch, unit].detach(), expected)


def test_gradients_are_those_of_differences():
    x = torch.randn(12, 2, 3, generator=torch.manual_seed(0), dtype=torch.float64).requires_grad_()
    line = DelayLine([0.3, 1.5, 2.7], n_units=3, longest=3, learnable=True).double()
    assert torch.autograd.gradcheck(lambda x, d: torch.func.functional_call(line, {"delay": d}, (x,)), (x, line.delay))


def test_a_delay_is_learnt():
    pulse = torch.zeros(30, 1, 1)
    pulse[5:15] = torch.hann_window(10)[:, None, None]
    target = torch.roll(pulse, 4, 0)
    line = DelayLine(1.5, n_units=1, longest=8, learnable=True)
    optimiser = torch.optim.Adam(line.parameters(), lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        (line(pulse) - target).square().sum().backward()
        optimiser.step()
    assert line.delay.item() == pytest.approx(4.0, abs=0.05)


def test_bad_input_is_named():
    assert list(DelayLine(0.0, n_units=2, longest=0)(torch.ones(3, 1, 2)).sum((0, 1))) == [3, 3]
    assert not DelayLine(1.0, n_units=2, longest=2).delay.requires_grad
    with pytest.raises(InputError, match="delay=5"):
        DelayLine(5, n_units=2, longest=4)
    with pytest.raises(InputError, match=r"x=\(3, 1, 3\)"):
        DelayLine(1, n_units=2, longest=4)(torch.zeros(3, 1, 3))
