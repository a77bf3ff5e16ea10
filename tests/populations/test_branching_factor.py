import numpy as np
import pytest
from scipy.sparse import csr_array

from multiunit.core import InputError
from multiunit.populations.branching_factor import branching_factor


def by_hand(spikes, adjacency, window, edge):
    shown = []
    for trial in spikes:
        units = []
        for i, train in enumerate(trial):
            ratios = []
            for t in np.flatnonzero(train):
                if not edge + window <= t < len(train) - edge - window:
                    continue
                sources, targets = np.flatnonzero(adjacency[:, i]), np.flatnonzero(adjacency[i])
                before = sum(trial[j, t - window : t].sum() for j in sources)
                after = sum(trial[j, t + 1 : t + 1 + window].sum() for j in targets)
                ratios.append(after / max(1, before))
            if ratios:
                units.append(np.mean(ratios))
        if units:
            shown.append(np.mean(units))
    return np.mean(shown)


@pytest.mark.parametrize(("window", "edge"), [(4, 5), (1, 0), (3, 20)])
def test_is_the_count_spike_by_spike(window, edge):
    rng = np.random.default_rng(0)
    spikes = rng.random((3, 9, 60)) < np.array([0.02, 0.2, 0.0])[:, None, None]
    adjacency = rng.random((9, 9)) < 0.3
    found = branching_factor(spikes, adjacency, window=window, edge=edge)
    assert found == pytest.approx(by_hand(spikes, adjacency, window, edge), rel=1e-12)
    weights = csr_array(adjacency * rng.normal(size=(9, 9)))
    assert branching_factor(spikes, weights, window=window, edge=edge) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("offspring", [0.5, 1.0, 1.5])
def test_a_branching_process_gives_its_mean_number_of_offspring(offspring):
    # Every spike has one spiking source, one step earlier, and each of its ten targets spikes with offspring / 10.
    rng = np.random.default_rng(1)
    n = 2000
    spikes = np.zeros((n, 12, 9), dtype=bool)
    spikes[:, 0, 3] = spikes[:, 1, 4] = True
    spikes[:, 2:, 5] = rng.random((n, 10)) < offspring / 10
    adjacency = np.zeros((12, 12))
    adjacency[0, 1] = 1
    adjacency[1, 2:] = 1
    # Unit 0 passes on one spike; unit 1 has `offspring`; the others have no targets.
    alone = branching_factor(spikes[:, :2, :], adjacency[:2, :2], window=1, edge=2)
    assert alone == 0.5
    passed = [branching_factor(trial[None], adjacency, window=1, edge=2) for trial in spikes]
    units = 2 + spikes[:, 2:, 5].sum(axis=1)
    mean = np.mean(np.array(passed) * units - 1)
    assert mean == pytest.approx(offspring, abs=4 * np.sqrt(offspring / n))


def test_nothing_to_count_is_refused():
    spikes = np.zeros((1, 3, 60), dtype=bool)
    with pytest.raises(InputError, match="no spike"):
        branching_factor(spikes, np.eye(3))
    with pytest.raises(InputError, match="window"):
        branching_factor(spikes, np.eye(3), edge=28)
    with pytest.raises(InputError, match="adjacency"):
        branching_factor(spikes, np.eye(4))
