"""`TorchSystem`: any torch module, untouched, as a system."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.edit import Edit, Shown
from multiunit.core.errors import InputError, SiteError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.batches import Sequences, cut, labels, pad, slices, tokenise
from multiunit.systems.capture import Capture, StopForward, changed, watched
from multiunit.systems.evaluated import without_gradients
from multiunit.systems.pooling import Pool, over_space, over_tokens
from multiunit.systems.sites import Site, find_sites


class TorchSystem:
    """Any `nn.Module` as a system: its sites, its activity as a stream, and edits that leave no trace.

    The module itself runs, with plain hooks that take activity by reference; what it computes is bit for bit what it
    computes alone. In text every token is a presentation - padding and the tokenizer's special tokens never are -
    unless `pool` makes one of each sequence. Other stimuli (images) are one presentation each, pooled over space.

    Args:
        module: the module; it is evaluated in `eval` mode and put back into its own mode afterwards.
        tokenizer: a Hugging Face tokenizer, for stimuli that are texts.
        prepare: turns a list of stimuli into the module's input (a tensor, or a dictionary of them).
        batch_size: tokens in a batch (2048) or other stimuli (64).
        window: longest token sequence; longer texts are cut. The default is what the module can take, at most 1024.
        pool: how positions become one presentation: `mean`, `max` or `last`; for tokens the default is not to pool.
        device: where to put the module; by default it stays where it is.
        name: how the system is called in recordings and atlases.

    Raises:
        InputError: if `module` is no module.

    >>> net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU())
    >>> _ = nn.init.ones_(net[0].weight)
    >>> TorchSystem(net).record(np.eye(2, dtype="float32"), "1").activity.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        tokenizer: Any = None,
        prepare: Callable[[list[Any]], Any] | None = None,
        batch_size: int | None = None,
        window: int | None = None,
        pool: Pool | None = None,
        device: str | torch.device | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise InputError("module", module, "must be a torch.nn.Module")
        if pool not in (None, "mean", "max", "last"):
            raise InputError("pool", pool, "must be None, 'mean', 'max' or 'last'")
        # A compiled module holds the plain one; hooks set after compilation would not run in the compiled code.
        self.module: nn.Module = getattr(module, "_orig_mod", module)
        if device is not None:
            self.module.to(device)
        self.tokenizer, self.prepare, self.pool, self.batch_size = tokenizer, prepare, pool, batch_size
        self.window = window or min(_longest(self.module, tokenizer), 1024)
        self.name = name or type(self.module).__name__
        self._sites = {site.name: site for site in find_sites(self.module)}
        self._copies: set[str] = set()
        self._shown: Shown | None = None
        self._probed = False

    def sites(self, stimuli: Any = None) -> pd.DataFrame:
        """One row a site, by `name`: kind, n_units, n_heads, side.

        Widths and order are those of the module's parts as registered, until the system has run; with `stimuli`
        they are measured on the first one.
        """
        if stimuli is not None:
            self._probe(as_stimuli(stimuli))
        rows = [dataclasses.asdict(site) for site in self._sites.values()]
        columns = ["name", "kind", "n_units", "n_heads", "side"]
        return pd.DataFrame(rows, columns=[*columns, "call", "channel_axis"])[columns].set_index("name")

    def head_units(self, site: str, *, head: int) -> list[str]:
        """The unit ids of one attention head.

        Raises:
            SiteError: if the site has no such head.
        """
        found = self._sites.get(site)
        if found is None or found.kind != "attention-head" or not 0 <= head < found.n_heads:
            raise SiteError("head", f"{site}, {head}", "no such attention head; sites() lists them")
        size = found.n_units // found.n_heads
        return [f"{site}/{unit}" for unit in range(head * size, (head + 1) * size)]

    def stream(
        self,
        stimuli: Any,
        sites: str | Sequence[str] = "*",
        *,
        edits: Sequence[Edit] = (),
        stop_early: bool = True,
        first_batch: int = 0,
    ) -> Iterator[Batch]:
        """Yield the activity at the sites batch by batch, as tensors `(presentation, unit)` on the module's device.

        The pass stops after the deepest site asked for. Batches and their order depend on the stimuli only, so that
        `first_batch` continues an interrupted stream.

        Raises:
            InputError: for stimuli that are empty or that the module cannot take.
            SiteError: for a site that does not exist.
        """
        return self._stream(as_stimuli(stimuli), sites, edits, stop_early, first_batch, by_length=True)

    def record(
        self, stimuli: Any, sites: str | Sequence[str] = "*", *, store: Path | None = None, edits: Sequence[Edit] = ()
    ) -> Recording:
        """Keep the activity, in the order of the stimuli: in memory, or streamed to a store and opened lazily."""
        frame = as_stimuli(stimuli)
        batches = self._stream(frame, sites, edits, True, 0, by_length=False)
        first = next(batches)
        units = self._units(first)
        attrs = {"kind": "activation", "source": self.name}
        if store is not None:
            from multiunit.io.store import StoreWriter, open_store

            with StoreWriter(store, units=units, attrs=attrs) as writer:
                writer.append(_matrix(first), first.presentations)
                for batch in batches:
                    writer.append(_matrix(batch), batch.presentations)
            return open_store(store)
        kept = [(_matrix(first), first.presentations), *((_matrix(b), b.presentations) for b in batches)]
        activity = np.concatenate([block for block, _ in kept])
        table = pd.concat([rows for _, rows in kept], ignore_index=True)
        return Recording.from_activity(activity, units=units, presentations=table, **attrs)

    @contextmanager
    def edited(self, edits: Sequence[Edit]) -> Iterator[nn.Module]:
        """Within the block every run of the module is edited, generation too; blocks nest. Gives the module."""
        edits = list(edits)
        for edit in edits:
            for name in edit.sites():
                if name not in self._sites:
                    raise SiteError("edits", name, "no such site; sites() lists them")
        with changed(self.module, self._sites, edits, shown=lambda: self._shown):
            yield self.module

    def tokens(self, stimuli: Any) -> pd.DataFrame:
        """The presentations that `stream` will show, without running the module, in the order of the stimuli."""
        frame = as_stimuli(stimuli)
        if self._is_text(frame):
            return self._sequences(frame).presentations(frame)
        rows = np.arange(len(frame))
        return pd.DataFrame({"sequence_id": rows, "position": np.zeros_like(rows)} | labels(frame, rows))

    def contexts(self, stimuli: Any, presentations: pd.DataFrame, *, width: int = 8) -> pd.DataFrame:
        """What stood around presentations: texts `before`, `token` and `after`, one row each.

        Args:
            stimuli: those that were streamed.
            presentations: `sequence_id` and `position` of each.
            width: tokens on either side.
        """
        frame = as_stimuli(stimuli)
        if not self._is_text(frame):
            named = [f"stimulus {frame['stimulus_id'].iloc[row]}" for row in presentations["sequence_id"]]
            return pd.DataFrame({"before": "", "token": named, "after": ""})
        sequences = self._sequences(frame)
        rows = []
        for sequence, position in zip(presentations["sequence_id"], presentations["position"], strict=True):
            ids, counted = sequences.ids[sequence], sequences.counted[sequence]
            at = int(position) if self.pool is None else len(ids) - 1
            around = (slice(max(0, at - width), at), slice(at, at + 1), slice(at + 1, at + 1 + width))
            rows.append([self._text(ids[part][counted[part]]) for part in around])
        return pd.DataFrame(rows, columns=["before", "token", "after"])

    def _text(self, ids: np.ndarray) -> str:
        if hasattr(self.tokenizer, "decode"):
            return str(self.tokenizer.decode(ids.tolist()))
        return " ".join(map(str, ids))

    def describe(self) -> dict[str, Any]:
        """What ran: name, class, number of parameters, and the hash of the weights."""
        digest = hashlib.sha256()
        for name, tensor in self.module.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return {
            "name": self.name,
            "class": type(self.module).__name__,
            "n_parameters": sum(p.numel() for p in self.module.parameters()),
            "sha256": digest.hexdigest(),
        }

    # --- one pass -----------------------------------------------------------------------------------------------

    def _stream(
        self,
        frame: pd.DataFrame,
        sites: str | Sequence[str],
        edits: Sequence[Edit],
        stop_early: bool,
        first_batch: int,
        *,
        by_length: bool,
    ) -> Iterator[Batch]:
        self._probe(frame)
        wanted = [self._sites[name] for name in match_sites(list(self._sites), sites)]
        text = self._is_text(frame)
        with self.edited(edits):
            for inputs, rows, sequences in self._batches(frame, text, first_batch, by_length):
                capture = Capture(wanted, copies=self._copies, stop=stop_early)
                lengths = [1] * len(rows) if sequences is None else [len(sequences.ids[row]) for row in rows]
                with self._showing(Shown(rows, np.array(lengths))):
                    self._run(inputs, wanted, capture)
                if sequences is None:
                    ids = {"sequence_id": rows, "position": np.zeros(len(rows), dtype=np.int64)}
                    table = pd.DataFrame(ids | labels(frame, rows))
                    flat = {s.name: over_space(capture.activity[s.name], s, self.pool or "mean") for s in wanted}
                else:
                    table, flat = self._tokens_apart(capture.activity, sequences, frame, rows)
                yield Batch(flat, table)

    @contextmanager
    def _showing(self, shown: Shown) -> Iterator[None]:
        """Within the block edits are told what passes; a stream that waits inside a block of edits tells nothing."""
        before, self._shown = self._shown, shown
        try:
            yield
        finally:
            self._shown = before

    def _run(self, inputs: Any, wanted: Sequence[Site], capture: Capture) -> None:
        look = watched(self.module, wanted, capture.see)
        with without_gradients(self.module), look, suppress(StopForward):
            self.module(**inputs) if isinstance(inputs, dict) else self.module(inputs)

    def _batches(
        self, frame: pd.DataFrame, text: bool, first_batch: int, by_length: bool
    ) -> Iterator[tuple[Any, np.ndarray, Sequences | None]]:
        if not text:
            for number, rows in enumerate(slices(len(frame), self.batch_size or 64)):
                if number >= first_batch:
                    yield self._inputs([frame["stimulus"].iloc[row] for row in rows]), rows, None
            return
        sequences = self._sequences(frame)
        lengths = np.array([len(ids) for ids in sequences.ids])
        batches = cut(lengths, self.batch_size or 2048, by_length=by_length, equal=not self._takes("attention_mask"))
        for rows in batches[first_batch:]:
            yield self._token_inputs([sequences.ids[row] for row in rows]), rows, sequences

    def _tokens_apart(
        self, activity: dict[str, torch.Tensor], sequences: Sequences, frame: pd.DataFrame, rows: np.ndarray
    ) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
        counted, _ = pad([sequences.counted[row] for row in rows], False)
        counted = counted.astype(bool)
        table = sequences.presentations(frame, rows)
        where = torch.as_tensor(np.flatnonzero(counted.ravel()))
        flat = {}
        for name, tensor in activity.items():
            if tensor.shape[:2] != counted.shape:
                raise SiteError("sites", name, f"has shape {tuple(tensor.shape)}, no unit for each of the tokens")
            tokens = tensor.reshape(counted.size, -1)
            flat[name] = tokens if counted.all() else tokens.index_select(0, where.to(tensor.device))
        if self.pool is None:
            return table, flat
        ends = np.cumsum(counted.sum(axis=1))
        pooled = {name: over_tokens(tokens, ends, self.pool) for name, tokens in flat.items()}
        ids = {"sequence_id": rows, "position": np.zeros(len(rows), dtype=np.int64)}
        return pd.DataFrame(ids | labels(frame, sequences.stimulus[rows])), pooled

    # --- what the module takes in -------------------------------------------------------------------------------

    def _is_text(self, frame: pd.DataFrame) -> bool:
        first = frame["stimulus"].iloc[0]
        if isinstance(first, str):
            return self.prepare is None or self.tokenizer is not None
        array = np.asarray(first) if not isinstance(first, torch.Tensor) else first
        whole = array.dtype.kind in "iu" if isinstance(array, np.ndarray) else not array.is_floating_point()
        return self.prepare is None and array.ndim == 1 and whole

    def _sequences(self, frame: pd.DataFrame) -> Sequences:
        return tokenise(frame, self.tokenizer, window=self.window)

    def _token_inputs(self, ids: list[np.ndarray]) -> dict[str, Any]:
        padding = getattr(self.tokenizer, "pad_token_id", None) or 0
        tokens, mask = pad(ids, padding)
        inputs: dict[str, Any] = {self._token_argument(): torch.as_tensor(tokens, device=self._device())}
        if not mask.all():
            inputs["attention_mask"] = torch.as_tensor(mask, device=self._device()).long()
        if self._takes("use_cache"):
            inputs["use_cache"] = False
        return inputs

    def _token_argument(self) -> str:
        parameters = list(inspect.signature(self.module.forward).parameters)
        return "input_ids" if "input_ids" in parameters or not parameters else parameters[0]

    def _takes(self, argument: str) -> bool:
        return argument in inspect.signature(self.module.forward).parameters

    def _inputs(self, stimuli: list[Any]) -> Any:
        if self.prepare is not None:
            inputs = self.prepare(stimuli)
        else:
            try:
                inputs = torch.stack([torch.as_tensor(np.asarray(stimulus)) for stimulus in stimuli])
            except (RuntimeError, TypeError, ValueError) as error:
                raise InputError(
                    "stimuli", type(stimuli[0]).__name__, f"are no arrays of one shape: {error}"
                ) from error
            if inputs.dtype == torch.float64:
                inputs = inputs.to(next((p.dtype for p in self.module.parameters()), torch.float32))
        if isinstance(inputs, torch.Tensor):
            return inputs.to(self._device())
        return {name: value.to(self._device()) for name, value in inputs.items()}

    def _device(self) -> torch.device:
        return next((p.device for p in self.module.parameters()), torch.device("cpu"))

    # --- what one small run teaches -----------------------------------------------------------------------------

    def _probe(self, frame: pd.DataFrame) -> None:
        """Run the first stimulus once, to see which parts run, how often, how wide, and which are written over."""
        if self._probed:
            return
        declared = list({site.path: site for site in self._sites.values()}.values())
        seen: list[tuple[Site, torch.Tensor]] = []
        calls: dict[str, int] = {}
        by_path = {site.path: site for site in declared}

        def see(path: str, tensor: torch.Tensor) -> None:
            calls[path] = calls.get(path, -1) + 1
            seen.append((_measured(by_path[path], tensor, calls[path]), tensor.detach()))
            versions.append(tensor._version)

        versions: list[int] = []
        inputs, _, _ = next(self._batches(frame.iloc[:1].reset_index(drop=True), self._is_text(frame), 0, True))
        with without_gradients(self.module), watched(self.module, declared, see):
            try:
                self.module(**inputs) if isinstance(inputs, dict) else self.module(inputs)
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                raise InputError("stimuli", _shapes(inputs), f"{self.name} cannot take them: {error}") from error
        self._sites = {site.name: site for site, _ in seen}
        self._copies = {
            site.name for (site, tensor), version in zip(seen, versions, strict=True) if tensor._version != version
        }
        self._probed = True

    def _units(self, batch: Batch) -> pd.DataFrame:
        names = [name for name, tensor in batch.activity.items() for _ in range(tensor.shape[1])]
        return pd.DataFrame({"site": names, "kind": [self._sites[name].kind for name in names]})


