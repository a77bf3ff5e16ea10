import networkx as nx
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from multiunit.core.errors import InputError
from multiunit.learning.coupled_learners import coupled_learners, redundancy_errors
from multiunit.learning.redundancy_bound import laplacian, redundancy_bound

RING = nx.to_numpy_array(nx.cycle_graph(5))


def descent(w):
    """Of sum(cosh w): nonlinear, the optimum at 0."""
    return np.sinh(w)


def test_without_noise_it_is_the_gradient_flow():
    run = coupled_learners(descent, [1.5, -0.5], adjacency=RING, noise=0.0, duration=1.0, dt=1e-3)
    flow = solve_ivp(lambda t, w: -descent(w), (0, 1), [1.5, -0.5], rtol=1e-9, atol=1e-9)
    assert np.allclose(run["weights"][-1, 0], flow.y[:, -1], atol=1e-3)
    assert np.isclose(run["time"][-1], 1.0)


def test_an_explicit_small_step_with_the_same_noise_gives_the_same_path():
    dt, noise, coupling, correlation, n_steps = 1e-3, 0.5, 2.0, 0.4, 400
    run = coupled_learners(
        descent, [1.0], adjacency=RING, coupling=coupling, noise=noise, correlation=correlation,
        duration=n_steps * dt, dt=dt, random_state=3,
    )  # fmt: skip
    rng, w, graph = np.random.default_rng(3), np.full((5, 1), 1.0), laplacian(RING)
    modes = np.linalg.eigh(graph)[1]
    for _ in range(n_steps):
        own = modes @ rng.standard_normal((1, 5, 1))[0]
        common = rng.standard_normal((1, 1, 1))[0]
        kick = np.sqrt((1 - correlation) * dt) * own + np.sqrt(correlation * dt) * common
        w = w - dt * descent(w) - dt * coupling * graph @ w + noise * kick
    assert np.allclose(run["weights"][-1, 0], w, atol=5e-3)
    assert w.std() > 0.05


@pytest.mark.parametrize(("coupling", "correlation"), [(0.0, 0.0), (1.0, 0.0), (50.0, 0.0), (1.0, 0.5)])
def test_stationary_errors_are_those_of_theory_also_where_an_explicit_step_would_diverge(coupling, correlation):
    curvature = np.array([0.5, 1.0, 1.0, 1.5])
    run = coupled_learners(
        lambda w: curvature * w, np.zeros(4), adjacency=1 - np.eye(5), coupling=coupling, noise=1.0,
        correlation=correlation, duration=200, dt=0.02, every=20, n_runs=16,
    )  # fmt: skip
    found = redundancy_errors(run["weights"].isel(sample=run["time"] > 10), np.zeros(4)).mean()
    theory = redundancy_bound(1 - np.eye(5), curvature, coupling=coupling, noise=1.0, correlation=correlation)
    assert np.isclose(found["centroid_error"], theory.centroid, rtol=0.1)
    assert np.isclose(found["dispersion"], theory.dispersion, rtol=0.1)
    assert np.isclose(found["single_error"], found["centroid_error"] + found["dispersion"])


def test_shared_noise_keeps_copies_together():
    run = coupled_learners(
        descent, [0.3], adjacency=np.zeros((4, 4)), coupling=0.0, noise=1.0, correlation=1.0, duration=3.0
    )
    assert float(run["weights"].std("copy").max()) < 1e-12 < 0.1 < float(run["weights"].std("sample").max())


def test_samples_are_every_so_many_steps_and_a_seed_gives_the_same():
    def run(every):
        return coupled_learners(descent, [0.0, 0.0], adjacency=RING, duration=1.0, dt=0.1, every=every, n_runs=2)

    assert run(3)["weights"].shape == (3, 2, 5, 2)
    assert np.array_equal(run(3)["weights"], run(1)["weights"][2::3])


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"coupling": -1.0}, "coupling"),
        ({"noise": -1.0}, "coupling"),
        ({"correlation": 2.0}, "coupling"),
        ({"duration": 0.0}, "duration"),
        ({"dt": 0.0}, "duration"),
        ({"adjacency": np.ones((2, 3))}, "adjacency"),
        ({"initial": np.zeros((2, 2))}, "initial"),
        ({"gradient": lambda w: -1e3 * w, "initial": [1.0], "duration": 50.0}, "dt"),
    ],
)
def test_errors_name_what_is_wrong(changes, name):
    given = {"gradient": descent, "initial": np.zeros(2), "adjacency": RING, "duration": 1.0} | changes
    with pytest.raises(InputError, match=f"^{name}="), np.errstate(all="ignore"):
        coupled_learners(given.pop("gradient"), given.pop("initial"), **given)


def test_errors_need_copies_and_an_optimum_that_fits():
    with pytest.raises(InputError, match="weights"):
        redundancy_errors(xr.DataArray(np.zeros((2, 3)), dims=("sample", "weight")), np.zeros(3))
    with pytest.raises(InputError, match="weights"):
        redundancy_errors(xr.DataArray(np.zeros((2, 3)), dims=("copy", "weight")), np.zeros(2))
