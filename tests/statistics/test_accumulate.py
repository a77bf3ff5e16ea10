import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from multiunit.core import InputError, Recording, StoreError
from multiunit.core.statistic import Batch
from multiunit.statistics import FiringFraction, GroupMoments, Moments, TopPresentations, accumulate, recording_batches
from multiunit.statistics.accumulate import fingerprint

STATISTICS = {"moments": Moments(), "firing": FiringFraction("group"), "top": TopPresentations(4)}


def stream(first, *, n=20, stop=None):
    for number in range(first, n):
        if number == stop:
            raise KeyboardInterrupt
        rng = np.random.default_rng(number)
        table = pd.DataFrame({"sequence_id": np.full(30, number), "position": np.arange(30), "group": number % 3})
        yield Batch({"a": rng.normal(size=(30, 4)), "b": rng.normal(size=(30, 6))}, table)


def assert_identical(one, two):
    assert one.keys() == two.keys()
    for name in one:
        xr.testing.assert_identical(one[name], two[name])


def test_units_of_all_sites_stand_side_by_side():
    found = accumulate(stream, STATISTICS)
    assert found["moments"]["unit_id"].values.tolist() == [f"a/{i}" for i in range(4)] + [f"b/{i}" for i in range(6)]
    assert found["firing"]["group"].values.tolist() == ["0", "1", "2"]
    assert found["firing"]["n"].dims == ("group",)
    stored = np.concatenate([batch.activity["b"] for batch in stream(0)])
    np.testing.assert_allclose(found["moments"]["mean"][4:], stored.mean(0), atol=1e-12)


@pytest.mark.parametrize("stop", [1, 9, 10, 19])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, stop):
    checkpoint = tmp_path / "sums.npz"
    with pytest.raises(KeyboardInterrupt):
        accumulate(lambda first: stream(first, stop=stop), STATISTICS, checkpoint=checkpoint, every=5)
    opened = []

    def again(first):
        opened.append(first)
        return stream(first)

    assert_identical(accumulate(again, STATISTICS, checkpoint=checkpoint, every=5), accumulate(stream, STATISTICS))
    assert opened == [stop - stop % 5]


def test_killed_at_half_the_result_is_identical(tmp_path):
    script = textwrap.dedent("""
        import sys, os, signal
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from test_accumulate import STATISTICS, stream, accumulate
        def killed(first):
            for number, batch in enumerate(stream(first)):
                if number == 10:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield batch
        accumulate(killed, STATISTICS, checkpoint=Path(sys.argv[2]), every=3)
    """)
    checkpoint = tmp_path / "sums.npz"
    arguments = [sys.executable, "-c", script, os.path.dirname(__file__), str(checkpoint)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert checkpoint.exists()
    assert_identical(accumulate(stream, STATISTICS, checkpoint=checkpoint, every=3), accumulate(stream, STATISTICS))


def test_a_checkpoint_of_another_question_is_refused(tmp_path):
    checkpoint = tmp_path / "sums.npz"
    accumulate(stream, STATISTICS, checkpoint=checkpoint, every=5)
    with pytest.raises(InputError, match="made for other statistics"):
        accumulate(stream, STATISTICS | {"top": TopPresentations(5)}, checkpoint=checkpoint)
    assert fingerprint(STATISTICS)["top"] != fingerprint({"top": TopPresentations(5)})["top"]
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(StoreError, match="delete it to start anew"):
        accumulate(stream, STATISTICS, checkpoint=checkpoint)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    checkpoint = tmp_path / "sums.npz"
    accumulate(stream, STATISTICS, checkpoint=checkpoint, every=10)
    before = checkpoint.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StoreError, match="No space left on device"):
        accumulate(lambda first: stream(first, n=40), STATISTICS, checkpoint=checkpoint, every=10)
    assert checkpoint.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sums.npz"]


def test_an_empty_stream_and_nan_name_what_is_wrong():
    with pytest.raises(InputError, match="the stream was empty"):
        accumulate(lambda first: iter(()), STATISTICS)
    bad = Batch({"layer.3": np.full((2, 2), np.nan)}, pd.DataFrame({"sequence_id": [0, 1], "position": 0, "group": 0}))
    with pytest.raises(InputError, match=r"activity of layer\.3='4 NaN or infinite values': in 2 of 2 units"):
        accumulate(lambda first: iter([bad]), STATISTICS)


def test_a_recording_streams():
    rng = np.random.default_rng(0)
    units = {"site": ["v1", "v1", "it"]}
    recording = Recording.from_activity(
        rng.normal(size=(50, 3)), units=units, presentations={"group": np.arange(50) % 2}
    )
    found = accumulate(
        lambda first: recording_batches(recording, batch_size=7, first_batch=first), {"m": GroupMoments("group")}
    )["m"]
    assert found["unit_id"].values.tolist() == ["v1/0", "v1/1", "it/0"]
    np.testing.assert_allclose(found["mean"].sel(group="1"), recording.activity[1::2].mean(0))


def test_many_machines_give_the_same_numbers():
    distributed = pytest.importorskip("distributed", reason="needs the extra scale")
    from multiunit.statistics import accumulate_distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = accumulate_distributed(
            client, lambda number: stream(number, n=number + 1), n_shards=5, statistics=STATISTICS
        )
    expected = accumulate(lambda first: stream(first, n=5), STATISTICS)
    for name in expected:
        xr.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
    xr.testing.assert_identical(found["top"], expected["top"])
