"""A spiking classifier whose synapses only ever strengthen: spikes close together, in any order, under a teacher."""

from __future__ import annotations

import numpy as np
from numba import njit

from multiunit.core.errors import InputError

STEP = 5e-4
TEACHER_RATE = 200.0


class SymmetricSTDPClassifier:
    """Poisson inputs, a hidden layer in which one neuron silences the others, and one neuron a class.

    Plasticity: a trace x of every cell gains 0.1 at its spike and falls with 20 ms. At a spike before the synapse
    w <- w + eta x_post, at a spike after it w <- w + eta x_pre, at most w_max: no order of spikes weakens. What weakens
    is scaling: before each image the weights into a cell are multiplied to a fixed sum, 0.1 a pixel for hidden cells,
    8 / classes a hidden cell for class cells. eta and w_max are 0.005 and 1, and 0.04 and 8.

    Hidden cells (mV and ms): 100 v' = -65 - v + g_e (0 - v) + g_i (-100 - v), a spike above theta - 72, then v = -65
    for 2 ms; theta starts at 20 and grows by 0.7 / |theta - 10| at each spike. Each drives an inhibitory cell (10 v' =
    -60 - v + 10.4 g (0 - v), a spike above -40, then -45), which adds 17 to g_i of all others. Conductances fall with
    1 ms, g_i with 2. While they learn, the class cell of the label spikes as a Poisson process of 200 Hz, the others
    are silent; afterwards they are like inhibitory cells without rest, and the one with most spikes is the answer.

    Class cells do not act on the hidden layer, so that they learn from its kept spikes: `teach` may be called again.

    Args:
        n_hidden: cells.
        n_epochs: times that each image is shown, in a new order each.
        rate: spikes a second of an input whose pixel is 1; raised by its half, up to 16-fold, and the image shown
            again, until there are 5 hidden spikes.
        duration: of an image, in seconds.
        adaptive: whether thresholds grow.
        scaling: whether weights are scaled before each image, not just before the first.
        random_state: seed or generator of weights, order and spikes.

    Attributes:
        hidden_weights_: `(pixel, hidden)`.
        class_weights_: `(hidden, class)`.
        threshold_: theta, `(hidden,)`.
        classes_: the labels of the classes.

    Raises:
        InputError: for sizes, rates or durations that do not fit.

    Source: Hao, Huang, Dong & Xu 2020, arXiv:1812.06574; equations and constants of the authors' program for 100 and
    400 hidden cells. Simplified here: every cell begins each image at rest in the place of 150 ms without input,
    inputs and teacher may spike in two steps of 0.5 ms in a row, and 0.8 a hidden cell, for ten classes, became
    8 / classes.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat(["left", "right"], 20)
    >>> images = np.where((labels == "left")[:, None], [1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1])
    >>> model = SymmetricSTDPClassifier(n_hidden=6, n_epochs=5, rate=1000.0, duration=0.1).fit(images, labels)
    >>> bool((model.predict(images) == labels).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        n_hidden: int = 100,
        n_epochs: int = 1,
        rate: float = 63.75,
        duration: float = 0.35,
        adaptive: bool = True,
        scaling: bool = True,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if n_hidden < 2 or n_epochs < 1:
            raise InputError("n_hidden", (n_hidden, n_epochs), "two cells or more, one epoch or more")
        if not rate > 0 or not round(duration / STEP) >= 1:
            raise InputError("duration", (rate, duration), f"a rate above 0, and at least a step of {STEP} s")
        self.n_hidden, self.n_epochs, self.rate, self.duration = n_hidden, n_epochs, rate, duration
        self.adaptive, self.scaling = adaptive, scaling
        self._rng = np.random.default_rng(random_state)

    def fit(self, images: np.ndarray, labels: np.ndarray) -> SymmetricSTDPClassifier:
        """Show the images to the hidden layer, which learns without labels, and teach the class cells.

        Args:
            images: `(presentation, pixel)`, from 0 to 1.
            labels: `(presentation,)`.

        Raises:
            InputError: for images or labels that do not fit.
        """
        images, labels = _checked(images), np.asarray(labels)
        if labels.shape != images.shape[:1]:
            raise InputError("labels", labels.shape, f"needs one for each of {len(images)} images")
        self.hidden_weights_ = self._rng.uniform(0, 0.3, size=(images.shape[1], self.n_hidden))
        self.threshold_ = np.full(self.n_hidden, 20.0)
        self._order = np.concatenate([self._rng.permutation(len(images)) for _ in range(self.n_epochs)])
        self._kept = self._show(images[self._order], learn=True)
        return self.teach(labels)

    def teach(self, labels: np.ndarray, *, at_presynaptic: float = 1.0) -> SymmetricSTDPClassifier:
        """Let new class cells learn from the hidden spikes of `fit`.

        Args:
            labels: `(presentation,)`, of the images that `fit` was given.
            at_presynaptic: factor of what a presynaptic spike does; -1 makes the rule the classical one, in which
                spikes after the class cell's weaken, down to 0.

        Raises:
            InputError: for labels that do not fit, or before `fit`.
        """
        if not hasattr(self, "_kept"):
            raise InputError("labels", np.shape(labels), "call fit first")
        self.classes_, codes = np.unique(np.asarray(labels), return_inverse=True)
        if len(codes) * self.n_epochs != len(self._order):
            raise InputError("labels", len(codes), f"needs one for each of {len(self._order) // self.n_epochs} images")
        self.class_weights_ = self._rng.uniform(0, 0.3, size=(self.n_hidden, len(self.classes_)))
        steps, cells, ends, _ = self._kept
        _teach(
            steps, cells, ends, codes[self._order].astype(np.int64), self.class_weights_, self._n_steps,
            TEACHER_RATE * STEP, float(at_presynaptic), self.scaling, self._rng,
        )  # fmt: skip
        return self

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Spikes of each hidden cell for each image, nothing learning.

        Returns:
            whole numbers `(presentation, hidden)`.

        Raises:
            InputError: for images that do not fit.
        """
        return self._show(self._fitting(images), learn=False)[3]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The label of the class cell with most spikes; the first of equals.

        Raises:
            InputError: for images that do not fit.
        """
        steps, cells, ends, _ = self._show(self._fitting(images), learn=False)
        return self.classes_[_answer(steps, cells, ends, self.class_weights_, self._n_steps).argmax(axis=1)]

    @property
    def _n_steps(self) -> int:
        return round(self.duration / STEP)

    def _fitting(self, images: np.ndarray) -> np.ndarray:
        images = _checked(images)
        if not hasattr(self, "_kept") or images.shape[1] != len(self.hidden_weights_):
            raise InputError("images", images.shape, "needs images of as many pixels as `fit` was given before")
        return images

    def _show(self, images: np.ndarray, *, learn: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return _hidden(
            images * (self.rate * STEP), self.hidden_weights_, self.threshold_, self._n_steps,
            learn, self.adaptive, self.scaling, self._rng,
        )  # fmt: skip


def assigned_labels(counts: np.ndarray, labels: np.ndarray, *, test_counts: np.ndarray) -> np.ndarray:
    """Labels by vote: a cell gets the label for which it spikes most, the largest mean count of a label's cells wins.

    Args:
        counts: `(presentation, unit)`, for images with `labels` `(presentation,)`.
        test_counts: `(presentation, unit)`, for images to label.

    Raises:
        InputError: for shapes that do not fit, or if no cell spikes.

    Source: Diehl & Cook 2015, doi:10.3389/fncom.2015.00099; as in the program of Hao et al., arXiv:1812.06574.

    >>> counts = np.array([[4, 0, 0], [0, 3, 5]])
    >>> assigned_labels(counts, np.array(["a", "b"]), test_counts=np.array([[1, 0, 1], [2, 0, 1]])).tolist()
    ['a', 'a']
    """
    counts, test_counts, labels = np.asarray(counts, float), np.asarray(test_counts, float), np.asarray(labels)
    if counts.ndim != 2 or labels.shape != counts.shape[:1] or test_counts.shape[1:] != counts.shape[1:]:
        raise InputError("counts", (counts.shape, test_counts.shape), f"needs one row for each of {labels.shape}")
    classes, codes = np.unique(labels, return_inverse=True)
    means = np.stack([counts[codes == c].mean(axis=0) for c in range(len(classes))])
    spiking = means.max(axis=0) > 0
    if not spiking.any():
        raise InputError("counts", counts.shape, "no cell spikes, so none can vote")
    own = means.argmax(axis=0)
    votes = np.full((len(test_counts), len(classes)), -np.inf)
    for c in np.unique(own[spiking]):
        votes[:, c] = test_counts[:, spiking & (own == c)].mean(axis=1)
    return classes[votes.argmax(axis=1)]


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.ascontiguousarray(images, dtype=np.float64)
    if images.ndim != 2 or not images.size or not ((images >= 0) & (images <= 1)).all():
        raise InputError("images", images.shape, "needs (presentation, pixel), from 0 to 1, at least one")
    return images


@njit(cache=True)
def _scale(w: np.ndarray, mean: float) -> None:
    for i in range(w.shape[1]):
        total = w[:, i].sum()
        if total > 0:
            w[:, i] *= mean * len(w) / total


@njit(cache=True)
def _hidden(
    chances: np.ndarray, w: np.ndarray, theta: np.ndarray, n_steps: int, learn: bool, adaptive: bool, scaling: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Step and cell of every hidden spike, where each image ends among them, and counts; changes w and theta."""
    n_in, n = w.shape
    counts = np.zeros((len(chances), n), np.int64)
    steps, cells, ends = np.empty(1024, np.int32), np.empty(1024, np.int32), np.zeros(len(chances), np.int64)
    # A trace is kept divided by its decay since the start of the image, so that only spikes touch it.
    fall = (1 - 0.5 / 20) ** np.arange(n_steps)
    trace_in, trace, arrived = np.empty(n_in), np.empty(n), np.empty(n_in, np.int64)
    v, u, g_e, g_i, g_u = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    rest, rest_u, spike, spike_u = np.empty(n), np.empty(n), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    keep_e, keep_i = np.exp(-0.5), np.exp(-0.25)
    filled = 0
    for row in range(len(chances)):
        if learn and (scaling or row == 0):
            _scale(w, 0.1)
        active = np.flatnonzero(chances[row])
        begin, boost = filled, 1.0
        while True:
            filled = begin
            trace_in[:], trace[:], v[:], u[:] = 0.0, 0.0, -65.0, -60.0
            g_e[:], g_i[:], g_u[:], rest[:], rest_u[:] = 0.0, 0.0, 0.0, 0.0, 0.0
            # Candidates at the highest chance are found by the gaps between them, then thinned to each pixel's own.
            highest = max(min(boost * chances[row].max(), 1.0), 1e-9)
            never = np.log(1.0 - highest)
            place = int(np.log(1.0 - rng.random()) / never)
            for t in range(n_steps):
                n_arrived = 0
                while place < len(active):
                    j = active[place]
                    if rng.random() * highest < boost * chances[row, j]:
                        arrived[n_arrived] = j
                        n_arrived += 1
                    place += 1 + int(np.log(1.0 - rng.random()) / never)
                place -= len(active)
                n_spikes, n_silencers = 0, 0
                for i in range(n):
                    if rest[i] > 0:
                        rest[i] -= 1
                        spike[i] = False
                    else:
                        v[i] += (-65.0 - v[i] - g_e[i] * v[i] + g_i[i] * (-100.0 - v[i])) * 0.005
                        v[i] = max(v[i], -100.0)
                        spike[i] = v[i] > theta[i] - 72.0
                    if rest_u[i] > 0:
                        rest_u[i] -= 1
                        spike_u[i] = False
                    else:
                        u[i] += (-60.0 - u[i] - g_u[i] * u[i]) * 0.05
                        spike_u[i] = u[i] > -40.0
                    n_spikes += spike[i]
                    n_silencers += spike_u[i]
                    g_e[i] *= keep_e
                    g_u[i] *= keep_e
                    g_i[i] *= keep_i
                # What spikes in a step acts in the next one.
                for k in range(n_arrived):
                    j = arrived[k]
                    for i in range(n):
                        g_e[i] += w[j, i]
                    if learn:
                        for i in range(n):
                            w[j, i] = min(w[j, i] + 0.005 * fall[t] * trace[i], 1.0)
                        trace_in[j] += 0.1 / fall[t]
                if n_silencers:
                    for i in range(n):
                        g_i[i] += 17.0 * (n_silencers - spike_u[i])
                        if spike_u[i]:
                            u[i], rest_u[i] = -45.0, 4
                if not n_spikes:
                    continue
                for i in range(n):
                    if not spike[i]:
                        continue
                    v[i], rest[i] = -65.0, 4
                    g_u[i] += 10.4
                    if learn:
                        for pixel in range(n_in):
                            w[pixel, i] = min(w[pixel, i] + 0.005 * fall[t] * trace_in[pixel], 1.0)
                        trace[i] += 0.1 / fall[t]
                        if adaptive:
                            theta[i] += 0.7 / abs(theta[i] - 10.0)
                    if filled == len(steps):
                        steps, cells = np.append(steps, np.empty_like(steps)), np.append(cells, np.empty_like(cells))
                    steps[filled], cells[filled] = t, i
                    filled += 1
            if filled - begin >= 5 or boost >= 16.0:
                break
            boost += 0.5
        ends[row] = filled
        for k in range(begin, filled):
            counts[row, cells[k]] += 1
        if learn and adaptive:
            theta *= 1.0 - n_steps * 0.5 / 6e6
    return steps[:filled], cells[:filled], ends, counts


