import sys

import networkx
import numpy as np
import pytest
import torch

from multiunit.checks import check
from multiunit.core import Recording, Replace
from multiunit.core.errors import InputError
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.units.ffn_partition import (
    active_share,
    co_activation,
    coactivation_bricks,
    ffn_partition,
    keep_bricks,
    modularity,
    weight_bricks,
)

# The room gives the function under the name of its file.
room = sys.modules[ffn_partition.__module__]


def planted(rng, n=300, n_bricks=4, size=6):
    """Units of a brick share a drive that is on in a quarter of the presentations; bricks are interleaved."""
    brick = rng.permutation(np.repeat(np.arange(n_bricks), size))
    drive = rng.gamma(2.0, size=(n, n_bricks)) * (rng.random((n, n_bricks)) < 0.25)
    return drive[:, brick] * rng.uniform(0.5, 1.5, len(brick)) + 0.1 * rng.normal(size=(n, len(brick))), brick


def same_partition(a, b):
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


def test_planted_bricks_are_found_from_activity_and_from_weights():
    rng = np.random.default_rng(0)
    activity, brick = planted(rng)
    graph = co_activation(activity)
    found = coactivation_bricks(graph, n_bricks=4)
    assert same_partition(found, brick)
    strengths = [graph[found == b].sum() for b in range(4)]
    assert strengths == sorted(strengths, reverse=True)
    weights = rng.normal(size=(4, 10))[brick] + 0.2 * rng.normal(size=(24, 10))
    assert same_partition(weight_bricks(weights, n_bricks=4), brick)


def test_permuting_each_units_activity_destroys_the_modules():
    rng = np.random.default_rng(1)
    activity, _ = planted(rng, n=1000)
    shuffled = rng.permuted(activity, axis=0)
    real, chance = (modularity(g, coactivation_bricks(g, n_bricks=4)) for g in map(co_activation, (activity, shuffled)))
    assert real > chance + 0.3


def test_modularity_is_networkx():
    rng = np.random.default_rng(2)
    graph = rng.gamma(1.0, size=(9, 9))
    graph = graph + graph.T
    bricks = rng.integers(3, size=9)
    plain = graph - np.diag(np.diag(graph))
    expected = networkx.community.modularity(
        networkx.from_numpy_array(plain), [set(np.flatnonzero(bricks == b)) for b in range(3)]
    )
    assert modularity(graph, bricks) == pytest.approx(expected)
    assert modularity(np.zeros((3, 3)), np.arange(3)) == 0


def test_co_activation_adds_up_and_takes_magnitudes():
    a = np.random.default_rng(3).normal(size=(20, 5))
    assert np.allclose(co_activation(a), co_activation(a[:7]) + co_activation(a[7:]))
    assert np.allclose(co_activation(a, magnitude=True), np.abs(a).T @ np.abs(a))


@pytest.mark.parametrize(("n", "n_bricks"), [(23, 4), (8, 8), (5, 1), (40, 7)])
def test_bricks_are_balanced_whatever_the_graph(n, n_bricks, monkeypatch):
    x = np.random.default_rng(n).normal(size=(n, 3))
    x[: n // 2] = 0  # dead units and equal points
    for exact in (10_000, 0):
        monkeypatch.setattr(room, "_EXACT", exact)
        for brick in (
            weight_bricks(x, n_bricks=n_bricks),
            coactivation_bricks(co_activation(x.T), n_bricks=n_bricks),
        ):
            sizes = np.bincount(brick, minlength=n_bricks)
            assert sizes.max() - sizes.min() <= 1


def test_greedy_assignment_and_few_eigenvectors_find_the_planted_bricks_too(monkeypatch):
    monkeypatch.setattr(room, "_EXACT", 0)
    monkeypatch.setattr(room, "_DENSE", 0)
    activity, brick = planted(np.random.default_rng(4), n_bricks=3, size=9)
    assert same_partition(coactivation_bricks(co_activation(activity), n_bricks=3), brick)


def test_few_bricks_hold_the_activity_of_planted_units():
    activity, brick = planted(np.random.default_rng(5))
    random = np.random.default_rng(0).permutation(brick)
    assert active_share(activity, brick).mean() < active_share(activity, random).mean() - 0.1
    assert active_share(np.zeros((1, 24)), brick).tolist() == [0.0]


def test_tensors_and_arrays_keep_the_same_bricks():
    rng = np.random.default_rng(6)
    activity, bricks = rng.normal(size=(3, 5, 12)).astype(np.float32), rng.permutation(np.arange(12) % 4)
    for magnitude in (False, True):
        kept = keep_bricks(activity, bricks, share=0.5, magnitude=magnitude)
        assert np.allclose(keep_bricks(torch.as_tensor(activity), bricks, share=0.5, magnitude=magnitude), kept)
        assert ((kept != 0).sum(axis=-1) == 6).all()
    assert np.array_equal(keep_bricks(activity, bricks, share=1.0), activity)


def test_as_an_edit():
    system = TorchSystem(TinyTransformer(9, max_positions=8, width=8, n_heads=2, n_layers=1, activation="relu"))
    bricks = np.arange(32) % 8
    kept = system.record(
        [np.arange(8)], "layers.0.mlp.down", edits=[Replace("layers.0.mlp.down", lambda a: keep_bricks(a, bricks))]
    )
    assert np.array_equal(
        kept.activity, keep_bricks(system.record([np.arange(8)], "layers.0.mlp.down").activity, bricks)
    )


def test_partition_of_a_recording():
    rng = np.random.default_rng(7)
    activity, brick = planted(rng, n=400)
    loudest = np.stack([activity[:, brick == b].mean(axis=1) for b in range(4)], axis=1).argmax(axis=1)
    recording = Recording.from_activity(
        np.hstack([activity, activity]),
        units={"site": ["b"] * 24 + ["a"] * 24},
        presentations={"job": [f"j{b}" for b in loudest]},
    )
    found = ffn_partition(recording, "job", n_bricks=4)
    for name in ("a", "b"):
        of_site = found["brick"].values[found["site"].values == name]
        assert same_partition(of_site, brick)
        score = found["brick_score"].sel(layer=name).values
        jobs = [int(brick[of_site == b][0]) for b in range(4)]
        assert score.argmax(axis=1).tolist() == jobs
    weights = {"a": np.eye(4)[brick], "b": rng.normal(size=(24, 5))}
    by_weights = ffn_partition(recording, "job", n_bricks=4, weights=weights)
    assert by_weights["modularity"].sel(layer="a") > by_weights["modularity"].sel(layer="b") + 0.2
    with pytest.raises(InputError, match="weights"):
        ffn_partition(recording, "job", n_bricks=4, weights={"a": np.eye(24)})


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: weight_bricks(np.ones((3, 2)), n_bricks=4), "n_bricks"),
        (lambda: weight_bricks(np.full((3, 2), np.nan), n_bricks=2), "weights"),
        (lambda: coactivation_bricks(np.ones((3, 2)), n_bricks=2), "graph"),
        (lambda: coactivation_bricks(-np.ones((3, 3)), n_bricks=2), "graph"),
        (lambda: modularity(np.ones((3, 3)), np.zeros(2)), "bricks"),
        (lambda: active_share(np.ones((1, 2)), np.zeros(2), mass=0), "mass"),
        (lambda: keep_bricks(np.ones((1, 2)), np.zeros(2), share=2), "share"),
        (lambda: keep_bricks(np.ones((1, 2)), np.zeros(3)), "bricks"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == named


def test_contract():
    assert {"permuting_units_permutes", "labels_survive", "nan_is_named"} <= set(check(ffn_partition))
