"""A spiking memory after CA3: cues recall contents, contents recall cues, and relearning a cue forgets."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire

DT = 1e-3
# Steps of an operation; the authors wait 7 at least.
SLOT = 10
TAU_SYNAPSE = 3e-4
TAU_STDP = 3e-3
W_MAX = 6.0
# Populations, and whether their membranes are slow (3 ms, 0.27 nF) or fast (0.5 ms, 0.14 nF).
_SLOW = {
    "input": True,
    "cue_recall": True,
    "cue_found": False,
    "content_recall": True,
    "content_found": True,
    "gate": False,
    "interneuron": False,
    "cue_merged": True,
    "content_merged": True,
    "output": True,
}
# From, to, weight (nA; that of cells that inhibit all others is for each content cell), delay (steps), and who to whom.
_WIRING = (
    ("input_cue", "cue_recall", 6.0, 1, "one"),
    ("input_content", "content_recall", 6.0, 1, "one"),
    ("cue_recall", "cue_found", 6.0, 2, "one"),
    ("cue_recall", "cue_found", -6.0, 3, "others"),
    ("content_recall", "gate", 9.0, 1, "one"),
    ("cue_recall", "gate", -6.0, 2, "all"),
    ("content_recall", "interneuron", 6.0, 1, "all"),
    ("interneuron", "gate", 2.0, 1, "all"),
    ("gate", "content_found", 6.0, 1, "one"),
    ("cue_found", "cue_found", -6.0, 2, "others"),
    ("cue_recall", "cue_merged", 6.0, 3, "one"),
    ("cue_found", "cue_merged", 6.0, 1, "one"),
    ("content_recall", "content_merged", 6.0, 3, "one"),
    ("content_found", "content_merged", 6.0, 1, "one"),
    ("cue_merged", "output_cue", 6.0, 1, "one"),
    ("content_merged", "output_content", 6.0, 1, "one"),
)
_PLASTIC = (("cue_recall", "content_recall"), ("content_found", "cue_found"))


class CA3Memory:
    """A spiking content-addressable memory of one-hot cues and binary contents; one presentation stores a pair.

    Steps of 1 ms. Cells are leaky integrate-and-fire with exponential currents (0.3 ms), refractory for one step. A cue
    reaches its content through `cue_recall` -> `content_recall`, a content its cues through `content_found` ->
    `cue_found`; only these learn. The gate lets contents pass to `content_found` unless a cue recalled them.

    At a postsynaptic spike w <- min(6, w + potentiation x), at a presynaptic one w <- max(0, w - depression y), before
    that spike is sent; x and y are traces of all spikes (3 ms), the postsynaptic ones a step late, which is the
    synapse's delay. While a cue is learned anew its old content is evoked one step late, and so is depressed.

    Args:
        n_cues, n_content: cells of each kind.
        potentiation, depression: nA for a pair of spikes at the same time.
        gated: whether cues close the gate.

    Raises:
        InputError: for no cells.

    Source: Casanueva-Morato et al. 2024, doi:10.1016/j.neunet.2024.106474; wiring and constants of the authors' public
    code, order of events of sPyNNaker's. Unsure: "all but itself" is taken to hold between populations as well, and
    fixed-point rounding is left out.

    >>> memory = CA3Memory(3, 4)
    >>> for cue, content in ((0, [1, 1, 0, 0]), (1, [0, 0, 1, 1]), (0, [1, 0, 0, 0])):
    ...     memory.learn(cue, content)
    >>> memory.recall(cue=0)[1].astype(int).tolist(), memory.recall(cue=1)[1].astype(int).tolist()
    ([1, 0, 0, 0], [0, 0, 1, 1])
    >>> memory.recall(content=[0, 0, 0, 1])[0].astype(int).tolist()
    [0, 1, 0]
    """

    def __init__(
        self,
        n_cues: int,
        n_content: int,
        *,
        potentiation: float = 6.0,
        depression: float = 6.0,
        gated: bool = True,
    ) -> None:
        if n_cues < 1 or n_content < 1:
            raise InputError("n_cues", (n_cues, n_content), "needs one cue and one content cell at least")
        self.n_cues, self.n_content = int(n_cues), int(n_content)
        self.potentiation, self.depression = float(potentiation), float(depression)
        self.at, self.site = self._placed()
        n = len(self.site)
        slow = np.array([_SLOW[site] for site in self.site])
        self._resistance = np.where(slow, 3e-3 / 0.27, 5e-4 / 0.14)  # V / nA
        self._cell: dict[str, Any] = {
            "tau_membrane": np.where(slow, 3e-3, 5e-4),
            "v_threshold": np.where(self.site == "output", -0.0575, -0.057),
            "refractory_period": DT,
            "dt": DT,
        }
        self._v, self._refractory = np.full(n, -0.06), np.zeros(n)
        self._current, self._spiked = np.zeros(n), np.zeros(n, dtype=bool)
        self._arriving = np.zeros((4, n))
        self._weights = np.zeros((4, n, n))
        for pre, post, weight, delay, who in _WIRING:
            if not gated and (pre, post) == ("cue_recall", "gate"):
                continue
            a, b = self._weights[delay, self.at[pre], self.at[post]].shape
            joined = {"one": np.eye(a, b), "all": np.ones((a, b)), "others": n_content * (1 - np.eye(a, b))}[who]
            self._weights[delay, self.at[pre], self.at[post]] += weight * joined
        self._traces = [[np.zeros(self._size(name)) for name in pair] for pair in _PLASTIC]
        self._history: list[np.ndarray] = []

    def learn(self, cue: int, content: Any) -> None:
        """Store a content under a cue, and forget what was stored there: 3 steps of input, then rest.

        Args:
            content: `(content cell,)`, 0 or 1.

        Raises:
            InputError: for an unknown cue, or a content of another shape.
        """
        pattern = np.concatenate([self._cue(cue), self._content(content)])
        self._run([pattern] * 3)

    def recall(self, *, cue: int | None = None, content: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Ask for the content of a cue, or for the cues of a content or a part of it: one step of input, then rest.

        Returns:
            Cues `(cue,)` and content `(content cell,)` at the output, bool: what was asked 5 steps after the input, and
            what is found one step later. The cues of a content are those whose content shares a cell with it.

        Raises:
            InputError: unless one of both is given, as for `learn`.
        """
        if (cue is None) == (content is None):
            raise InputError("cue", cue, "give a cue or a content, not both")
        asked = np.zeros(self.n_cues + self.n_content, dtype=bool)
        if cue is not None:
            asked[: self.n_cues] = self._cue(cue)
        else:
            asked[self.n_cues :] = self._content(content)
        self._run([asked])
        output = np.array(self._history[5 - SLOT : 7 - SLOT])[:, self.at["output"]]
        cues, found = output[:, : self.n_cues], output[:, self.n_cues :]
        return (cues[0], found[1]) if cue is not None else (cues[1], found[0])

    def weights(self, pre: str) -> np.ndarray:
        """The weights that learn, nA, `(pre, post)`: those of `cue_recall`, or of `content_found`."""
        post = dict(_PLASTIC).get(pre)
        if post is None:
            raise InputError("pre", pre, f"is one of {', '.join(dict(_PLASTIC))}")
        return self._weights[1, self.at[pre], self.at[post]].copy()

    @property
    def recording(self) -> Recording:
        """All spikes so far, by population."""
        spiked = np.array(self._history).reshape(-1, len(self.site))
        trains = [(np.flatnonzero(unit) + 1) * DT for unit in spiked.T]
        return Recording.from_spikes(trains, units={"site": self.site.astype(object)}, source="CA3Memory")

    # ---- inside -------------------------------------------------------------------------------------------

    def _size(self, name: str) -> int:
        return 1 if name == "interneuron" else self.n_cues if "cue" in name else self.n_content

    def _placed(self) -> tuple[dict[str, slice], np.ndarray]:
        """Where each population lies among all units, and the population of every unit."""
        at, sites = dict[str, slice](), list[str]()
        for name in _SLOW:
            first = len(sites)
            sizes = [self.n_cues, self.n_content] if name in ("input", "output") else [self._size(name)]
            sites += [name] * sum(sizes)
            at[name] = slice(first, len(sites))
            if len(sizes) == 2:
                middle = first + self.n_cues
                at[f"{name}_cue"], at[f"{name}_content"] = slice(first, middle), slice(middle, len(sites))
        return at, np.array(sites)

    def _cue(self, cue: int) -> np.ndarray:
        if not 0 <= cue < self.n_cues:
            raise InputError("cue", cue, f"there are cues 0 to {self.n_cues - 1}")
        return np.arange(self.n_cues) == cue

    def _content(self, content: Any) -> np.ndarray:
        bits = np.asarray(content)
        if bits.shape != (self.n_content,) or not np.isin(bits, (0, 1)).all():
            raise InputError("content", bits.shape, f"needs {self.n_content} values of 0 or 1")
        return bits.astype(bool)

    def _run(self, patterns: list[np.ndarray]) -> None:
        for step in range(SLOT):
            self._step(patterns[step] if step < len(patterns) else np.zeros(self.n_cues + self.n_content, dtype=bool))

    def _step(self, given: np.ndarray) -> None:
        before, now = self._spiked, len(self._history)
        # SpiNNaker holds the current over a step; the factor keeps the charge of its exponential.
        self._current += self._arriving[now % 4] * (TAU_SYNAPSE / DT) * -np.expm1(-DT / TAU_SYNAPSE)
        self._arriving[now % 4] = 0.0
        self._v, self._refractory, spiked = leaky_integrate_and_fire(
            self._v, self._refractory, self._resistance * self._current, **self._cell
        )
        self._current *= np.exp(-DT / TAU_SYNAPSE)
        spiked[self.at["input"]] = given
        for (pre, post), traces in zip(_PLASTIC, self._traces, strict=True):
            w = self._weights[1, self.at[pre], self.at[post]]
            x, y = traces
            x *= np.exp(-DT / TAU_STDP)
            y *= np.exp(-DT / TAU_STDP)
            came, late = spiked[self.at[pre]], before[self.at[post]]
            w[:, late] = np.minimum(w[:, late] + self.potentiation * x[:, None], W_MAX)
            y += late
            w[came] = np.maximum(w[came] - self.depression * y, 0.0)
            x += came
        for delay in (1, 2, 3):
            self._arriving[(now + delay) % 4] += self._weights[delay][spiked].sum(axis=0)
        self._spiked = spiked
        self._history.append(spiked)
