"""A simulation that is killed, with no chance to tidy up, goes on to the same spikes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np

from multiunit.circuits import read_run

SCRIPT = """
import sys
from multiunit.circuits import Circuit, FixedOutDegree, PoissonInput, Population, Projection, pair_stdp, run_to_folder
from multiunit.dynamics.leaky_integrate_and_fire import exponential_current_neuron

circuit = Circuit(
    [Population(500, exponential_current_neuron, name="cells")],
    [Projection("cells", "cells", connectivity=FixedOutDegree(20), into="excitatory_spikes", weight=1e-3,
                delay=lambda rng, n: rng.uniform(0, 5e-3, n), plasticity=pair_stdp(a_plus=1e-5, a_minus=1e-5))],
    [PoissonInput("cells", "excitatory_spikes", rate=400.0, weight=8e-3)],
)
run_to_folder(circuit, 2.0, folder=sys.argv[1], piece=0.02, resume=len(sys.argv) > 2)
"""


def test_kill_9_and_resume_give_identical_spikes(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([sys.executable, "-c", SCRIPT, str(whole)], check=True, timeout=120)
    running = subprocess.Popen([sys.executable, "-c", SCRIPT, str(killed)])
    deadline = time.monotonic() + 120
    while len(list(killed.glob("*.npz"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "it was done before it could be killed"
    pieces = len(list(killed.glob("*.npz")))
    assert 5 <= pieces < 100
    subprocess.run([sys.executable, "-c", SCRIPT, str(killed), "resume"], check=True, timeout=120)
    one, other = (read_run(folder).spikes.dataset for folder in (whole, killed))
    assert one["spike_time"].size > 5000
    for name in ("spike_time", "spike_count"):
        np.testing.assert_array_equal(one[name].values, other[name].values)
