import numpy as np
import pytest
import xarray as xr

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.interventions.discrete_code_circuit import discrete_code_circuit, exclusive_codes, head_outputs
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem


class Nearest:
    """A dictionary whose features are one-sided readings of the units."""

    def encode(self, activity):
        return np.concatenate([np.maximum(activity, 0), np.maximum(-activity, 0)], axis=-1)


def planted(rng, n=12, n_heads=6):
    """Head 2 answers along axes 0 and 1 on positives, 2 on negatives; head 4 too, paired with it; others: any axis."""
    positive = np.arange(n) < n // 2
    axis = rng.integers(2, 8, size=(n, n_heads))
    axis[0], axis[-8:] = 2, np.arange(8)[:, None] % 6 + 2
    axis[:, 2] = np.where(positive, rng.integers(2, size=n), 2)
    outputs = np.eye(8)[axis] + 0.05 * rng.normal(size=(n, n_heads, 8))
    return outputs, positive


def test_exclusive_codes_against_sets():
    rng = np.random.default_rng(0)
    codes, positive = rng.integers(3, 12, size=(30, 7)), rng.random(30) < 0.5
    only, every = exclusive_codes(codes, positive)
    for column in range(7):
        plus, minus = set(codes[positive, column]), set(codes[~positive, column])
        assert only[column] == len(plus - minus)
        assert every[column] == len(plus | minus)


def test_the_planted_head_is_found_and_permuted_labels_lose_it():
    rng = np.random.default_rng(1)
    outputs, positive = planted(rng, n=40)
    found = discrete_code_circuit(outputs, positive, dictionary=Nearest())
    assert found["score"].values.argmax() == 2
    assert found["probability"].sum() == pytest.approx(1)
    permuted = [discrete_code_circuit(outputs, rng.permutation(positive), dictionary=Nearest()) for _ in range(10)]
    assert np.mean([p["score"].values[2] for p in permuted]) < 0.5 * found["score"].values[2]


def test_edges_are_pairs_of_positives_only_and_lead_to_later_layers():
    codes = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    heads = xr.DataArray(
        codes, dims=("example", "head"), coords={"layer": ("head", [0, 0, 1, 1]), "head": list("abcd")}
    )
    found = discrete_code_circuit(heads, [True, True, False, False])
    assert found["score"].values.tolist() == [0, 0, 0, 0]  # no head alone tells them apart
    # (a, d) and (b, c) differ on positives only, (a, c) and (b, d) never; pairs within a layer are no edges.
    expected = xr.zeros_like(found["edge"])
    expected.loc["a", "d"] = expected.loc["b", "c"] = 2
    assert found["edge"].equals(expected)
    assert not discrete_code_circuit(heads, [True, True, False, False], edges=False)["edge"].any()


def test_over_union_takes_the_advantage_of_many_codes():
    codes = np.array([[0, 0], [1, 1], [2, 1], [3, 1], [3, 2], [4, 2], [5, 2], [6, 2]])
    positive = np.arange(8) < 4
    counted, shared = (
        discrete_code_circuit(codes, positive, over_union=over)["score"].values for over in (False, True)
    )
    assert counted.tolist() == [3, 2]
    assert shared.tolist() == [3 / 7, 2 / 3]


def test_head_outputs_are_the_recorded_activity():
    system = TorchSystem(TinyTransformer(9, max_positions=8, width=12, n_heads=3, n_layers=2))
    tokens = [np.array(t) for t in ([1, 2, 3], [4, 5, 6, 7, 8], [2, 1])]
    mean, last = head_outputs(system, tokens), head_outputs(system, tokens, position=-1)
    assert mean.dims == ("example", "head", "unit")
    assert mean.shape == (3, 6, 4)
    recording = system.record(tokens, "layers.*.attention.output")
    for row in range(3):
        own = recording.activity[(recording.presentations["sequence_id"] == row).to_numpy()]
        assert np.allclose(mean[row].values.ravel(), own.mean(axis=0), atol=1e-6)
        assert np.allclose(last[row].values.ravel(), own[-1], atol=1e-6)
    assert mean["layer"].values.tolist() == [0, 0, 0, 1, 1, 1]
    assert head_outputs(system, tokens, sites="layers.1.*").shape == (3, 3, 4)
    with pytest.raises(InputError, match="no such token"):
        head_outputs(system, tokens, position=2)


@pytest.mark.parametrize(
    ("heads", "positive", "options", "named"),
    [
        (np.ones((4, 3)), [True, True, False, False], {}, "heads"),
        (np.ones((4, 3), dtype=int), [True] * 4, {}, "positive"),
        (np.ones((4, 3), dtype=int), [True, False], {}, "positive"),
        (np.full((2, 3, 2), np.nan), [True, False], {"dictionary": Nearest()}, "heads"),
        (np.ones((2, 3, 2)), [True, False], {"dictionary": object()}, "dictionary"),
    ],
)
def test_bad_input_is_named(heads, positive, options, named):
    with pytest.raises(InputError) as caught:
        discrete_code_circuit(heads, positive, **options)
    assert caught.value.argument == named


def test_contract():
    assert "inputs_unmutated" in check(discrete_code_circuit, only="inputs_unmutated")
