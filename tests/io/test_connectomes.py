"""The larva's brain and the fly's optic lobe, as tables of cells and edges, and as circuits."""

import gzip

import numpy as np
import pytest

from multiunit.circuits import Circuit, EdgeList, Population, Projection
from multiunit.core.errors import InputError
from multiunit.dynamics.leaky_integrate_and_fire import exponential_current_neuron
from multiunit.io.fly_optic_lobe import read_fly_optic_lobe
from multiunit.io.larva_connectome import read_larva_connectome


def running(labels, edges):
    cells = Population(len(labels), exponential_current_neuron, name="cells", labels=labels, v_rest=-0.049)
    wiring = EdgeList.from_table(edges.assign(weight=edges["weight"] * 1e-4), pre=labels)
    projection = Projection("cells", "cells", connectivity=wiring, into="excitatory_spikes")
    return Circuit([cells], [projection]).run(0.05).spikes


def test_the_larva_runs_as_a_circuit(shared_data):
    neurons, edges = read_larva_connectome(shared_data("larva_connectome"))
    assert (len(neurons), len(edges)) == (3591, 119010)
    assert neurons["label"].is_unique
    assert set(edges["pre"]) | set(edges["post"]) <= set(neurons["label"])
    spikes = running(neurons["label"].tolist(), edges)
    assert spikes.units["label"].tolist() == neurons["label"].tolist()
    assert spikes.dataset["spike_count"].sum() > 0


def test_the_optic_lobe_runs_as_a_circuit(shared_data):
    cells, edges = read_fly_optic_lobe(shared_data("fly_optic_lobe") / "fib25-fib19_v2.2.json", extent=2)
    # 63 types in all 19 columns, two in those with u a multiple of 3 and v of 2.
    assert len(cells) == 63 * 19 + 2 * 3
    assert running(cells["label"].tolist(), edges).dataset["spike_count"].sum() > 0


def test_every_column_of_the_optic_lobe_sees_the_same_offsets(shared_data):
    cells, edges = read_fly_optic_lobe(shared_data("fly_optic_lobe") / "fib25-fib19_v2.2.json", extent=4)
    place = cells.set_index("label")
    moves = place.loc[edges["post"], ["u", "v"]].to_numpy() - place.loc[edges["pre"], ["u", "v"]].to_numpy()
    source, target = (place.loc[edges[side], "type"].to_numpy() for side in ("pre", "post"))
    chosen = (source == "Mi9") & (target == "T4a")
    for move in np.unique(moves[chosen], axis=0):
        assert edges["weight"][chosen & (moves == move).all(1)].nunique() == 1


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="needs G_edgelist"):
        read_larva_connectome(tmp_path)
    (tmp_path / "meta_data.csv.gz").write_bytes(gzip.compress(b"id,name\n1,a\n"))
    (tmp_path / "G_edgelist.txt.gz").write_bytes(gzip.compress(b"1 2\n"))
    with pytest.raises(InputError, match="without pre, post"):
        read_larva_connectome(tmp_path)
    (tmp_path / "lobe.json").write_text('{"nodes": []}')
    with pytest.raises(InputError, match="is no optic lobe"):
        read_fly_optic_lobe(tmp_path / "lobe.json")
    with pytest.raises(InputError, match="extent=-1"):
        read_fly_optic_lobe(tmp_path / "lobe.json", extent=-1)


def test_names_that_occur_twice_are_refused():
    import pandas as pd

    table = pd.DataFrame({"pre": ["a"], "post": ["b"]})
    with pytest.raises(InputError, match="pre=1: names must differ"):
        EdgeList.from_table(table, pre=["a", "a"])
    with pytest.raises(InputError, match="needs the columns pre and post"):
        EdgeList.from_table(table.rename(columns={"pre": "from"}), pre=["a", "b"])
    with pytest.raises(InputError, match="labels=1: needs 2 different names"):
        Population(2, exponential_current_neuron, labels=["a", "a"])
