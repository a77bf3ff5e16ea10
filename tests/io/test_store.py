import json
import resource
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiunit.core import InputError, Recording, StoreError
from multiunit.io import StoreWriter, open_store, write_store
from multiunit.statistics import Moments, recording_batches
from multiunit.statistics.accumulate import accumulate

quiet = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def example():
    rng = np.random.default_rng(0)
    return Recording.from_activity(
        rng.normal(size=(9000, 5)).astype("float32"),
        units={"site": list("aabbb"), "depth": np.arange(5)},
        presentations={"word": rng.choice(["to", "be", "ünï"], 9000), "onset": np.arange(9000) * 0.1},
        observed=rng.random((9000, 5)) > 0.1,
        kind="calcium",
        source="here",
    )


@quiet
@given(data=st.data(), n=st.integers(1, 6), u=st.integers(1, 4), texts=st.lists(st.text(), min_size=6, max_size=6))
def test_what_goes_in_comes_out(tmp_path_factory, data, n, u, texts):
    path = tmp_path_factory.mktemp("stores") / "s"
    dtype = data.draw(st.sampled_from(["float32", "float64", "int16", "bool"]))
    activity = np.random.default_rng(n * u).normal(size=(n, u)).astype(dtype)
    recording = Recording.from_activity(activity, presentations={"text": texts[:n]}, note=texts[0])
    write_store(recording, path)
    xr.testing.assert_identical(open_store(path).dataset.load(), recording.dataset)


def test_spikes_behaviour_and_edges_come_out_too(tmp_path):
    spikes = Recording.from_spikes(
        [[0.1, 0.4], [], [0.2]], behaviour={"x": [0.0, 1.0]}, time=[0.0, 1.0], presentations={"onset": [0.0, 0.5]}
    )
    edges = {"pre": ("edge", [0, 1]), "post": ("edge", [1, 2]), "weight": ("edge", [0.5, -1.0])}
    recording = Recording(spikes.dataset.assign(edges))
    write_store(recording, tmp_path / "s")
    again = open_store(tmp_path / "s")
    xr.testing.assert_identical(again.dataset.load(), recording.dataset)
    assert [t.tolist() for t in again.spike_trains] == [[0.1, 0.4], [], [0.2]]


def test_written_piece_by_piece_it_is_the_same(tmp_path):
    recording = example()
    table = recording.presentations
    with StoreWriter(tmp_path / "s", units=recording.units.reset_index(), attrs={"kind": "calcium"}) as writer:
        for start in range(0, 9000, 777):
            rows = slice(start, start + 777)
            writer.append(recording.activity[rows], table.iloc[rows].reset_index())
    again = open_store(tmp_path / "s")
    np.testing.assert_array_equal(again.activity, recording.activity)
    assert again.presentations["word"].tolist() == table["word"].tolist()
    assert again.units.equals(recording.units)


def test_blocks_are_read_as_they_are_asked_for(tmp_path, monkeypatch):
    write_store(Recording.from_activity(example().activity), tmp_path / "s")
    from multiunit.io import store

    read = []
    plain = store._Lazy.read

    def counted(self, key):
        block = plain(self, key)
        read.append(block.shape)
        return block

    lazy = open_store(tmp_path / "s")
    monkeypatch.setattr(store._Lazy, "read", counted)
    found = accumulate(lambda k: recording_batches(lazy, batch_size=2048, first_batch=k), {"m": Moments()})
    assert max(shape[0] for shape in read) == 2048
    np.testing.assert_allclose(found["m"]["mean"], example().activity.mean(0, dtype=float), atol=1e-7)
    chosen = lazy.select(presentations=np.arange(20, 10, -2), units=[1, 3])
    np.testing.assert_array_equal(chosen.activity, example().activity[20:10:-2][:, [1, 3]])


def _write(path, units, activity, *, error=None):
    with StoreWriter(path, units=units, attrs={}) as writer:
        writer.append(activity, pd.DataFrame(index=range(len(activity))))
        if error is not None:
            raise error


def test_a_failure_leaves_the_earlier_store(tmp_path):
    path, units = tmp_path / "s", pd.DataFrame({"site": ["a", "a"]})
    write_store(Recording.from_activity(np.ones((3, 2))), path)
    with pytest.raises(KeyboardInterrupt):
        _write(path, units, np.zeros((4, 2)), error=KeyboardInterrupt())
    with pytest.raises(InputError, match=r"needs \(4, 2\)"):
        _write(path, units, np.zeros((4, 3)))
    with pytest.raises(InputError, match="unit_id"):
        _write(path, units.assign(unit_id="same"), np.zeros((4, 2)))
    assert open_store(path).activity.tolist() == [[1.0, 1.0]] * 3
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_kill_leaves_the_earlier_store(tmp_path):
    write_store(Recording.from_activity(np.ones((3, 2))), tmp_path / "s")
    code = f"""
import os, signal, numpy as np, pandas as pd
from multiunit.io import StoreWriter
with StoreWriter({str(tmp_path / "s")!r}, units=pd.DataFrame({{"site": ["a", "a"]}}), attrs={{}}) as writer:
    writer.append(np.zeros((5000, 2)), pd.DataFrame(index=range(5000)))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert open_store(tmp_path / "s").activity.tolist() == [[1.0, 1.0]] * 3
    write_store(Recording.from_activity(np.zeros((2, 2))), tmp_path / "s")
    assert open_store(tmp_path / "s").n_presentations == 2


def test_a_full_disk_is_a_named_error_and_the_earlier_store_stays(tmp_path):
    small = Recording.from_activity(np.ones((3, 2)))
    write_store(small, tmp_path / "s")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises(StoreError, match="cannot write"):
            write_store(example(), tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert open_store(tmp_path / "s").activity.tolist() == [[1.0, 1.0]] * 3


def chunks(path):
    return sorted(p for p in (path / "activity").rglob("*") if p.is_file() and p.name != "zarr.json")


def test_damage_is_named(tmp_path):
    path = tmp_path / "s"
    write_store(example(), path)
    first = chunks(path)[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:-10])
    with pytest.raises(StoreError, match=r"is damaged: activity/c/0/0 should have \d+ bytes and is \d+ bytes"):
        open_store(path)
    first.unlink()
    with pytest.raises(StoreError, match=r"activity/c/0/0 should have .* and is missing"):
        open_store(path)
    first.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    lazy = open_store(path)
    with pytest.raises(StoreError, match="is damaged: activity"):
        lazy.activity.sum()
    first.write_bytes(whole)
    assert open_store(path).activity.shape == (9000, 5)
    manifest = path / "multiunit.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema": "multiunit/9"}))
    with pytest.raises(StoreError, match="multiunit/9"):
        open_store(path)
    manifest.write_text("{")
    with pytest.raises(StoreError, match="no readable store"):
        open_store(path)


def test_nothing_else_is_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("words")
    with pytest.raises(StoreError, match="is no store"):
        write_store(example(), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "words"
