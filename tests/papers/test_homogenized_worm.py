import numpy as np

from multiunit.core import Recording
from multiunit.papers.homogenized_worm import _homologues, _off_by_one, _some_frames


def worm():
    return Recording.from_activity(
        np.arange(40.0).reshape(10, 4),
        units={
            "unit_id": ["AVAL", "AVAR", "RIBL", "RMED"],
            "cell_class": ["a", "b", "c", "d"],
            "quality": [1.0, 2, 3, 4],
        },
    )


def test_homologues_differ_in_the_side_alone():
    pairs = _homologues(worm())
    assert pairs[0, 1]
    assert pairs.sum() == 2


def test_labels_move_by_one_and_frames_keep_their_order():
    assert _off_by_one(worm()).units["cell_class"].tolist() == ["d", "a", "b", "c"]
    kept = _some_frames(worm(), np.random.default_rng(0))
    assert kept.n_presentations == 8
    assert (np.diff(kept.activity[:, 0]) > 0).all()


def test_two_worms_agree_and_shifted_labels_do_not(smoke_claim):
    result = smoke_claim("homogenized-worm")
    assert result.measured["consistency"] > 0.3
    assert abs(result.control["shifted_consistency"]) < 0.1