@njit(cache=True)
def _teach(
    steps: np.ndarray, cells: np.ndarray, ends: np.ndarray, codes: np.ndarray, w: np.ndarray, n_steps: int,
    chance: float, at_presynaptic: float, scaling: bool, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Change the class weights in place."""
    fall = (1 - 0.5 / 20) ** np.arange(n_steps)
    trace_in, k = np.empty(len(w)), 0
    for row in range(len(ends)):
        if scaling or row == 0:
            _scale(w, 8.0 / w.shape[1])
        label, trace = codes[row], 0.0
        trace_in[:] = 0.0
        for t in range(n_steps):
            while k < ends[row] and steps[k] == t:
                i = cells[k]
                w[i, label] = min(max(w[i, label] + at_presynaptic * 0.04 * fall[t] * trace, 0.0), 8.0)
                trace_in[i] += 0.1 / fall[t]
                k += 1
            if rng.random() < chance:
                for i in range(len(w)):
                    w[i, label] = min(w[i, label] + 0.04 * fall[t] * trace_in[i], 8.0)
                trace += 0.1 / fall[t]


@njit(cache=True)
def _answer(
    steps: np.ndarray, cells: np.ndarray, ends: np.ndarray, w: np.ndarray, n_steps: int
) -> np.ndarray:  # fmt: skip
    """Spikes of each class cell for each image."""
    counts = np.zeros((len(ends), w.shape[1]), np.int64)
    v, g, k = np.empty(w.shape[1]), np.empty(w.shape[1]), 0
    for row in range(len(ends)):
        v[:], g[:] = -60.0, 0.0
        for t in range(n_steps):
            v += (-60.0 - v - g * v) * 0.05
            g *= np.exp(-0.5)
            for c in range(len(v)):
                if v[c] > -40.0:
                    v[c] = -45.0
                    counts[row, c] += 1
            while k < ends[row] and steps[k] == t:
                g += w[cells[k]]
                k += 1
    return counts
