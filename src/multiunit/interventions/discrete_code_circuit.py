"""Circuits from codes alone: the heads that say something on solvable prompts that they never say on others."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import softmax

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.torch_system import TorchSystem


def head_outputs(system: TorchSystem, stimuli: Any, *, sites: str = "*", position: int | None = None) -> xr.DataArray:
    """What every attention head says about each stimulus, before the output projection.

    Args:
        system: with attention heads, all of one size.
        stimuli: token sequences, as `stream` takes them.
        sites: glob over the attention sites.
        position: of the token that is read, negative from the last one that is no padding; the mean over the tokens
            of the stimulus if not given.

    Returns:
        `(example, head, unit)` with the head names "site/number" and the coordinates `site`, `layer` - the number of
        the site - and `stimulus_id`; in the order of the stimuli.

    Raises:
        InputError: for a system without heads, heads of different sizes, or a stimulus shorter than `position` asks.
    """
    frame = as_stimuli(stimuli)
    table = system.sites(frame)
    table = table[table["kind"] == "attention-head"]
    if table.empty:
        raise InputError("system", system.name, "has no attention heads")
    names = match_sites(list(table.index), sites)
    heads = table.loc[names, "n_heads"].to_numpy()
    sizes = table.loc[names, "n_units"].to_numpy() // heads
    if len(set(sizes)) > 1:
        raise InputError("sites", sorted(set(sizes.tolist())), "heads of different sizes; choose sites of one size")
    total = np.zeros((len(frame), heads.sum(), sizes[0]))
    count = np.zeros(len(frame))
    for activity, presentations in system.stream(frame, names):
        rows = presentations["sequence_id"].to_numpy()
        places = presentations["position"].to_numpy()
        if position is None:
            kept = np.arange(len(rows))
        else:
            lengths = presentations.groupby("sequence_id")["position"].transform("max").to_numpy() + 1
            kept = np.flatnonzero(places == (position + lengths if position < 0 else position))
        said = np.concatenate([activity[name][kept].float().cpu().numpy() for name in names], axis=1)
        np.add.at(total, rows[kept], said.reshape(len(kept), -1, sizes[0]))
        np.add.at(count, rows[kept], 1)
    if not count.all():
        raise InputError("position", position, f"stimulus {int(np.argmin(count))} has no such token")
    return xr.DataArray(
        total / count[:, None, None],
        dims=("example", "head", "unit"),
        coords={
            "head": [f"{name}/{h}" for name, n in zip(names, heads, strict=True) for h in range(n)],
            "site": ("head", np.repeat(np.array(names, dtype=object), heads)),
            "layer": ("head", np.repeat(np.arange(len(names)), heads)),
            "stimulus_id": ("example", frame["stimulus_id"].to_numpy()),
        },
    )


def exclusive_codes(codes: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the codes of each column that occur in positive rows only, and all that occur.

    n_only = |C+ minus C-|, n_all = |C+ or C-|, C+ and C- the sets of codes in the positive and the other rows.

    Args:
        codes: int `(example, column)`.
        positive: bool `(example,)`.

    Returns:
        `n_only(column,)`, `n_all(column,)`.

    >>> exclusive_codes(np.array([[5, 1], [6, 1], [6, 1], [7, 1]]), np.array([True, True, False, False]))
    (array([1, 0]), array([3, 1]))
    """
    # Numbers from 0 within each column, so that one table holds which code was seen where.
    numbered = np.stack([np.unique(column, return_inverse=True)[1] for column in codes.T], axis=1)
    columns = np.broadcast_to(np.arange(codes.shape[1]), codes.shape)
    seen = np.zeros((2, codes.shape[1], int(numbered.max()) + 1), dtype=bool)
    seen[np.asarray(positive, dtype=int)[:, None], columns, numbered] = True
    return (seen[1] & ~seen[0]).sum(axis=1), seen.any(axis=0).sum(axis=1)


