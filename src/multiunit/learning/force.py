"""FORCE: a chaotic network of rate units learns to go on with a signal that it feeds back to itself."""

from __future__ import annotations

import numpy as np
from numba import njit

from multiunit.core.errors import InputError
from multiunit.learning.recursive_least_squares import rls_step


class ForceNetwork:
    """Rate units with random connections, and a readout that is fed back and trained while it runs.

    tau x' = -x + g J r + J_z z + J_i u, r = tanh(x), z = w' r. Every `every` steps w is moved by recursive least
    squares towards the target, so fast that what is fed back is nearly right from the start. Euler steps.

    Args:
        n_units: size.
        n_outputs: signals z; n_inputs: signals u.
        g: strength of the random connections; above 1 the network is chaotic by itself.
        density: share of connections; they are normal with variance 1 / (density n_units).
        tau: s; dt: step, s.
        alpha: penalty at the start of learning; 1 to 100, smaller is faster.
        every: steps from one change of the readout to the next.
        random_state: seed or generator of the weights and the first state.

    Attributes: `weights` of the readout `(unit, output)`, `x` `(unit,)` and `z` `(output,)`, the state now;
    `covariance`, P of the recursive least squares.

    Raises:
        InputError: for values out of their range, or signals that do not fit.

    Source: Sussillo & Abbott, Neuron 63 (2009), equations 1 to 6 and Methods: their figure 2 has 1,000 units, g = 1.5,
    density 0.1, tau 10 ms, J_z uniform between -1 and 1, alpha 1. Reconstructed: dt and `every`.

    >>> t = np.arange(6000) * 1e-3
    >>> net = ForceNetwork(200, random_state=0)
    >>> error = net.learn(np.sin(2 * np.pi * t / 0.3)[:, None])
    >>> bool(np.abs(error[-500:]).max() < 0.1)
    True
    """

    def __init__(
        self,
        n_units: int = 1000,
        *,
        n_outputs: int = 1,
        n_inputs: int = 0,
        g: float = 1.5,
        density: float = 0.1,
        tau: float = 0.01,
        dt: float = 1e-3,
        alpha: float = 1.0,
        every: int = 2,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if n_units < 1 or n_outputs < 1 or n_inputs < 0 or every < 1:
            raise InputError("n_units", (n_units, n_outputs, n_inputs, every), "needs units, outputs and steps")
        for name, value in (("tau", tau), ("dt", dt), ("alpha", alpha)):
            if not 0 < value < np.inf:
                raise InputError(name, value, "needs a number above 0")
        if not 0 < density <= 1:
            raise InputError("density", density, "needs a number above 0 and up to 1")
        rng = np.random.default_rng(random_state)
        drawn = rng.normal(size=(n_units, n_units)) * (rng.random((n_units, n_units)) < density)
        self.recurrent = g * drawn / np.sqrt(density * n_units)
        self.back = rng.uniform(-1, 1, (n_units, n_outputs))
        # Each unit hears one input.
        self.input_weights = np.zeros((n_units, n_inputs))
        if n_inputs:
            self.input_weights[np.arange(n_units), rng.integers(n_inputs, size=n_units)] = rng.normal(size=n_units)
        self.weights = np.zeros((n_units, n_outputs))
        self.covariance = np.eye(n_units) / alpha
        self.x, self.z = rng.normal(size=n_units) * 0.5, np.zeros(n_outputs)
        self.dt, self.tau, self.every = float(dt), float(tau), int(every)

    def learn(self, target: np.ndarray, *, inputs: np.ndarray | None = None) -> np.ndarray:
        """Run on, and train the readout towards `target` `(time, output)`; inputs `(time, input)`.

        Returns:
            The error z - target `(time, output)`, at each step before the readout is changed.
        """
        target = np.ascontiguousarray(target, dtype=float)
        if target.ndim != 2 or target.shape[1] != len(self.z) or not np.isfinite(target).all():
            raise InputError("target", target.shape, f"needs finite (time, {len(self.z)})")
        drive = self._drive(inputs, len(target))
        return self._run(drive, target, self.every) - target

    def run(self, n_steps: int, *, inputs: np.ndarray | None = None) -> np.ndarray:
        """Run on without learning: z `(time, output)`."""
        if n_steps < 1:
            raise InputError("n_steps", n_steps, "needs one step or more")
        return self._run(self._drive(inputs, n_steps), np.zeros((n_steps, len(self.z))), 0)

    def _drive(self, inputs: np.ndarray | None, n_steps: int) -> np.ndarray:
        n_inputs = self.input_weights.shape[1]
        given = np.zeros((n_steps, n_inputs)) if inputs is None else np.asarray(inputs, dtype=float)
        if given.shape != (n_steps, n_inputs) or not np.isfinite(given).all():
            raise InputError("inputs", given.shape, f"needs finite ({n_steps}, {n_inputs})")
        return given

    def _run(self, drive: np.ndarray, target: np.ndarray, every: int) -> np.ndarray:
        return _run(
            self.x, self.z, self.recurrent, self.back, self.input_weights, self.weights, self.covariance,
            np.ascontiguousarray(drive), target, self.dt / self.tau, every,
        )  # fmt: skip


@njit(cache=True)
def _run(
    x: np.ndarray,
    z: np.ndarray,
    recurrent: np.ndarray,
    back: np.ndarray,
    input_weights: np.ndarray,
    weights: np.ndarray,
    covariance: np.ndarray,
    drive: np.ndarray,
    target: np.ndarray,
    share: float,
    every: int,
) -> np.ndarray:
    """`every` 0: no learning. x, z, weights and covariance go on in place."""
    out = np.empty_like(target)
    for t in range(len(target)):
        pull = recurrent @ np.tanh(x) + back @ z
        if drive.shape[1]:
            pull += input_weights @ drive[t]
        x[:] += share * (pull - x)
        r = np.tanh(x)
        z[:] = r @ weights
        out[t] = z
        if every and t % every == 0:
            rls_step(covariance, weights, r, target[t] - z, 1.0)
            z[:] = r @ weights
    return out
