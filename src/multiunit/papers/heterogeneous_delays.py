"""Heterogeneous delays: a layer with a weight for every delay sees which way things move, and few weights suffice.

Claim: a layer with learned weights over delays classifies motion from events, keeps its accuracy when most of its weak
weights are pruned, and loses it when its long delays are removed: heterogeneous delays carry the computation.

Experiment: scikit-learn's two photographs, whitened, seen by a simulated event camera of 24 x 24 pixels whose gaze
drifts at half a pixel a step in one of 8 directions, changing every 24 steps on average; 240 movies of 40 steps from
the left halves for training, 120 from the right halves for testing; kernels of 2 polarities x 9 delays x 7 x 7.
Accuracy over steps with a full past, of the whole kernel and of what is left with 20% of its weights.

Control: events of each pixel at other times of the same movie, in training and test; a kernel with a single delay;
and, at the same number of weights, the shortest delays in place of the largest weights.

Deviations: 240 and 120 movies for the catalogue's 120 and 60, and no picture in common between training and test. One
frame of events tells the axis of motion, because edges along it make no events, but not which way; so a single delay
is held to twice chance, and the shuffled movies to 1.5 times. The speed is the median named in the authors' published
code, events accumulate as their text says, and the growth of the circular mask is reconstructed. After the catalogue's
8 epochs at a rate of 0.003 the training loss was that of a constant guess; so biases start at the classes' prior, and
the rate is 0.01 for 5 epochs and 0.002 for 3.

Not shown: several speeds, van Hateren's pictures, spikes as output, stimuli of controlled frequency.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.datasets import load_sample_images

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_at_every_step import named_at_every_step, train_at_every_step
from multiunit.networks.heterogeneous_delays import HeterogeneousDelays, earliest_kept, largest_kept
from multiunit.tasks.event_camera import EventMovies, directions, saccade_movies, whitened

PAPER = Paper(
    id="heterogeneous-delays",
    title="Learning heterogeneous delays in a layer of spiking neurons for fast motion detection",
    year=2023,
    source="doi:10.1007/s00422-023-00975-8",
    level="trained",
    uses=(HeterogeneousDelays, saccade_movies, largest_kept, earliest_kept),
)

N_DELAYS = 9


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_train, n_test = scale.pick(smoke=(40, 20), small=(240, 120))
    n_directions, n_epochs = scale.pick(smoke=(4, (4, 2)), small=(8, (5, 3)))
    velocities = directions(n_directions, speed=0.5)
    halves = [half for image in load_sample_images().images for half in np.split(image.mean(2), 2, axis=1)]
    # Without the margin: whitening makes an edge of where the picture ends.
    pictures = [whitened(half)[8:-8, 8:-8] for half in halves]
    train = saccade_movies(pictures[::2], n_movies=n_train, velocities=velocities, random_state=rng)
    test = saccade_movies(pictures[1::2], n_movies=n_test, velocities=velocities, random_state=rng)
    weights, batches = (int(rng.integers(2**31)) for _ in range(2))

    def trained(movies: EventMovies, n_delays: int) -> HeterogeneousDelays:
        layer = HeterogeneousDelays(
            2, n_directions, n_delays=n_delays, side=7, opposite=True, prior=1 / n_directions, random_state=weights
        )
        for n, learning_rate in ((n_epochs[0], 0.01), (n_epochs[1], 0.002)):
            train_at_every_step(
                layer,
                movies.events,
                labels=movies.motion,
                n_epochs=n,
                learning_rate=learning_rate,
                random_state=batches,
            )
        return layer

    layer = trained(train, N_DELAYS)
    shuffled, shuffled_test = (
        EventMovies(rng.permuted(movies.events, axis=1), movies.motion) for movies in (train, test)
    )
    return Claim(
        measured={
            "chance": 1 / n_directions,
            "accuracy": _accuracy(layer, test),
            "pruned_20": _accuracy(_with(layer, largest_kept(layer, 0.2)), test),
            "pruned_5": _accuracy(_with(layer, largest_kept(layer, 0.05)), test),
        },
        control={
            "time_shuffled": _accuracy(trained(shuffled, N_DELAYS), shuffled_test),
            "single_delay": _accuracy(trained(train, 1), test),
            "shortened_20": _accuracy(_with(layer, earliest_kept(layer, 0.2)), test),
            "shortened_50": _accuracy(_with(layer, earliest_kept(layer, 0.5)), test),
        },
        criterion="measured.accuracy >= 3 * measured.chance and control.time_shuffled <= 1.5 * measured.chance "
        "and control.single_delay <= 2 * measured.chance and measured.pruned_20 >= control.shortened_20 + 0.1",
    )


def _accuracy(layer: HeterogeneousDelays, movies: EventMovies) -> float:
    named = named_at_every_step(layer, movies.events)
    return float((named == movies.motion)[:, N_DELAYS:].mean())


def _with(layer: HeterogeneousDelays, kernel: torch.Tensor) -> HeterogeneousDelays:
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.weight.copy_(kernel)
    return other
