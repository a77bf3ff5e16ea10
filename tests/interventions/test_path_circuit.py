import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.interventions.path_circuit import path_circuit
from multiunit.interventions.path_patching import path_patching
from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
from multiunit.systems.gradients import LogitDifference
from multiunit.systems.torch_system import TorchSystem


@pytest.fixture(scope="module")
def pairs():
    return induction_pairs(10, random_state=1)


def found_by_name(found):
    return dict(zip(found["head"].values.tolist(), found["found"].values.tolist(), strict=True))


def test_the_written_circuit_is_found_stage_by_stage(pairs):
    system = TorchSystem(induction_circuit(gains=(3.0, 1.0, 0.0), direct=0.0))
    found = path_circuit(system, pairs, objective=LogitDifference(), n_heads=2)
    expected = {"head 0.0": 1, "head 0.1": -1, "head 0.2": -1, "head 1.0": 0, "head 1.1": 0, "head 1.2": -1}
    assert found_by_name(found) == expected
    # Both induction heads hear of nothing but head 0.0, and make the whole of the answer.
    np.testing.assert_allclose(found["effect"].values[1], [1, 0, 0, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found["strength"], [1, 0, 0, 0.75, 0.25, 0], atol=1e-5)


def test_the_first_stage_is_path_patching_to_the_answer(pairs):
    system = TorchSystem(induction_circuit(gains=(3.0, 1.5), direct=2.0))
    found = path_circuit(system, pairs, objective=LogitDifference(), n_heads=1, n_stages=1)
    direct = path_patching(system, pairs, objective=LogitDifference())["effect"].values[:, 0]
    np.testing.assert_array_equal(found["effect"].values[0], direct)
    assert found_by_name(found)["head 1.0"] == 0


def test_what_has_no_effect_is_not_taken(pairs):
    """Nothing speaks to head 0.1, so that the search ends there."""
    system = TorchSystem(induction_circuit(gains=(0.0, 0.0), direct=2.0))
    found = path_circuit(system, pairs, objective=LogitDifference(), n_heads=1, n_stages=3)
    assert found_by_name(found) == {"head 0.0": -1, "head 0.1": 0, "head 1.0": -1, "head 1.1": -1}


@pytest.mark.parametrize("wrong", [{"n_heads": 0}, {"n_stages": 0}, {"n_heads": 3}])
def test_numbers_that_do_not_fit_are_named(pairs, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        path_circuit(TorchSystem(induction_circuit()), pairs, objective=LogitDifference(), **wrong)
