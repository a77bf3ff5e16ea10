import functools
import json
import weakref

import numpy as np
import pytest

from multiunit.core import InputError, Recording
from multiunit.io.store import open_store, write_store
from multiunit.similarity.compare_many import compare_many
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.max_correlation import max_correlation


@pytest.fixture
def systems():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    return {"a": x, "b": x[:, :2] + rng.normal(size=(50, 2)), "c": Recording.from_activity(rng.normal(size=(50, 3)))}


def counted(metric):
    @functools.wraps(metric)
    def wrapped(x, y):
        wrapped.calls += 1
        return metric(x, y)

    wrapped.calls = 0
    return wrapped


@pytest.mark.parametrize("metric", [linear_cka, max_correlation])
def test_every_cell_holds_its_score(systems, metric):
    found = compare_many(systems, metric)
    for a in systems:
        for b in systems:
            assert float(found.sel(system=a, other_system=b)) == pytest.approx(
                metric(systems[a], systems[b]), abs=1e-12
            )
    assert found.attrs["symmetric"] == (metric is linear_cka)
    assert found.attrs["distance"] is False


def test_half_of_a_symmetric_matrix_is_computed(systems):
    symmetric, whole = counted(linear_cka), counted(max_correlation)
    seen = []
    compare_many(systems, symmetric, progress=lambda done, total: seen.append((done, total)))
    compare_many(systems, whole)
    compare_many(systems, whole, symmetric=True)
    assert (symmetric.calls, whole.calls) == (6, 9 + 6)
    assert seen == [(n, 6) for n in range(1, 7)]


def test_two_systems_at_a_time_are_loaded():
    loaded, alive = [], []

    class Loader(dict):
        def __getitem__(self, name):
            array = np.random.default_rng(super().__getitem__(name)).normal(size=(20, 3))
            loaded.append(weakref.ref(array))
            return array

    def metric(x, y):
        alive.append(sum(ref() is not None for ref in loaded))
        return 0.0

    compare_many(Loader({str(seed): seed for seed in range(6)}), metric)
    assert len(alive) == 36
    assert max(alive) == 2


def test_a_killed_run_goes_on_where_it_was(systems, tmp_path):
    class Killed(BaseException):
        pass

    def stop(done, total):
        if done == 4:
            raise Killed

    first, second = counted(linear_cka), counted(linear_cka)
    with pytest.raises(Killed):
        compare_many(systems, first, folder=tmp_path / "pairs", progress=stop)
    (tmp_path / "pairs" / ".half.json.1.new").write_text("{")
    seen = []
    found = compare_many(systems, second, folder=tmp_path / "pairs", progress=lambda done, total: seen.append(done))
    assert (first.calls, second.calls, seen) == (4, 2, [4, 5, 6])
    assert found.equals(compare_many(systems, linear_cka))


def test_results_are_kept_by_content_and_metric(systems, tmp_path):
    compare_many(systems, linear_cka, folder=tmp_path)
    renamed = counted(linear_cka)
    again = compare_many({f"new {n}": systems[n] for n in reversed(systems)}, renamed, folder=tmp_path)
    assert renamed.calls == 0
    assert again.values.tolist() == compare_many(systems, linear_cka).values[::-1, ::-1].tolist()
    changed = counted(linear_cka)
    compare_many(systems | {"a": systems["a"] + np.eye(50, 4)}, changed, folder=tmp_path)
    assert changed.calls == 3
    for other in (max_correlation, functools.partial(linear_cka, debiased=False)):
        with pytest.raises(InputError, match="linear_cka; take another"):
            compare_many(systems, other, folder=tmp_path)
    assert "debiased=False" in compare_many(systems, functools.partial(linear_cka, debiased=False)).attrs["metric"]
    assert json.loads((tmp_path / "metric.json").read_text())["metric"].endswith("linear_cka")


def test_stores_are_read_lazily(systems, tmp_path):
    write_store(systems["c"], tmp_path / "c")
    found = compare_many(systems | {"c": open_store(tmp_path / "c")}, linear_cka)
    np.testing.assert_allclose(found, compare_many(systems, linear_cka))


def test_dask_gives_the_same(systems, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra scale")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = compare_many(systems, max_correlation, client=client, folder=tmp_path / "pairs")
    assert found.equals(compare_many(systems, max_correlation))
    assert len(list((tmp_path / "pairs").glob("*-*.json"))) == 9


def test_what_is_refused(systems):
    with pytest.raises(InputError, match="at least one"):
        compare_many({}, linear_cka)
    with pytest.raises(InputError, match=r"'a', 'short'.*same presentations"):
        compare_many({"a": systems["a"], "short": systems["a"][:9]}, linear_cka)
    with pytest.raises(InputError, match="not one finite number"):
        compare_many(systems, lambda x, y: np.nan)
