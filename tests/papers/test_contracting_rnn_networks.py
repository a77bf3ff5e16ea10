import numpy as np
import torch
from scipy.integrate import solve_ivp

from multiunit.networks.combo_net import ComboNet
from multiunit.papers.contracting_rnn_networks import network_step


def test_smoke_scale_runs_and_only_skew_feedback_contracts(smoke_claim):
    result = smoke_claim("contracting-rnn-networks")
    # Five time constants at a rate of a half.
    assert result.measured["twin_distance"] <= np.exp(-2.5)
    assert result.control["symmetric_twin_distance"] > 1


def test_the_step_solves_the_networks_equation():
    net = ComboNet(1, 2, n_modules=2, module_size=6, density=0.4)
    start = np.random.default_rng(0).normal(size=12)
    for symmetric in (False, True):
        step, x = network_step(net, gain=2.0, symmetric=symmetric), start[None]
        for _ in range(200):
            x = step(x)
        net.feedback = "symmetric" if symmetric else "skew"
        with torch.no_grad():
            coupling, w, b = (t.double().numpy() for t in (net.coupling(), net.weights, net.inward.bias))
        net.feedback = "skew"

        def slope(_, x, coupling=coupling, w=w, b=b):
            return -x + w @ np.maximum(x, 0) + 2 * coupling @ x + b

        solved = solve_ivp(slope, (0, 1.0), start, rtol=1e-9, atol=1e-9).y[:, -1]
        np.testing.assert_allclose(x[0], solved, rtol=1e-5, atol=1e-6)