def _measured(site: Site, tensor: torch.Tensor, call: int) -> Site:
    axis = -1
    # An activation before any layer of known width is taken for images, channels first, if it has four axes.
    fits = tensor.ndim > 2 and tensor.shape[1] == (site.n_units or tensor.shape[1])
    if fits and (site.channel_axis == 1 or tensor.ndim > 3):
        axis = 1
    name = f"{site.path}@{call}" if call else site.path
    return dataclasses.replace(site, name=name, call=call, n_units=tensor.shape[axis], channel_axis=axis)


def _matrix(batch: Batch) -> np.ndarray:
    # NumPy has no bfloat16; float32 holds every half precision exactly.
    blocks = [tensor.float() if tensor.dtype == torch.bfloat16 else tensor for tensor in batch.activity.values()]
    return np.concatenate([block.cpu().numpy() for block in blocks], axis=1)


def _longest(module: nn.Module, tokenizer: Any) -> int:
    config = getattr(module, "config", None)
    limits = [getattr(tokenizer, "model_max_length", None), getattr(module, "max_positions", None)]
    limits += [getattr(config, key, None) for key in ("max_position_embeddings", "n_positions")]
    return min([limit for limit in limits if isinstance(limit, int) and 0 < limit < 10**8] or [1024])


def _shapes(inputs: Any) -> Any:
    named = inputs if isinstance(inputs, dict) else {"input": inputs}
    return {name: tuple(value.shape) for name, value in named.items() if hasattr(value, "shape")}
