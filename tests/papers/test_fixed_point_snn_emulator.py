import shutil

import numpy as np
import pytest

from multiunit.core.paper import Scale
from multiunit.papers.fixed_point_snn_emulator import claim


def test_smoke_scale_runs_and_labels_follow_the_known_ones(smoke_claim):
    result = smoke_claim("fixed-point-snn-emulator")
    assert result.measured["graph"] > result.control["graph_permuted_labels"] + 0.1
    assert result.measured["accuracy_8_bits"] > result.control["accuracy_2_bits"]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
def test_verilog_is_verified_and_the_altered_one_is_not():
    result = claim(Scale("smoke"), np.random.default_rng(1))
    assert (result.measured["verified"], result.control["verified_altered"]) == (1.0, 0.0)


def test_without_the_simulator_the_claim_cannot_hold(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not claim(Scale("smoke"), np.random.default_rng(0)).holds
