"""Inputs of random bits that hold several independent features, some simple and some complex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError

_N_BITS = {"linear": 1, "majority": 3, "xor": 2, "parity_3": 3, "parity_4": 4}


class FeatureComplexity(NamedTuple):
    """Binary features of +1 and -1 inputs; each is a rule over bits of its own, all other bits tell nothing.

    Args:
        rules: one a feature: `linear` (one bit), `majority` (of three), `xor`, `parity_3` or `parity_4` (odd number of
            +1); the bits of the first feature come first, and so on.
        n_bits: inputs.

    Source: in the spirit of Lampinen, Chan & Hermann, arXiv:2405.05847 (abstract read); the rules are reconstructed.

    >>> inputs, features = FeatureComplexity(("linear", "xor"), 5).sample(1000)
    >>> bool((features[:, 1] == (inputs[:, 1] != inputs[:, 2])).all())
    True
    """

    rules: Sequence[str]
    n_bits: int = 32

    def sample(
        self, n_presentations: int, *, random_state: int | np.random.Generator = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs float32 `(presentation, bit)` of +1 and -1, and features float32 0 or 1, `(presentation, feature)`.

        Raises:
            InputError: for an unknown rule, or fewer bits than the rules take.
        """
        unknown = [rule for rule in self.rules if rule not in _N_BITS]
        if unknown or not self.rules:
            raise InputError("rules", unknown, f"give at least one of {', '.join(_N_BITS)}")
        taken = sum(_N_BITS[rule] for rule in self.rules)
        if self.n_bits < taken:
            raise InputError("n_bits", self.n_bits, f"the rules take {taken}")
        bits = np.random.default_rng(random_state).integers(2, size=(n_presentations, self.n_bits))
        features, first = [], 0
        for rule in self.rules:
            own = bits[:, first : first + _N_BITS[rule]].sum(axis=1)
            features.append(own >= 2 if rule == "majority" else own % 2)
            first += _N_BITS[rule]
        return (2.0 * bits - 1).astype(np.float32), np.stack(features, axis=1).astype(np.float32)
