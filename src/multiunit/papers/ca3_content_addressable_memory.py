"""CA3 as a content-addressable memory: one presentation stores, a cue or a cell of the content recalls.

Claim: one presentation stores a content under a cue, the cue returns it exactly, a piece of a content returns its cues,
and learning a cue anew replaces its content and leaves the others alone, with orthogonal and overlapping contents.

Experiment: 16 cues and 40 content cells, contents of 8 random cells (overlapping). Learn all, recall all, learn half of
the cues anew, recall all, then ask for the cues of every single cell. The same question after learning 5 contents
without common cells (orthogonal), once the cues have been asked for. An answer counts when every bit is right. Beside
the verdict: 16 handwritten digits, 8 x 8 black or white, as contents.

Control: no strengthening, when nothing can be recalled; no weakening, when nothing can be forgotten; a gate that cues
do not close, when asking for a cue must spoil what its content learned.

Deviations: the catalogue's pairs of nearest spikes are replaced by the authors' rule, all pairs, since their software
sends a synapse's new weight with the spike that changed it, and so does this one; inhibition by other cues is as strong
as in the authors' code. Recall by cells, and all controls, are in the criterion.

Not shown: several cells of a forgotten content at once, for which about half of the weights stays; speed and power.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.circuits.ca3_memory import CA3Memory
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="ca3-content-addressable-memory",
    title="Bio-inspired computational memory model of the Hippocampus: an approach to a neuromorphic spike-based "
    "Content-Addressable Memory",
    year=2024,
    source="doi:10.1016/j.neunet.2024.106474",
    level="synthetic",
    uses=(CA3Memory,),
)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_cues, n_content = scale.pick(smoke=(5, 10), small=(16, 40))
    first, second = (random_contents(n_cues, n_content, rng) for _ in range(2))
    second[n_cues // 2 :] = first[n_cues // 2 :]
    apart = np.repeat(np.eye(5, dtype=bool), n_content // 5, axis=1)
    full = relearning(first, second)
    chosen = digits()["stimulus"].sample(n_cues, random_state=rng)
    drawn = np.stack([image.ravel() > 0.5 for image in chosen])
    return Claim(
        measured={
            **full,
            "cues_of_orthogonal_cell": cues_of_cells(apart),
            "digits_recalled": recalled(CA3Memory(*drawn.shape), drawn),
        },
        control={
            "recalled_without_strengthening": relearning(first, second, potentiation=0.0)["recalled"],
            "relearned_without_weakening": relearning(first, second, depression=0.0)["relearned_recalled"],
            "cues_of_orthogonal_cell_without_gate": cues_of_cells(apart, gated=False),
        },
        criterion="measured.recalled >= 0.95 and measured.recalled_after_relearning >= 0.95 "
        "and measured.cues_of_cell >= 0.95 and measured.cues_of_orthogonal_cell >= 0.95 "
        "and control.recalled_without_strengthening == 0 and control.relearned_without_weakening <= 0.3 "
        "and control.cues_of_orthogonal_cell_without_gate <= 0.3",
    )


def random_contents(n_cues: int, n_content: int, rng: np.random.Generator) -> np.ndarray:
    """Contents of a fifth of the cells, `(cue, content cell)`."""
    return rng.permuted(np.tile(np.arange(n_content) < n_content // 5, (n_cues, 1)), axis=1)


def recalled(memory: CA3Memory, contents: np.ndarray) -> float:
    """Share of contents that their cues return exactly, once all are learned."""
    for cue, content in enumerate(contents):
        memory.learn(cue, content)
    return float(np.mean(exact(memory, contents)))


def exact(memory: CA3Memory, contents: np.ndarray) -> list[bool]:
    return [bool((memory.recall(cue=cue)[1] == content).all()) for cue, content in enumerate(contents)]


def cues_found(memory: CA3Memory, contents: np.ndarray) -> float:
    """Share of content cells that return exactly the cues whose contents have them."""
    cells = np.eye(contents.shape[1], dtype=bool)
    return float(np.mean([(memory.recall(content=cell)[0] == contents[:, cell][:, 0]).all() for cell in cells]))


def relearning(first: np.ndarray, second: np.ndarray, **changes: Any) -> dict[str, float]:
    """Learn the first contents, then those of the second that differ; shares of exact answers."""
    memory = CA3Memory(*first.shape, **changes)
    before = recalled(memory, first)
    new = np.flatnonzero((first != second).any(axis=1))
    for cue in new:
        memory.learn(int(cue), second[cue])
    after = np.array(exact(memory, second))
    return {
        "recalled": before,
        "recalled_after_relearning": float(after.mean()),
        "relearned_recalled": float(after[new].mean()),
        "cues_of_cell": cues_found(memory, second),
    }


def cues_of_cells(contents: np.ndarray, *, gated: bool = True) -> float:
    """The share of cells that return their cue, after all contents were learned and recalled."""
    memory = CA3Memory(*contents.shape, gated=gated)
    recalled(memory, contents)
    return cues_found(memory, contents)
