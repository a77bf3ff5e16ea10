"""Patches match presentations by sequence and position, whatever the batch; `At` keeps an edit to its positions."""

import numpy as np
import pytest
import torch

from multiunit.core import Ablate, Add, At, InputError, Patch, Recording, Shown

SOURCE = Recording.from_activity(
    np.arange(10.0).reshape(5, 2),
    units={"site": ["a", "a"]},
    presentations={"sequence_id": [1, 1, 0, 0, 0], "position": [1, 2, 0, 1, 2]},
)


@pytest.mark.parametrize("as_kind", [np.asarray, torch.as_tensor])
def test_a_patch_finds_its_sequences_and_leaves_unrecorded_positions(as_kind):
    before = as_kind(np.full((2, 3, 2), -1.0, dtype=np.float32))
    after = Patch(["a/1"], SOURCE).change("a", before, Shown(np.array([1, 0]), np.array([3, 2])))
    assert np.asarray(after)[..., 1].tolist() == [[-1.0, 1.0, 3.0], [5.0, 7.0, -1.0]]
    assert (np.asarray(after)[..., 0] == -1).all()
    assert (np.asarray(before) == -1).all()


def test_a_patch_of_a_sequence_that_was_not_recorded_is_refused():
    with pytest.raises(InputError, match="sequence_id"):
        Patch(["a/1"], SOURCE).change("a", np.zeros((1, 1, 2)), Shown(np.array([5]), np.array([1])))


def test_a_recording_without_positions_is_refused():
    with pytest.raises(InputError, match="position"):
        Patch(["unit/0"], Recording.from_activity(np.zeros((2, 1))))


def test_at_counts_from_the_last_token_that_is_no_padding():
    edit = At(Add("a", [1.0, 1.0]), positions=[0, -1])
    after = edit.change("a", np.zeros((2, 3, 2)), Shown(np.array([0, 1]), np.array([3, 2])))
    assert after[..., 0].tolist() == [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    assert At(edit, positions={0: [2], 1: []}).change("a", torch.zeros(2, 3, 2)).sum() == 2


def test_at_needs_positions_for_every_sequence():
    with pytest.raises(InputError, match="positions=1"):
        At(Ablate(["a/0"]), positions={0: [0]}).change("a", np.zeros((2, 2, 2)))


def test_mean_and_resample_take_from_the_reference():
    mean = Ablate(["a/0"], to="mean", reference=SOURCE).change("a", np.zeros((1, 1, 2)))
    assert mean.ravel().tolist() == [4.0, 0.0]
    edit = Ablate(["a/0", "a/1"], to="resample", reference=SOURCE, random_state=3)
    batch = edit.change("a", np.zeros((2, 4, 2)), Shown(np.array([7, 9]), np.array([4, 4])))
    rows = {tuple(row) for row in SOURCE.activity.tolist()}
    assert {tuple(row) for row in batch.reshape(-1, 2).tolist()} <= rows
    # The draw depends on the sequence, not on the batch it comes in.
    alone = edit.change("a", np.zeros((1, 4, 2)), Shown(np.array([9]), np.array([4])))
    np.testing.assert_array_equal(alone[0], batch[1])


@pytest.mark.parametrize(("to", "reference"), [("mean", None), ("median", SOURCE)])
def test_a_word_that_is_not_understood_is_refused(to, reference):
    with pytest.raises(InputError):
        Ablate(["a/0"], to=to, reference=reference)
