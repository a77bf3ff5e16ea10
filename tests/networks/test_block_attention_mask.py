import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.networks.block_attention_mask import block_attention_mask, block_probabilities


@pytest.mark.parametrize("kind", ["near", "uniform", "far"])
@pytest.mark.parametrize("share", [2 / 17, 0.2, 0.4, 0.9, 1.0])
def test_the_expected_share_is_met_and_the_diagonal_is_kept(kind, share):
    p = block_probabilities(16, share=share, kind=kind)
    number = np.arange(16, 0, -1)
    assert (number * p).sum() / number.sum() == pytest.approx(share)
    assert p[0] == 1
    assert ((p >= 0) & (p <= 1)).all()


def test_kinds_favour_what_they_say():
    near, uniform, far = (block_probabilities(16, share=0.4, kind=kind)[1:] for kind in ("near", "uniform", "far"))
    assert (np.diff(near) <= 0).all()
    np.testing.assert_allclose(near * np.arange(2, 17), near[-1] * 16)
    assert np.ptp(uniform) == 0
    assert (np.diff(far) >= 0).all()


def test_blocks_are_drawn_as_often_as_their_probability_says():
    p = np.array([1.0, 0.7, 0.2, 0.0, 1.0])
    rng = np.random.default_rng(0)
    masks = np.stack([block_attention_mask(p, block=3, random_state=rng) for _ in range(2000)])
    often = masks.mean(0)
    for i in range(15):
        for j in range(15):
            if j > i:
                assert often[i, j] == 0
            else:
                assert often[i, j] == pytest.approx(p[i // 3 - j // 3], abs=0.05)
    # Within a block below the diagonal all is kept or nothing; of two blocks at one distance, each by itself.
    blocks = masks.reshape(2000, 5, 3, 5, 3)
    assert (blocks[:, 3, :, 2] == blocks[:, 3, :1, 2, :1]).all()
    assert np.corrcoef(blocks[:, 1, 0, 0, 0], blocks[:, 2, 0, 1, 0])[0, 1] == pytest.approx(0, abs=0.1)


def test_a_seed_repeats():
    p = block_probabilities(8, share=0.5)
    assert np.array_equal(block_attention_mask(p, block=2), block_attention_mask(p, block=2))
    assert not np.array_equal(block_attention_mask(p, block=2), block_attention_mask(p, block=2, random_state=1))


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("n_blocks", lambda: block_probabilities(0, share=1.0)),
        ("share", lambda: block_probabilities(16, share=0.1)),
        ("kind", lambda: block_probabilities(4, share=0.5, kind="middle")),
        ("probabilities", lambda: block_attention_mask(np.array([0.5, 0.5]), block=2)),
        ("probabilities", lambda: block_attention_mask(np.array([1.0, np.nan]), block=2)),
        ("block", lambda: block_attention_mask(np.ones(3), block=0)),
    ],
)
def test_bad_input_is_named(named, call):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == named
