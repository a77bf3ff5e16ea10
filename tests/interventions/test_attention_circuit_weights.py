import numpy as np
import pytest
import torch
import xarray as xr

from multiunit.core import InputError
from multiunit.interventions.attention_circuit_weights import attention_circuits, pattern_report


def _weights(rng, n_heads=2, inner=3, stream=5):
    into = rng.normal(size=(3, n_heads, inner, stream))
    return [*into, rng.normal(size=(n_heads, stream, inner))]


def test_circuits_give_the_scores_and_the_writing_of_every_head():
    rng = np.random.default_rng(0)
    query, key, value, output = _weights(rng)
    found = attention_circuits(query, key, value=torch.tensor(value, requires_grad=True), output=output)
    token, asked = rng.normal(size=(2, 5))
    for h in range(2):
        assert token @ found["kq"].values[h] @ asked == pytest.approx((key[h] @ token) @ (query[h] @ asked))
        np.testing.assert_allclose(found["ov"].values[h] @ token, output[h] @ (value[h] @ token))


def test_a_change_of_basis_inside_the_head_cancels():
    rng = np.random.default_rng(1)
    query, key, value, output = _weights(rng)
    mix = rng.normal(size=(2, 3, 3))
    undo = np.linalg.inv(mix)
    changed = attention_circuits(mix @ query, undo.transpose(0, 2, 1) @ key, value=mix @ value, output=output @ undo)
    xr.testing.assert_allclose(changed, attention_circuits(query, key, value=value, output=output))


def _circuits(kq, ov):
    return xr.Dataset({"kq": (("head", "key", "query"), kq), "ov": (("head", "written", "read"), ov)})


def test_the_report_reads_off_what_was_planted():
    kq, ov = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    kq[0, :3, :3] = [[0.2, 0.03, -0.03], [0.03, 0.3, 0.03], [-0.03, -0.03, 0.4]]
    kq[1, :3, :3] = -0.5 * np.eye(3)
    kq[1, 3, :3] = 0.1
    kq[:, :, 3] = 7.0  # meets the query's y, which is 0: counts for nothing
    ov[0, 3] = [0.2, -0.2, 0.2, 2.0]
    ov[1, 3] = [0.0, 0.0, 0.0, -1.0]
    ov[:, :3] = 9.0  # is not read
    found = pattern_report(_circuits(kq, ov))
    np.testing.assert_allclose(found["omega"], [0.3, -0.5])
    np.testing.assert_allclose(found["spread"], [np.std([0.2, 0.3, 0.4]) / 0.3, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["off_diagonal"], [0.1, 0.0])
    np.testing.assert_allclose(found["label"], [0.0, 0.2])
    np.testing.assert_allclose(found["mu"], [2.0, -1.0])
    np.testing.assert_allclose(found["leak"], [0.1, 0.0])
    assert found["zero_sum"].item() == pytest.approx(1 / 3)


def test_off_the_diagonal_of_random_circuits_is_as_large_as_on_it():
    kq, ov = np.random.default_rng(2).normal(size=(2, 1, 201, 201))
    found = pattern_report(_circuits(kq, ov))
    assert found["off_diagonal"].item() == pytest.approx(1, abs=0.2)
    assert found["zero_sum"].item() == 1


def test_refuses_what_does_not_fit():
    query, key, value, output = _weights(np.random.default_rng(3))
    for arguments in (
        (query, key[:1], value, output),
        (query, key, value, value),
        (query, key, value[:1], output[:1]),
        (query[0], key[0], value[0], output[0]),
        (query * np.nan, key, value, output),
    ):
        with pytest.raises(InputError, match="query"):
            attention_circuits(*arguments[:2], value=arguments[2], output=arguments[3])
    for width in (2, 3):
        with pytest.raises(InputError, match="circuits"):
            pattern_report(_circuits(np.zeros((1, width, width)), np.zeros((1, width, width))))
