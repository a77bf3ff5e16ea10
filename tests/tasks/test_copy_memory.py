import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.copy_memory import copy_memory


@pytest.mark.parametrize("n_noise", [0, 3])
def test_every_symbol_is_asked_for_after_the_same_delay(n_noise):
    task = copy_memory(200, gap=7, n_recall=4, n_symbols=5, n_noise=n_noise, random_state=1)
    assert task.tokens.shape == task.targets.shape == (200, 15)
    for step in range(4):
        np.testing.assert_array_equal(task.targets[:, step + 11], task.tokens[:, step])
    assert (task.targets[:, :11] == 0).all()
    assert (task.tokens[:, 11:] == 0).all()
    assert (task.tokens[:, 10] == 6).all()
    assert set(np.unique(task.tokens[:, 4:10])) == ({7, 8, 9} if n_noise else {0})
    assert set(np.unique(task.tokens[:, :4])) == set(range(1, 6))


def test_a_seed_tells_everything():
    one, two = copy_memory(5, random_state=3), copy_memory(5, random_state=3)
    np.testing.assert_array_equal(one.tokens, two.tokens)
    assert (copy_memory(5, random_state=4).tokens != one.tokens).any()


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("n_sequences", {"n_sequences": 0}),
        ("gap", {"gap": 0}),
        ("n_recall", {"n_recall": 0}),
        ("n_symbols", {"n_symbols": 1}),
        ("n_noise", {"n_noise": -1}),
    ],
)
def test_bad_input_is_named(named, options):
    with pytest.raises(InputError) as caught:
        copy_memory(**{"n_sequences": 2, **options})
    assert caught.value.argument == named