@method(kind="causal", source="arXiv:2405.12522", example=lambda rng: _example(rng))
def discrete_code_circuit(
    heads: Any, positive: Any, *, dictionary: Any = None, over_union: bool = False, edges: bool = True
) -> xr.Dataset:
    """Score every head by the codes that it gives to solvable prompts and never to unsolvable ones of the same form.

    code(example, head) = argmax of the features that the dictionary finds in the head's output;
    score(head) = |codes on positives minus codes on negatives|, over the number of different codes if `over_union`;
    edge(a, b) = the same, of the pairs (code of a, code of b) that occur in one example. Nothing is ablated: the
    heads above a threshold are a proposal, to be tested by patching or ablation.

    Args:
        heads: codes, whole numbers `(example, head)`; or with a dictionary the heads' outputs `(example, head, unit)`,
            such as `head_outputs` gives.
        positive: bool `(example,)`; a handful of each kind will do.
        dictionary: anything with `encode(activity (..., unit)) -> (..., feature)`, fitted to the outputs of all heads.
        over_union: divide by the number of codes, so that a head of many codes has no advantage.
        edges: whether to score pairs; without, `edge` is 0. Time and memory grow with the square of the heads.

    Returns:
        over `head`: `score`, `probability` (softmax of the scores over the heads), `n_codes`; `edge(head, to)`, for
        heads of earlier layers to heads of later ones - of any lower to any higher index where no `layer` is known;
        `code(example, head)`.

    Raises:
        InputError: for outputs without a dictionary, codes that are no whole numbers, not finite outputs, examples
            of one kind only, or shapes that differ.

    Source: O'Neill & Bui 2024, arXiv:2405.12522, by a summary of the authors' code; whether heads are read at one
    position or averaged is unsure, and left to the caller.

    >>> codes = np.array([[0, 3], [1, 3], [2, 3], [2, 3]])
    >>> found = discrete_code_circuit(codes, [True, True, False, False])
    >>> found["score"].values.tolist(), found["edge"].values.tolist()
    ([2.0, 0.0], [[0.0, 2.0], [0.0, 0.0]])
    """
    codes = _codes(heads, dictionary)
    solvable = np.asarray(positive, dtype=bool)
    if solvable.shape != codes.shape[:1]:
        raise InputError("positive", solvable.shape, f"needs one truth value for each of {len(codes)} examples")
    if solvable.all() or not solvable.any():
        raise InputError("positive", f"all {bool(solvable.all())}", "needs examples of both kinds")
    only, every = exclusive_codes(codes, solvable)
    score = only / every if over_union else only.astype(np.float64)
    n_heads = codes.shape[1]
    layer = np.asarray(heads["layer"]) if _has(heads, "layer") else np.arange(n_heads)
    edge = np.zeros((n_heads, n_heads))
    for a in range(n_heads) if edges else ():
        later = np.flatnonzero(layer > layer[a])
        if len(later):
            pairs = codes[:, [a]].astype(np.int64) * (codes.max() + 1) + codes[:, later]
            only_pairs, every_pair = exclusive_codes(pairs, solvable)
            edge[a, later] = only_pairs / every_pair if over_union else only_pairs
    names = np.asarray(heads["head"]) if _has(heads, "head") else np.arange(n_heads)
    return xr.Dataset(
        {
            "score": ("head", score),
            "probability": ("head", softmax(score)),
            "n_codes": ("head", every),
            "edge": (("head", "to"), edge),
            "code": (("example", "head"), codes),
        },
        coords={"head": names, "to": names, "layer": ("head", layer), "positive": ("example", solvable)},
        attrs={"over_union": int(over_union)},
    )


def _codes(heads: Any, dictionary: Any) -> np.ndarray:
    """Whole numbers from 0, `(example, head)`."""
    values = np.asarray(heads)
    if dictionary is None:
        if values.ndim != 2 or values.dtype.kind not in "iu" or 0 in values.shape or (values < 0).any():
            shown = (values.shape, values.dtype.name)
            raise InputError("heads", shown, "without a dictionary needs codes (example, head): whole numbers from 0")
        return values
    if values.ndim != 3 or 0 in values.shape:
        raise InputError("heads", values.shape, "with a dictionary needs outputs (example, head, unit)")
    if not np.isfinite(values).all():
        raise InputError("heads", "NaN or infinity", "leave such examples out")
    if not callable(getattr(dictionary, "encode", None)):
        raise InputError("dictionary", type(dictionary).__name__, "needs encode(activity)")
    features = dictionary.encode(values.reshape(-1, values.shape[2]))
    if hasattr(features, "detach"):
        features = features.detach().cpu().numpy()
    return np.asarray(features).argmax(axis=1).reshape(values.shape[:2])


def _has(heads: Any, coordinate: str) -> bool:
    return isinstance(heads, xr.DataArray) and coordinate in heads.coords


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (rng.integers(6, size=(20, 5)), np.arange(20) < 10), {}
