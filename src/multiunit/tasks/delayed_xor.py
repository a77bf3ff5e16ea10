"""Two cues, one after the other, and after a delay: were they different?"""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def delayed_xor(
    n_sequences: int,
    *,
    n_steps: int = 12,
    noise: float = 0.1,
    random_state: int | np.random.Generator = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences in which two cues, A or B, come for a quarter of the time each, at the start and in the middle.

    Args:
        n_sequences: as evenly over the four pairs of cues as their number allows.
        n_steps: a multiple of four; cues last a quarter, and so do the delays after them.
        noise: standard deviation added to each input at each step.
        random_state: seed or generator.

    Returns:
        Inputs float32 `(time, sequence, 2)`, one channel for A and one for B; labels int64 `(sequence,)`, 1 if the
        cues differ.

    Raises:
        InputError: for a number of steps that is no multiple of four.

    >>> x, labels = delayed_xor(4, n_steps=4, noise=0.0)
    >>> (x[0] * x[2]).sum(axis=1).tolist() == (1 - labels).tolist(), float(np.abs(x[1]).max())
    (True, 0.0)
    """
    if n_steps < 4 or n_steps % 4:
        raise InputError("n_steps", n_steps, "must be a multiple of four")
    if n_sequences < 1 or not noise >= 0:
        raise InputError("n_sequences" if n_sequences < 1 else "noise", (n_sequences, noise), "a sequence, no minus")
    rng = np.random.default_rng(random_state)
    kind = rng.permutation(np.arange(n_sequences) % 4)
    first, second = kind // 2, kind % 2
    x = noise * rng.normal(size=(n_steps, n_sequences, 2))
    quarter = n_steps // 4
    x[:quarter] += np.eye(2)[first]
    x[2 * quarter : 3 * quarter] += np.eye(2)[second]
    return x.astype(np.float32), (first != second).astype(np.int64)
