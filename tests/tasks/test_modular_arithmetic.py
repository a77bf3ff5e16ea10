import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.modular_arithmetic import OPERATIONS, modular_arithmetic


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_pair_once_with_its_answer(operation):
    pairs = modular_arithmetic(operation, modulus=7, train_fraction=0.3, random_state=1)
    assert len(pairs.drop_duplicates(["a", "b"])) == 49
    assert (pairs["split"] == "train").sum() == round(0.3 * 49)
    by_hand = {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b}
    by_hand["quadratic"] = lambda a, b: a**2 + a * b + b**2
    for a, b, answer in zip(pairs["a"], pairs["b"], pairs["answer"], strict=True):
        assert answer == by_hand[operation](int(a), int(b)) % 7
    again = modular_arithmetic(operation, modulus=7, train_fraction=0.3, random_state=1)
    assert again["split"].tolist() == pairs["split"].tolist()
    np.testing.assert_array_equal(np.stack(list(pairs["stimulus"])), pairs[["a", "b"]].to_numpy())


@pytest.mark.parametrize("wrong", [{"operation": "divide"}, {"modulus": 1}, {"train_fraction": 1.0}])
def test_what_makes_no_task_is_refused(wrong):
    with pytest.raises(InputError):
        modular_arithmetic(**wrong)
