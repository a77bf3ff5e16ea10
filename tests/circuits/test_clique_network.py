from itertools import combinations

import numpy as np
import pytest

from multiunit.circuits.clique_network import clique_network, clique_response, random_cliques
from multiunit.core.errors import InputError
from multiunit.dynamics.clique_site import clique_site, reserve
from multiunit.populations.transient_states import transient_states

CLIQUES = [(0, 1, 2), (2, 3, 4), (5, 6, 7)]


def reference(cliques, images, *, duration, hold, afferent, random_state, teaching=None, learn=True, dt=0.1):
    """The network with matrices and the element itself, step by step."""
    n = max(map(max, cliques)) + 1
    linked = np.zeros((n, n), dtype=bool)
    for clique in cliques:
        linked[np.ix_(clique, clique)] = True
    other = ~linked
    np.fill_diagonal(linked, False)
    rng = np.random.default_rng(random_state)
    x, reservoir, v, signal = rng.uniform(0, 0.1, n), rng.uniform(0.5, 1, n), np.array(afferent), 0.0
    samples, taught = [], []
    for t in range(round(duration / dt)):
        y = images[t // round(hold / dt) % len(images)]
        excitation, inhibition, sensory = 0.15 * linked @ x, other @ (-reserve(reservoir) * x), v @ y
        alone = reserve(reservoir, midpoint=0.7) * excitation + inhibition
        turned = ((alone <= 0) & (alone + sensory > 0)).any()
        x, reservoir = clique_site(x, reservoir, excitation, inhibition, sensory, dt=dt)
        signal += dt * (0.2 * (1 - signal) if turned else -0.05 * signal)
        taught.append(learn and (signal > 0.2 if teaching is None else teaching[t]))
        if taught[-1]:
            win = (x > 0.85)[:, None]
            up = 1.25e-3 * (0.2 - sensory)[:, None] * y - 5e-3 * v * (1 - y)
            down = -1.25e-4 * np.maximum(0, sensory - 0.1)[:, None] * y
            v = np.maximum(0, v + dt * np.where(win, up, down))
        samples.append((x, reservoir, signal))
    return [np.stack(part) for part in zip(*samples, strict=True)], v, np.array(taught)


@pytest.mark.parametrize("how", ["own", "given", "none"])
def test_it_is_the_element_with_matrices_step_by_step(how):
    rng = np.random.default_rng(1)
    images, afferent = (rng.random((5, 6)) < 0.5).astype(float), rng.uniform(0, 0.2, (8, 6))
    teaching = rng.random(5000) < 0.3 if how == "given" else None
    given = {"duration": 500.0, "hold": 30.0, "afferent": afferent, "random_state": 2, "learn": how != "none"}
    found = clique_network(CLIQUES, images, teaching=teaching, every=1, **given)
    (x, reservoir, signal), v, taught = reference(CLIQUES, images, teaching=teaching, **given)
    assert np.allclose(found["x"], x, atol=1e-9)
    assert np.allclose(found["reservoir"], reservoir, atol=1e-9)
    assert np.allclose(found["signal"], signal, atol=1e-9)
    assert np.allclose(found["afferent"], v, atol=1e-12)
    assert np.array_equal(found["taught"], taught)
    assert taught.any() == (how != "none")
    assert np.allclose(v, afferent) == (how == "none")


def test_alone_it_spends_its_time_in_its_cliques_and_visits_most():
    cliques = random_cliques(20, 10)
    alone = clique_network(cliques, np.zeros((1, 4)), duration=2e4, learn=False)
    states = transient_states(alone["x"])
    states = states[states["start"] > 300]
    inside = states["state"].isin(cliques)
    assert states["duration"][inside].sum() > 0.9 * states["duration"].sum()
    assert states["state"][inside].nunique() >= 7
    assert not alone["taught"].any()


def test_a_clique_whose_image_is_shown_wins_the_transition():
    cliques = [(0, 1), (2, 3), (4, 5), (6, 7)]
    afferent = np.repeat(np.eye(4), 2, axis=0) * 0.2
    run = clique_network(cliques, np.eye(4)[[3, 1, 2, 0]], duration=1e4, hold=100.0, afferent=afferent, learn=False)
    states = transient_states(run["x"])
    states = states[states["state"].isin(cliques) & (states["start"] > 300)]
    shown = np.array([3, 1, 2, 0])[(states["start"] // 100).astype(int) % 4]
    won = [cliques.index(state) for state in states["state"]]
    assert len(won) > 20
    assert (shown == won).mean() > 0.8


def test_random_cliques_are_exactly_the_cliques_of_their_graph():
    cliques = random_cliques(20, 10, random_state=3)
    linked = {pair for clique in cliques for pair in combinations(clique, 2)}
    assert [c for c in combinations(range(20), 3) if linked.issuperset(combinations(c, 2))] == cliques
    assert len({site for clique in random_cliques(30, 10) for site in clique}) == 30


def test_responses_are_means_over_the_sites_of_a_clique():
    afferent = np.arange(8.0).reshape(4, 2)
    found = clique_response(afferent, [[1, 0], [0, 2]], cliques=[(0, 3), (1, 2)])
    assert found.tolist() == [[3.0, 8.0], [3.0, 8.0]]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"cliques": [(0, 1), (3, 4)]}, "cliques"),
        ({"cliques": [(0,), (1, 2)]}, "cliques"),
        ({"images": np.zeros(3)}, "images"),
        ({"images": [[-1.0]]}, "images"),
        ({"duration": 0.0}, "duration"),
        ({"hold": 0.0}, "duration"),
        ({"teaching": np.ones(3, bool)}, "teaching"),
        ({"afferent": np.ones((2, 2))}, "afferent"),
    ],
)
def test_errors_name_what_is_wrong(changes, name):
    given = {"cliques": CLIQUES, "images": np.zeros((1, 2)), "duration": 10.0} | changes
    with pytest.raises(InputError, match=f"^{name}="):
        clique_network(given.pop("cliques"), given.pop("images"), **given)


def test_cliques_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="size"):
        random_cliques(30, 3)
    with pytest.raises(InputError, match="n_cliques"):
        random_cliques(5, 9)
