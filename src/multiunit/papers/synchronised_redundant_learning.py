"""Synchronisation and redundancy: coupled copies of a noisy learner err less, by an amount that their graph tells.

Claim: the error of redundant noisy learners is governed by the strength of their coupling, their number and the
spectrum of the coupling graph's Laplacian, and the estimates of theory are tight.

Experiment: a quadratic loss of five curvatures (0.5 to 1.5) under noise 1; 1, 5 and 20 copies; coupling 0, 0.1, 1 and
10; all to all, ring, star and small world. Worst ratios of measured to predicted error, of the mean of the copies and
of the copies about it. Then ridge regression that tells the handwritten digits 0 from 1 (64 weights, whose curvatures
are those of the data), and for a loss that is not quadratic, logistic regression on the same; both with 20 copies all
to all, noise 0.5, and the share of held-out digits that a copy tells right.

Control: no coupling; noise that all copies share, when copies must be of no use; a ring in which each copy has its four
nearest neighbours against a random graph of as many edges, which mixes faster.

Deviations: the catalogue's step of 0.01 is unstable with 20 copies and coupling 10, so coupling is solved exactly; the
ring and random graphs of equal edges have degree 4, since the only connected graph of degree 2 is the ring; the errors
on digits and the two graphs are in the criterion.

Not shown: delayed or quantised coupling, and copies that differ.
"""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from scipy.optimize import root
from scipy.special import expit

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.coupled_learners import coupled_learners, redundancy_errors
from multiunit.learning.redundancy_bound import redundancy_bound
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="synchronised-redundant-learning",
    title="Synchronization and Redundancy: Implications for Robustness of Neural Learning and Decision Making",
    year=2011,
    source="doi:10.1162/NECO_a_00183",
    level="trained",
    uses=(coupled_learners, redundancy_bound),
)

RIDGE = 0.1


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    curvature = np.linspace(0.5, 1.5, 5)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    hessian, optimum = turned * curvature @ turned.T, rng.normal(size=5)
    duration, n_runs = scale.pick(smoke=60.0, small=220.0), scale.pick(smoke=4, small=16)

    def quadratic(graph: nx.Graph, coupling: float, correlation: float = 0.0) -> dict[str, float]:
        given: dict[str, Any] = {
            "adjacency": nx.to_numpy_array(graph), "coupling": coupling, "correlation": correlation, "noise": 1.0,
        }  # fmt: skip
        run = coupled_learners(
            lambda w: (w - optimum) @ hessian, optimum, duration=duration, dt=0.02, every=25, n_runs=n_runs,
            random_state=rng, **given,
        )  # fmt: skip
        # The first ten time constants are left to settle.
        found = redundancy_errors(run["weights"].isel(sample=run["time"] > 20), optimum).mean()
        theory = redundancy_bound(curvature=curvature, **given)
        return {
            "centroid": float(found["centroid_error"]) / theory.centroid,
            "dispersion": float(found["dispersion"]) / theory.dispersion if theory.dispersion else np.nan,
            "single": float(found["single_error"]) / float((1 / (2 * curvature)).sum()),
            "spread": float(found["dispersion"]),
        }

    sizes = scale.pick(smoke=(5,), small=(5, 20))
    sweep = [quadratic(nx.empty_graph(n), 0.0) for n in (1, *sizes)]
    for n in sizes:
        small_world = nx.watts_strogatz_graph(n, 4, 0.2, seed=int(rng.integers(2**31)))
        for graph in (nx.complete_graph(n), nx.cycle_graph(n), nx.star_graph(n - 1), small_world):
            sweep += [quadratic(graph, coupling) for coupling in scale.pick(smoke=(0.1, 10.0), small=(0.1, 1.0, 10.0))]
    everyone = nx.complete_graph(sizes[-1])
    shuffle = int(rng.integers(2**31))
    lattice, mixed = (
        quadratic(graph, 1.0)["spread"]
        for graph in (nx.circulant_graph(20, [1, 2]), nx.random_regular_graph(4, 20, seed=shuffle))
    )
    coupled, alone = (on_digits(scale, rng, coupling=coupling) for coupling in (10.0, 0.0))
    return Claim(
        measured={
            # A single copy has no dispersion, and NaN here.
            **{f"lowest_{what}_ratio": np.nanmin([r[what] for r in sweep]) for what in ("centroid", "dispersion")},
            **{f"highest_{what}_ratio": np.nanmax([r[what] for r in sweep]) for what in ("centroid", "dispersion")},
            "single_of_uncoupled": quadratic(everyone, 10.0)["single"],
            "random_graph_dispersion": mixed,
            "digits_single_of_uncoupled": coupled["ridge_error"] / alone["ridge_error"],
            "digits_single_of_theory": coupled["ridge_error"] / coupled["ridge_theory"],
            "logistic_single_of_uncoupled": coupled["logistic_error"] / alone["logistic_error"],
            "digits_accuracy": coupled["ridge_accuracy"],
            "logistic_accuracy": coupled["logistic_accuracy"],
        },
        control={
            "shared_noise_single_of_uncoupled": quadratic(everyone, 10.0, correlation=1.0)["single"],
            "uncoupled_single": quadratic(nx.empty_graph(sizes[-1]), 0.0)["single"],
            "ring_dispersion": lattice,
            "digits_accuracy": alone["ridge_accuracy"],
            "logistic_accuracy": alone["logistic_accuracy"],
        },
        criterion="measured.lowest_centroid_ratio >= 0.85 and measured.highest_centroid_ratio <= 1.15 "
        "and measured.lowest_dispersion_ratio >= 0.85 and measured.highest_dispersion_ratio <= 1.15 "
        "and measured.single_of_uncoupled <= 0.2 and measured.digits_single_of_uncoupled <= 0.2 "
        "and control.shared_noise_single_of_uncoupled >= 0.9 "
        "and control.ring_dispersion >= 1.1 * measured.random_graph_dispersion",
    )


