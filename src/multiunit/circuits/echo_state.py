"""An echo state network: a random reservoir of leaky rate units, of which only a linear readout is trained."""

from __future__ import annotations

import numpy as np
from numba import njit
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import Ridge

from multiunit.core.errors import InputError


class EchoState(RegressorMixin, TransformerMixin, BaseEstimator):
    """A reservoir and its readout, as scikit-learn has estimators; rows are steps of one time series.

    x(t) = (1 - leak) x(t-1) + leak tanh(W_in [1, u(t)] + W x(t-1) + W_back y(t-1)),  y(t) = W_out [1, u(t), x(t)]
    W_out by ridge regression; while it is fitted, the wanted y is fed back. All series begin at rest, x = y = 0.

    Args:
        n_units: size of the reservoir.
        spectral_radius: largest |eigenvalue| of W.
        leak: above 0 and up to 1, which is no leak.
        density: share of connections within the reservoir.
        input_scaling: W_in is uniform between - and + this.
        feedback: likewise for W_back; 0 for none.
        ridge: penalty of the readout.
        n_washout: steps at the beginning that the readout does not learn from.
        random_state: seed or generator of the weights.

    Attributes, after `fit`: `weights_` `(unit, unit)`, `[i, j]` from j to i; `input_weights_` `(unit, 1 + input)`,
    `feedback_weights_` `(unit, output)`, `readout_`, the fitted Ridge.

    Raises:
        InputError: for sizes that do not fit, or values out of their range.

    Source: Jaeger, GMD Report 159 (2002), equations 1.6 and 1.7. Reconstructed: the leak, which is the usual one of
    Jaeger et al., Neural Networks 20 (2007).

    What came three steps ago is still there:

    >>> u = np.random.default_rng(0).uniform(-1, 1, (1000, 1))
    >>> past = np.roll(u, 3)
    >>> net = EchoState(50, random_state=0).fit(u[:700], past[:700])
    >>> round(net.score(u, past), 2)
    1.0
    """

    def __init__(
        self,
        n_units: int = 100,
        *,
        spectral_radius: float = 0.9,
        leak: float = 1.0,
        density: float = 0.1,
        input_scaling: float = 0.1,
        feedback: float = 0.0,
        ridge: float = 1e-8,
        n_washout: int = 50,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        self.n_units = n_units
        self.spectral_radius = spectral_radius
        self.leak = leak
        self.density = density
        self.input_scaling = input_scaling
        self.feedback = feedback
        self.ridge = ridge
        self.n_washout = n_washout
        self.random_state = random_state

    def fit(self, x: np.ndarray, y: np.ndarray) -> EchoState:
        """Draw the reservoir and train the readout on `(time, input)` and `(time,)` or `(time, output)`."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if y.ndim not in (1, 2) or len(y) != len(x):
            raise InputError("y", y.shape, f"needs (time,) or (time, output), as long as x, {len(x)}")
        if not 0 <= self.n_washout < len(x):
            raise InputError("n_washout", self.n_washout, f"needs at least 0 and fewer than the {len(x)} steps of x")
        wanted = y.reshape(len(y), -1)
        if not np.isfinite(wanted).all():
            raise InputError("y", "not finite", "drop or fill what is missing first")
        self._draw(x.shape[1] if x.ndim == 2 else 0, wanted.shape[1])
        states = self._states(x, np.concatenate([np.zeros_like(wanted[:1]), wanted[:-1]]))
        self.readout_ = Ridge(alpha=self.ridge)
        self.readout_.fit(np.hstack([x, states])[self.n_washout :], y[self.n_washout :])
        return self

    def transform(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """The states `(time, unit)` that inputs `(time, input)` lead to; with feedback, that of the own output.

        `y` is ignored, as scikit-learn has it.
        """
        return self._free(np.asarray(x, dtype=float))[0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The output for inputs `(time, input)`, of the shape that `fit` was given."""
        states, outputs = self._free(np.asarray(x, dtype=float))
        if self.feedback:
            return outputs if self.readout_.coef_.ndim == 2 else outputs[:, 0]
        return self.readout_.predict(np.hstack([x, states]))

    def _draw(self, n_inputs: int, n_outputs: int) -> None:
        for name, value, high in (("leak", self.leak, 1.0), ("density", self.density, 1.0)):
            if not 0 < value <= high:
                raise InputError(name, value, "needs a number above 0 and up to 1")
        if self.n_units < 1 or not self.spectral_radius >= 0:
            raise InputError("n_units", (self.n_units, self.spectral_radius), "needs units and no negative radius")
        rng = np.random.default_rng(self.random_state)
        n = self.n_units
        weights = rng.normal(size=(n, n)) * (rng.random((n, n)) < self.density)
        radius = np.abs(np.linalg.eigvals(weights)).max()
        if not radius > 0:
            raise InputError("density", self.density, f"leaves a reservoir of {n} units without loops; raise it")
        self.weights_ = weights * (self.spectral_radius / radius)
        self.input_weights_ = rng.uniform(-1, 1, (n, 1 + n_inputs)) * self.input_scaling
        self.feedback_weights_ = rng.uniform(-1, 1, (n, n_outputs)) * self.feedback

    def _drive(self, x: np.ndarray) -> np.ndarray:
        n_inputs = self.input_weights_.shape[1] - 1
        if x.ndim != 2 or x.shape[1] != n_inputs or not np.isfinite(x).all():
            raise InputError("x", x.shape, f"needs finite (time, {n_inputs})")
        return self.input_weights_[:, 0] + x @ self.input_weights_[:, 1:].T

    def _states(self, x: np.ndarray, fed_back: np.ndarray) -> np.ndarray:
        return _forced(self._drive(x) + fed_back @ self.feedback_weights_.T, self.weights_, self.leak)

    def _free(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(self, "readout_"):
            raise InputError("x", x.shape, "this reservoir is not fitted yet; call fit first")
        drive = self._drive(x)
        n_outputs = self.feedback_weights_.shape[1]
        if not self.feedback:
            return _forced(drive, self.weights_, self.leak), np.empty((len(x), n_outputs))
        coefficients = self.readout_.coef_.reshape(n_outputs, -1)
        n_inputs = x.shape[1]
        from_inputs = self.readout_.intercept_ + x @ coefficients[:, :n_inputs].T
        readout = np.ascontiguousarray(coefficients[:, n_inputs:])
        return _with_feedback(drive, self.weights_, self.leak, self.feedback_weights_, from_inputs, readout)


@njit(cache=True)
def _forced(drive: np.ndarray, weights: np.ndarray, leak: float) -> np.ndarray:
    states = np.empty_like(drive)
    x = np.zeros(drive.shape[1])
    for t in range(len(drive)):
        x = (1 - leak) * x + leak * np.tanh(drive[t] + weights @ x)
        states[t] = x
    return states


@njit(cache=True)
def _with_feedback(
    drive: np.ndarray,
    weights: np.ndarray,
    leak: float,
    back: np.ndarray,
    from_inputs: np.ndarray,
    readout: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    states, outputs = np.empty_like(drive), np.empty_like(from_inputs)
    x, y = np.zeros(drive.shape[1]), np.zeros(from_inputs.shape[1])
    for t in range(len(drive)):
        x = (1 - leak) * x + leak * np.tanh(drive[t] + weights @ x + back @ y)
        y = from_inputs[t] + readout @ x
        states[t] = x
        outputs[t] = y
    return states, outputs
