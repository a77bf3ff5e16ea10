import numpy as np
import pytest

from multiunit.core import Recording
from multiunit.core.errors import InputError
from multiunit.populations import cross_animal_consistency, pairwise_agreement


def symmetric(rng, n):
    x = rng.normal(size=(n, n))
    return x + x.T


def test_agreement_and_its_null_by_brute_force():
    rng = np.random.default_rng(0)
    x, y = symmetric(rng, 8), symmetric(rng, 8)
    x[3, :] = x[:, 3] = np.nan
    found = pairwise_agreement(x, y, n_permutations=3, random_state=7)
    kept = [i for i in range(8) if i != 3]
    pairs = [(i, j) for a, i in enumerate(kept) for j in kept[a + 1 :]]
    expected = np.corrcoef([x[p] for p in pairs], [y[p] for p in pairs])[0, 1]
    assert found.correlation == pytest.approx(expected)
    assert found.n_units == 7
    order = np.array(kept)[np.random.default_rng(7).permutation(7)]
    swapped = [y[order[kept.index(i)], order[kept.index(j)]] for i, j in pairs]
    assert found.null[0] == pytest.approx(np.corrcoef([x[p] for p in pairs], swapped)[0, 1])


def test_p_values_are_uniform_without_a_relation():
    rng = np.random.default_rng(1)
    p = []
    for _ in range(60):
        found = pairwise_agreement(symmetric(rng, 12), symmetric(rng, 12), n_permutations=39, random_state=rng)
        p.append((1 + (found.null >= found.correlation).sum()) / 40)
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_shared_wiring_is_found_and_shifted_labels_are_not():
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(4, 30))
    animals = [rng.normal(size=(400, 4)) @ mixing + rng.normal(size=(400, 30)) for _ in range(3)]
    subject = np.repeat(["w1", "w2", "w3"], 400)
    found = cross_animal_consistency(
        Recording.from_activity(np.concatenate(animals), presentations={"subject": subject})
    )
    assert found.sizes["animal_pair"] == 3
    assert (found["correlation"] > 0.8).all()
    assert (found["p"] < 0.01).all()
    assert found["other_animal"].values.tolist() == ["w2", "w3", "w3"]
    animals[1] = np.roll(animals[1], 1, axis=1)
    shifted = cross_animal_consistency(
        Recording.from_activity(np.concatenate(animals[:2]), presentations={"subject": subject[:800]})
    )
    assert abs(shifted["correlation"].item()) < 0.3


def test_bad_input_is_named():
    with pytest.raises(InputError, match="two animals"):
        cross_animal_consistency(Recording.from_activity(np.eye(5), presentations={"subject": ["w"] * 5}))
    with pytest.raises(InputError, match="fewer than four"):
        pairwise_agreement(np.eye(3), np.eye(3))
    with pytest.raises(InputError, match="one shape"):
        pairwise_agreement(np.eye(4), np.eye(5))
