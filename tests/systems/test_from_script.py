"""A system that stands in a script: opened by `file.py:name`, also by the command line."""

import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import multiunit
from multiunit.circuits import Circuit, Population
from multiunit.cli import app
from multiunit.core.errors import InputError
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.systems import CircuitSystem

SCRIPT = """
from multiunit.circuits import Circuit, Population
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.systems import CircuitSystem

circuit = Circuit([Population(3, izhikevich, name="cells")])
system = CircuitSystem(circuit, duration=0.2, into=("cells", "current"))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    return path


def test_a_script_is_opened_by_the_name_in_it(script):
    opened = multiunit.open(f"{script}:system")
    assert opened.record([[0.0, 10.0, 10.0]], "cells").activity[0].tolist() == [0.0, 25.0, 25.0]
    with pytest.raises(InputError, match="no such name; it has"):
        multiunit.open(f"{script}:other")
    with pytest.raises(InputError, match="no such file"):
        multiunit.open("missing.py:system")


def test_a_script_that_fails_leaves_nothing_behind(script):
    script.write_text("raise ValueError('broken')")
    with pytest.raises(ValueError, match="broken"):
        multiunit.open(f"{script}:system")
    assert "multiunit_script_mine" not in sys.modules


def test_a_circuit_is_opened_with_its_duration_and_input(script):
    circuit = Circuit([Population(2, izhikevich, name="cells")])
    assert isinstance(multiunit.open(circuit, duration=0.1, into=("cells", "current")), CircuitSystem)
    with pytest.raises(InputError, match="needs `duration` and `into`"):
        multiunit.open(f"{script}:circuit")


def test_the_command_line_makes_an_atlas_of_a_circuit(script, tmp_path):
    np.savez(tmp_path / "shown.npz", x=[[0.0, 0.0, 0.0], [0.0, 10.0, 10.0]], y=[0, 1], classes=["rest", "driven"])
    folder = tmp_path / "atlas"
    command = ["atlas", f"{script}:system", "--stimuli", str(tmp_path / "shown.npz"), "--sites", "cells"]
    run = CliRunner().invoke(app, [*command, "-o", str(folder)])
    assert run.exit_code == 0, run.output
    from multiunit.units.atlas import Atlas

    table = Atlas.load(folder).table
    assert isinstance(table, pd.DataFrame)
    assert table["mean"].tolist() == [0.0, 12.5, 12.5]
