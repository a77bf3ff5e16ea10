import numpy as np
import pytest

from multiunit.circuits.ca3_memory import CA3Memory
from multiunit.core.errors import InputError


def spikes(memory: CA3Memory, population: str) -> dict[int, list[int]]:
    """Step of every spike, from 0, of the units that spiked."""
    trains = memory.recording.select(units=f"site == '{population}'").spike_trains
    return {unit: (np.rint(t * 1000).astype(int) - 1).tolist() for unit, t in enumerate(trains) if len(t)}


def bits(*cells: int, n: int = 10) -> np.ndarray:
    return np.isin(np.arange(n), cells)


def test_a_learned_pair_shows_at_the_output_five_and_seven_steps_later_and_recall_after_five_and_six():
    memory = CA3Memory(5, 10)
    memory.learn(1, bits(2, 7))
    assert spikes(memory, "input") == {1: [0, 1, 2], 7: [0, 1, 2], 12: [0, 1, 2]}
    # Two spikes of the three: the refractory step between them.
    assert spikes(memory, "cue_recall") == {1: [1, 3]}
    assert spikes(memory, "content_found") == {2: [3, 5], 7: [3, 5]}
    assert spikes(memory, "output") == {1: [5, 7], 7: [5, 7], 12: [5, 7]}
    memory.recall(cue=1)
    assert spikes(memory, "output") == {1: [5, 7, 15], 7: [5, 7, 16], 12: [5, 7, 16]}
    memory.recall(content=bits(7))
    assert spikes(memory, "output") == {1: [5, 7, 15, 26], 7: [5, 7, 16], 12: [5, 7, 16, 25]}
    # The gate was open while content came from outside, and closed while the cue recalled it.
    assert spikes(memory, "gate") == {2: [2, 4], 7: [2, 4, 22]}


def test_overlapping_contents_are_recalled_and_relearning_one_leaves_the_others():
    memory = CA3Memory(3, 10)
    contents = [bits(0, 1, 2), bits(1, 2, 3), bits(2, 3, 4)]
    for cue, content in enumerate(contents):
        memory.learn(cue, content)
    contents[0] = bits(5, 6)
    memory.learn(0, contents[0])
    for cue, content in enumerate(contents):
        asked, found = memory.recall(cue=cue)
        assert asked.tolist() == [k == cue for k in range(3)]
        assert (found == content).all()
    assert memory.recall(content=bits(0))[0].tolist() == [False, False, False]
    assert memory.recall(content=bits(3))[0].tolist() == [False, True, True]
    assert memory.weights("cue_recall")[0, [0, 1]].max() < 1 < memory.weights("cue_recall")[0, [5, 6]].min()


def test_weights_follow_the_pairs_of_spikes_counted_one_by_one():
    memory = CA3Memory(2, 4)
    rng = np.random.default_rng(0)
    for _ in range(6):
        if rng.random() < 0.6:
            memory.learn(int(rng.integers(2)), rng.random(4) < 0.5)
        else:
            memory.recall(content=rng.random(4) < 0.5)
    for pre, post in (("cue_recall", "content_recall"), ("content_found", "cue_found")):
        before, after = spikes(memory, pre), spikes(memory, post)
        n_pre, n_post = memory.weights(pre).shape
        expected = np.zeros((n_pre, n_post))
        for i in range(n_pre):
            for j in range(n_post):
                sent = before.get(i, [])
                # The postsynaptic event is a step late, and comes before a presynaptic one of the same step.
                felt = [t + 1 for t in after.get(j, [])]
                w = 0.0
                for t, is_pre in sorted([(t, True) for t in sent] + [(t, False) for t in felt], key=lambda e: e):
                    if is_pre:
                        w = max(0.0, w - 6 * sum(np.exp((s - t) / 3) for s in felt if s <= t))
                    else:
                        w = min(6.0, w + 6 * sum(np.exp((s - t) / 3) for s in sent if s < t))
                expected[i, j] = w
        assert np.allclose(memory.weights(pre), expected)
        assert expected.max() == 6 > expected.min()


def test_nothing_is_recalled_without_strengthening_nor_forgotten_without_weakening():
    never = CA3Memory(2, 4, potentiation=0.0)
    never.learn(0, [1, 0, 0, 0])
    assert not never.recall(cue=0)[1].any()
    forever = CA3Memory(2, 4, depression=0.0)
    forever.learn(0, [1, 0, 0, 0])
    forever.learn(0, [0, 1, 0, 0])
    assert forever.recall(cue=0)[1].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "ask",
    [
        lambda memory: memory.recall(),
        lambda memory: memory.recall(cue=0, content=[0, 0, 1]),
        lambda memory: memory.recall(cue=2),
        lambda memory: memory.learn(0, [0, 1]),
        lambda memory: memory.learn(0, [0, 1, 2]),
        lambda memory: memory.weights("gate"),
        lambda memory: CA3Memory(0, 3),
    ],
)
def test_errors_name_what_is_wrong(ask):
    with pytest.raises(InputError):
        ask(CA3Memory(2, 3))
