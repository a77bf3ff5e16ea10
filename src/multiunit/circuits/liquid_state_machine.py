"""A liquid of spiking neurons on a grid, whose plasticity an astrocyte holds at the activity of its input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from multiunit.circuits.connectivity import DistanceDependent, FixedProbability, Wiring
from multiunit.core.errors import InputError

# (from, to) -> probability of a synapse at distance 0; excitatory 0, inhibitory 1.
PEAKS = {(0, 0): 0.2, (0, 1): 0.1, (1, 0): 0.3, (1, 1): 0.05}
REACH = 3.0
INPUT_DENSITY = 0.15
SHARE_EXCITATORY = 0.8
LARGEST_WEIGHT = 3.0
STEP = 1e-3


class Spikes(NamedTuple):
    """Who spiked: bool `(presentation, input, time)` and `(presentation, unit, time)`, in steps of 1 ms."""

    inputs: np.ndarray
    liquid: np.ndarray


class LiquidStateMachine:
    """Spiking neurons on a three-dimensional grid, driven by images; what learns from them is left to a readout.

    Neuron, in steps of 1 ms: v <- v - v / 64 + sum_j w_ij exp(-k_j), k_j the steps since j last spiked; at v >= 20 it
    spikes, v <- 0, and it rests for two steps. Inputs are such neurons too: each gets 100, and so spikes, with the
    probability that its pixel says. Who is connected falls off as exp(-(distance / 3)^2).

    Plasticity: traces x <- 0.905 (x + 0.1 spike). For synapses from inputs and excitatory neurons,

        w_ij <- w_ij + a s_i x_j - A s_j x_i,    for inhibitory ones    w_ij <- w_ij - A s_i x_j + a s_j x_i,

    within 0 and 3, -3 and 0, or, for inputs, -3 and 3. One astrocyte sets the rate A of depression:

        A <- A + (g (spikes of the liquid - spikes of the inputs) + a - A) / 100,

    so that a liquid more active than its input calms down. With g = 0, A stays a: plain spike-timing-dependent
    plasticity. With a = 0 and g = 0 nothing learns.

    Args:
        n_inputs: pixels.
        grid: neurons along each side.
        learning_rate: a, the rate of potentiation.
        astrocyte: g.
        weight: absolute size of all weights at the start, at most 3; those of inputs have random signs.
        random_state: seed or generator of the wiring.

    Attributes:
        weights_: sparse `(sender, unit)`, the inputs first among the senders.
        adjacency_: sparse bool `(unit, unit)`, from row to column, within the liquid.
        kind: `(sender,)`, 0 for inputs, 1 for excitatory, 2 for inhibitory neurons.
        place: `(unit, 3)`, on the grid.

    Raises:
        InputError: for sizes, rates or weights that do not fit.

    Source: Ivanov & Michmizos 2021, arXiv:2111.01760; constants and the order within a step from the authors' program.
    Two things differ from it: every input synapse is drawn independently, and traces start at 0 in each image that
    `transform` shows.

    >>> images = np.eye(4) * 0.5
    >>> liquid = LiquidStateMachine(4, grid=(3, 3, 3), weight=3.0).fit(images)
    >>> counts = liquid.transform(images)
    >>> counts.shape, bool(counts.sum() > 0)
    ((4, 27), True)
    """

    def __init__(
        self,
        n_inputs: int,
        *,
        grid: tuple[int, int, int] = (10, 10, 10),
        learning_rate: float = 0.15,
        astrocyte: float = 0.015,
        weight: float = 1.0,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        n = int(np.prod(grid))
        if n_inputs < 1 or len(grid) != 3 or min(grid) < 1 or n < 5:
            raise InputError("grid", (n_inputs, tuple(grid)), "one input or more, three sides, five neurons or more")
        if not 0 < weight <= LARGEST_WEIGHT:
            raise InputError("weight", weight, f"above 0 and at most {LARGEST_WEIGHT}")
        if not np.isfinite([learning_rate, astrocyte]).all() or learning_rate < 0 or (astrocyte and not learning_rate):
            raise InputError(
                "learning_rate", (learning_rate, astrocyte), "not negative, and above 0 under an astrocyte"
            )
        rng = np.random.default_rng(random_state)
        self.n_inputs, self.n_units = int(n_inputs), n
        self.learning_rate, self.astrocyte = float(learning_rate), float(astrocyte)
        self.place = rng.permutation(np.argwhere(np.ones(grid))).astype(float)
        inhibitory = np.arange(n) >= round(SHARE_EXCITATORY * n)
        self.kind = np.concatenate([np.zeros(n_inputs, np.int64), 1 + inhibitory.astype(np.int64)])
        pre, post = self._edges(inhibitory, rng)
        sign = np.array([0.0, 1.0, -1.0])[self.kind[pre]]
        from_input = pre < n_inputs
        sign[from_input] = rng.choice([-1.0, 1.0], from_input.sum())
        shape = (n_inputs + n, n)
        self.weights_ = csr_array((weight * sign, (pre, post)), shape=shape)
        self.adjacency_ = csr_array((np.ones(len(pre), bool), (pre, post)), shape=shape)[n_inputs:]
        # The same edges by receiver and kind of sender: where each lies among those by sender.
        order = np.argsort(post, kind="stable")
        ends = np.cumsum(np.bincount(3 * post + self.kind[pre], minlength=3 * n))
        self._into = np.stack([np.append(0, ends[2:-1:3]), *ends.reshape(n, 3).T], axis=1)
        self._edge, self._pre = order.astype(np.uint32), pre[order].astype(np.uint32)

    def fit(
        self, images: np.ndarray, *, duration: float = 0.02, random_state: int | np.random.Generator = 0
    ) -> LiquidStateMachine:
        """Let the weights follow a stream of images, each for `duration` seconds.

        Args:
            images: `(presentation, input)`, the probability that an input is made to spike in a millisecond.

        Raises:
            InputError: for images that do not fit, or a duration below a step.
        """
        self._run(images, duration, random_state, fade=1.0, keep=True, raster=False)
        return self

    def transform(
        self, images: np.ndarray, *, duration: float = 0.25, random_state: int | np.random.Generator = 0
    ) -> np.ndarray:
        """How often each neuron spikes for each image.

        Weights begin at `weights_` for every image, and plasticity fades by a hundredth in a millisecond.

        Returns:
            whole numbers `(presentation, unit)`.

        Raises:
            InputError: for images that do not fit, or a duration below a step.
        """
        counts, _ = self._run(images, duration, random_state, fade=0.99, keep=False, raster=False)
        return counts[:, self.n_inputs :]

    def spikes(
        self, images: np.ndarray, *, duration: float = 0.25, random_state: int | np.random.Generator = 0
    ) -> Spikes:
        """The spikes of inputs and liquid in what `transform` does.

        Raises:
            InputError: for images that do not fit, or a duration below a step.
        """
        _, raster = self._run(images, duration, random_state, fade=0.99, keep=False, raster=True)
        return Spikes(raster[:, : self.n_inputs], raster[:, self.n_inputs :])

    def _edges(self, inhibitory: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Senders, counted with the inputs first, and receivers of all synapses, by sender."""
        n = len(inhibitory)
        blocks: list[tuple[Wiring, np.ndarray, np.ndarray]] = []
        outside = FixedProbability(INPUT_DENSITY).wire(self.n_inputs, n, recurrent=False, rng=rng)
        blocks.append((outside, np.arange(self.n_inputs), np.arange(n)))
        groups = [np.flatnonzero(~inhibitory), np.flatnonzero(inhibitory)]
        for (a, b), peak in PEAKS.items():
            senders, receivers = groups[a], groups[b]
            rule = DistanceDependent(self.place[senders], self.place[receivers], width=REACH / np.sqrt(2), peak=peak)
            found = rule.wire(len(senders), len(receivers), recurrent=a == b, rng=rng)
            blocks.append((found, self.n_inputs + senders, receivers))
        pre = np.concatenate([senders[wiring.pre] for wiring, senders, _ in blocks])
        post = np.concatenate([receivers[wiring.post] for wiring, _, receivers in blocks])
        order = np.lexsort((post, pre))
        return pre[order], post[order]

    def _run(
        self,
        images: np.ndarray,
        duration: float,
        random_state: int | np.random.Generator,
        *,
        fade: float,
        keep: bool,
        raster: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        images = np.ascontiguousarray(images, dtype=np.float64)
        if images.ndim != 2 or images.shape[1] != self.n_inputs or not ((images >= 0) & (images <= 1)).all():
            raise InputError("images", images.shape, f"needs probabilities (presentation, {self.n_inputs})")
        n_steps = round(duration / STEP)
        if n_steps < 1:
            raise InputError("duration", duration, f"at least a step, {STEP} s")
        size = self.n_inputs + self.n_units
        counts = np.zeros((len(images), size), np.int64)
        spiked = np.zeros((len(images) if raster else 0, size, n_steps), bool)
        weights = _present(
            images, n_steps, self.weights_.data, self.kind, self.weights_.indptr.astype(np.int64),
            self.weights_.indices.astype(np.uint32), self._into, self._pre, self._edge,
            self.learning_rate, self.astrocyte, fade, keep, counts, spiked, np.random.default_rng(random_state),
        )  # fmt: skip
        if keep:
            self.weights_.data = weights
        return counts, spiked


@njit(cache=True)
def _present(
    images: np.ndarray, n_steps: int, start: np.ndarray, kind: np.ndarray, out: np.ndarray, post: np.ndarray,
    into: np.ndarray, pre: np.ndarray, edge: np.ndarray, a: float, gain: float, fade: float, keep: bool,
    counts: np.ndarray, spiked: np.ndarray, rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Fill the counts and, if it has rows, the raster; give the weights at the end."""
    n_in, size = images.shape[1], len(kind)
    fall, forget = np.exp(-1.0), np.exp(-0.1)
    lowest, highest = np.array([-3.0, 0.0, -3.0]), np.array([3.0, 3.0, 0.0])
    plus, minus = np.empty(3), np.empty(3)
    w, trace = start.copy(), np.zeros(size)
    v, rest, fresh, drive = np.zeros(size), np.zeros(size, np.int64), np.zeros(size), np.zeros(size - n_in)
    # What an edge asks of its sender, in one line of the cache: change, change per trace, freshness.
    sender, silent, changed = np.zeros((size, 4)), np.zeros(size - n_in), np.zeros(size - n_in)
    spikes, spikers = np.zeros(size, np.bool_), np.empty(size, np.int64)
    for image in range(len(images)):
        v[:], rest[:], fresh[:], drive[:] = 0.0, 0, 0.0, 0.0
        if not keep:
            w[:] = start
            trace[:] = 0.0
        shown = np.flatnonzero(images[image])
        potentiation, depression, bias, pull = a, a, a, gain
        for t in range(n_steps):
            n, n_inputs = 0, 0
            for i in range(size):
                spikes[i] = v[i] >= 20.0 and rest[i] <= 0
                if spikes[i]:
                    spikers[n] = i
                    n += 1
                    n_inputs += i < n_in
                    v[i] = 0.0
                    rest[i] = 3
                    counts[image, i] += 1
                    if len(spiked):
                        spiked[image, i, t] = True
            # A spike renews what is left of the last one, it does not add to it.
            drive *= fall
            fresh *= fall
            plus[:], minus[:] = potentiation, -depression
            plus[2], minus[2] = -depression, potentiation
            for i in range(size - n_in):
                # The trace of who spikes now is 0 here: both halves of its change come below.
                silent[i] = 0.0 if spikes[n_in + i] or a == 0 else trace[n_in + i]
            changed[:] = 0.0
            for k in range(n):
                j = spikers[k]
                new, rate, low, high = 1.0 - fresh[j], minus[kind[j]], lowest[kind[j]], highest[kind[j]]
                for e in range(out[j], out[j + 1]):
                    i, before = post[e], w[e]
                    after = min(max(before + rate * silent[i], low), high)
                    drive[i] += before * new
                    changed[i] += after - before
                    w[e] = after
                fresh[j] = 1.0
            for i in range(size):
                v[i] -= v[i] / 64.0
                rest[i] -= 1
            v[n_in:] += drive
            for j in shown:
                if rng.random() < images[image, j]:
                    v[j] += 100.0
            if a > 0:
                for j in range(size):
                    sender[j, 0] = plus[kind[j]] * trace[j]
                    sender[j, 1] = minus[kind[j]] if spikes[j] else 0.0
                    sender[j, 2] = fresh[j]
                for k in range(n_inputs, n):
                    i, x, more = spikers[k] - n_in, trace[spikers[k]], 0.0
                    for group in range(3):
                        low, high = lowest[group], highest[group]
                        for place in range(into[i, group], into[i, group + 1]):
                            j, e = pre[place], edge[place]
                            before = w[e]
                            after = min(max(before + sender[j, 0] + sender[j, 1] * x, low), high)
                            more += (after - before) * sender[j, 2]
                            w[e] = after
                    changed[i] += more
                drive += changed
                for k in range(n):
                    trace[spikers[k]] += 0.1
                trace *= forget
                depression += (pull * (n - 2 * n_inputs) + bias - depression) / 100.0
                potentiation, depression, bias, pull = potentiation * fade, depression * fade, bias * fade, pull * fade
    return w
