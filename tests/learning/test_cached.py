import pytest
import torch

from multiunit.core.errors import InputError, StoreError
from multiunit.learning import cached
from multiunit.networks import TinyTransformer


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_each_recipe_is_trained_once(folder):
    trained = []

    def train(seed):
        trained.append(seed)
        return TinyTransformer(5, random_state=seed).state_dict()

    first = cached({"seed": 0, "steps": 3}, lambda: train(0))
    again = cached({"steps": 3, "seed": 0}, lambda: train(0))
    other = cached({"seed": 1, "steps": 3}, lambda: train(1))
    assert trained == [0, 1]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.mlp.up.weight"], other["layers.0.mlp.up.weight"])
    TinyTransformer(5).load_state_dict(again)  # tied weights survive
    assert len(list(folder.iterdir())) == 2


def test_a_truncated_file_is_made_anew(folder):
    cached({"a": 1}, lambda: {"w": torch.arange(100.0)})
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:200])
    assert cached({"a": 1}, lambda: {"w": torch.ones(1)})["w"].tolist() == [1.0]
    assert cached({"a": 1}, lambda: {"w": torch.zeros(1)})["w"].tolist() == [1.0]


def test_a_failed_training_leaves_nothing(folder):
    with pytest.raises(ZeroDivisionError):
        cached({"a": 1}, lambda: {"w": torch.ones(1 // 0)})
    assert not folder.exists() or not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MULTIUNIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StoreError, match="MULTIUNIT_CACHE"):
        cached({"a": 1}, lambda: {"w": torch.ones(1)})


def test_a_recipe_must_be_json(folder):
    with pytest.raises(InputError, match="JSON"):
        cached({"a": object()}, dict)