def on_digits(scale: Scale, rng: np.random.Generator, *, coupling: float) -> dict[str, float]:
    """Error and held-out accuracy of one of 20 copies, for ridge and for logistic regression, 0 against 1."""
    frame = digits()
    frame = frame[frame["label"] < 2]
    x = np.stack([image.ravel() for image in frame["stimulus"]]).astype(float)
    sign = np.where(frame["label"] == 1, 1.0, -1.0)
    train = (frame["split"] == "train").to_numpy()
    x -= x[train].mean(axis=0)
    seen, told = x[train][::3], sign[train][::3]
    covariance, towards = seen.T @ seen / len(seen) + RIDGE * np.eye(64), told @ seen / len(seen)
    losses: dict[str, Any] = {
        "ridge": lambda w: w @ covariance - towards,
        "logistic": lambda w: RIDGE * w - (told * expit(-told * (w @ seen.T))) @ seen / len(seen),
    }
    adjacency = 1 - np.eye(20)
    theory = redundancy_bound(adjacency, np.linalg.eigvalsh(covariance), coupling=coupling, noise=0.5)
    found = {"ridge_theory": theory.single}
    for name, gradient in losses.items():
        best = root(gradient, np.zeros(64)).x
        run = coupled_learners(
            gradient, best, adjacency=adjacency, coupling=coupling, noise=0.5, dt=0.04, every=25, random_state=rng,
            duration=scale.pick(smoke=40.0, small=200.0),
        )  # fmt: skip
        weights = run["weights"].isel(sample=run["time"] > scale.pick(smoke=10.0, small=50.0))
        found[f"{name}_error"] = float(redundancy_errors(weights, best)["single_error"].mean())
        found[f"{name}_accuracy"] = float(((weights.values @ x[~train].T > 0) == (sign[~train] > 0)).mean())
    return found
