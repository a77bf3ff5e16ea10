"""A recording as a Zarr v3 directory: written whole or not at all, opened lazily, checked before it is believed."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from multiunit.core.atomic import new_folder, recovered
from multiunit.core.errors import InputError, StoreError
from multiunit.core.recording import Recording
from multiunit.core.schema import SCHEMA

MANIFEST = "multiunit.json"
_METADATA = "zarr.json"
_CHUNK = {"presentation": 4096, "unit": 256}
_CHUNK_BYTES = 32 * 2**20
_ITEMS = 2**20
# Names that are the same file nowhere else: no dots, no slashes, and compared without case.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,99}")


def write_store(recording: Recording, path: str | Path) -> Path:
    """Write a recording as a folder; a store that stands there is replaced only once the new one is complete.

    Activity is copied in blocks, so that a lazy recording larger than memory can be written.

    Raises:
        InputError: for a label or attribute that is no text, number, truth value or None; they are kept without pickle.
        StoreError: if it cannot be written, or something else stands at `path`.
    """
    path = _free(path)
    dataset = recording.dataset
    attrs = _plain(dataset.attrs)
    with new_folder(path) as folder:
        group = _group(folder)
        variables: dict[str, Any] = {}
        for name, variable in dataset.variables.items():
            about = _write(group, _key(str(name), variables), variable)
            variables[str(name)] = about | {"coord": name in dataset.coords}
        _finish(folder, variables, attrs)
    return path


def open_store(path: str | Path) -> Recording:
    """Open a store; activity is read when it is asked for, in the pieces that are asked for.

    Raises:
        StoreError: if there is none, its schema is unknown, a file of it is missing or not what was written, or - when
            it is read - a chunk is damaged, has gone, or the store was replaced in the meantime.
    """
    import zarr

    path = recovered(path)
    manifest = _manifest(path)
    try:
        _check_files(path, manifest)
        group = zarr.open_group(path, mode="r", zarr_format=3)
        variables = manifest["variables"]
        read = {name: _read(group, about, manifest["files"], path) for name, about in variables.items()}
        coords = {name: read[name] for name, about in variables.items() if about["coord"]}
        data = {name: value for name, value in read.items() if name not in coords}
        return Recording(xr.Dataset(data, coords, manifest["attrs"]))
    except StoreError:
        raise
    except Exception as error:  # what zarr, its codecs, numpy and xarray make of broken metadata
        raise StoreError(f"{path} is damaged: {type(error).__name__}: {error}") from error


class StoreWriter:
    """Write activity `(presentation, unit)` piece by piece, in memory of one chunk; the store appears at the end.

    Args:
        path: the folder to make.
        units: columns of the units, one row each.
        attrs: of the recording, such as `kind` and `source`.

    Raises:
        StoreError: if it cannot be written; an exception within the block leaves what stood there.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "store"
    >>> with StoreWriter(path, units=pd.DataFrame({"site": ["a", "a"]}), attrs={"kind": "activation"}) as writer:
    ...     writer.append(np.ones((3, 2)), pd.DataFrame({"word": ["x", "y", "z"]}))
    >>> open_store(path)
    Recording(3 presentations x 2 units; activation)
    """

    def __init__(self, path: str | Path, *, units: pd.DataFrame, attrs: Mapping[str, Any]) -> None:
        self.path, self.units, self.attrs = _free(path), _flat(units), _plain(attrs)

    def __enter__(self) -> StoreWriter:
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(new_folder(self.path))
        self._array: Any = None
        self._pending: list[np.ndarray] = []
        self._tables: list[pd.DataFrame] = []
        return self

    def append(self, activity: Any, presentations: pd.DataFrame) -> None:
        """Add presentations at the end.

        Raises:
            InputError: for activity of another shape or a number type that the first one's cannot hold, or for other
                columns than the first ones.
        """
        block, table = np.asarray(activity), _flat(presentations)
        if block.ndim != 2 or block.shape != (len(table), len(self.units)):
            mend = f"needs ({len(table)}, {len(self.units)}): presentations by units"
            raise InputError("activity", block.shape, mend)
        dtype = self._pending[0].dtype if self._pending else block.dtype
        if block.dtype.kind not in "fiub" or not np.can_cast(block.dtype, dtype):
            raise InputError("activity", str(block.dtype), f"needs real numbers that fit the first block's {dtype}")
        if self._tables and set(table) != set(self._tables[0]):
            raise InputError("presentations", list(table), f"needs the first block's columns {list(self._tables[0])}")
        self._pending.append(block)
        self._tables.append(table)
        if sum(map(len, self._pending)) >= _CHUNK["presentation"]:
            self._flush(whole=True)

    def _flush(self, *, whole: bool) -> None:
        rows = np.concatenate(self._pending)
        if self._array is None:
            shape = (0, len(self.units))
            self._array = _create(_group(self._folder), "activity", shape, rows.dtype, ("presentation", "unit"))
        step = _CHUNK["presentation"]
        end = len(rows) // step * step if whole else len(rows)
        start = self._array.shape[0]
        self._array.resize((start + end, rows.shape[1]))
        self._array[start : start + end] = rows[:end]
        self._pending = [rows[end:]]

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        if kind is None:
            try:
                self._complete()
            except BaseException as failed:
                if not self._stack.__exit__(type(failed), failed, failed.__traceback__):
                    raise
        return self._stack.__exit__(kind, error, trace)

    def _complete(self) -> None:
        if not self._tables:
            raise InputError("activity", "(nothing)", "append at least one presentation")
        self._flush(whole=False)
        # Zeros that take no memory carry every label: they are validated as a recording before anything is renamed.
        zeros = np.broadcast_to(np.zeros((), self._array.dtype), self._array.shape)
        table = pd.concat(self._tables, ignore_index=True)
        frame = Recording.from_activity(zeros, units=self.units, presentations=table).dataset
        frame = Recording(frame.assign_attrs(self.attrs)).dataset
        variables: dict[str, Any] = {"activity": {"key": "activity", "dims": ["presentation", "unit"], "coord": False}}
        group = _group(self._folder)
        for name, variable in frame.coords.items():
            about = _write(group, _key(str(name), variables), variable.variable)
            variables[str(name)] = about | {"coord": True}
        _finish(self._folder, variables, _plain(frame.attrs))


class _Lazy(BackendArray):
    """A Zarr array that xarray reads piece by piece, and that never takes a lost chunk for zeros."""

    def __init__(self, array: Any, *, path: Path, key: str, sizes: Mapping[str, int]) -> None:
        self.array, self.path, self.key = array, path, key
        self.shape, self.dtype = array.shape, array.dtype
        self.sizes = {name: size for name, size in sizes.items() if name.startswith(f"{key}/c")}
        self.folder = path.stat().st_ino

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def read(self, key: tuple[Any, ...] | None = None) -> np.ndarray:
        """The part at an index for each dimension, or all of it."""
        if not self.shape:
            self._check(["c"])
            return self._decode(())
        key = (slice(None),) * len(self.shape) if key is None else key
        parts = [_simple(k, size) for k, size in zip(key, self.shape, strict=True)]
        touched = [
            np.unique(np.arange(size)[part] // chunk).tolist()
            for part, size, chunk in zip(parts, self.shape, self.array.chunks, strict=True)
        ]
        self._check("/".join(["c", *map(str, index)]) for index in itertools.product(*touched))
        return self._decode(tuple(parts))

    def _check(self, chunks: Any) -> None:
        try:
            if self.path.stat().st_ino != self.folder:
                raise StoreError(f"{self.path} was replaced since it was opened; open it again")
        except FileNotFoundError as error:
            raise StoreError(f"{self.path} is gone since it was opened") from error
        for chunk in chunks:
            name = f"{self.key}/{chunk}"
            _check_size(self.path, name, self.sizes.get(name))

    def _decode(self, key: tuple[Any, ...]) -> np.ndarray:
        try:
            return np.asarray(self.array.oindex[key] if key else self.array[()])
        except Exception as error:  # whatever the codec makes of broken bytes
            raise StoreError(f"{self.path} is damaged: {self.key}: {error}") from error


def _simple(key: Any, size: int) -> Any:
    """A slice where that is the same: Zarr reads slices faster than lists of positions, and only rising ones."""
    if isinstance(key, slice):
        return key if (key.step or 1) > 0 else np.arange(size)[key]
    key = np.asarray(key)
    if key.ndim == 1 and len(key) and np.array_equal(key, np.arange(key[0], key[0] + len(key))) and key[0] >= 0:
        return slice(int(key[0]), int(key[0]) + len(key))
    return key


def _write(group: Any, key: str, variable: xr.Variable) -> dict[str, Any]:
    about: dict[str, Any] = {"key": key, "dims": list(variable.dims)}
    if variable.dtype.kind in "OUST":
        # Labels repeat: their numbers go to Zarr, the labels themselves to the manifest.
        codes, about["labels"] = _number(variable.values.ravel(), key)
        array = _create(group, key, variable.shape, np.dtype("int32"), variable.dims)
        array[...] = codes.reshape(variable.shape)
        return about
    array = _create(group, key, variable.shape, variable.dtype, variable.dims)
    if not variable.ndim:
        array[...] = variable.values
    for part in _parts(array):
        array[part] = variable[part].values
    return about


def _number(labels: np.ndarray, name: str) -> tuple[np.ndarray, list[Any]]:
    """Each label as the number of its first occurrence, and the labels; 1, 1.0, True and "1" are four labels."""
    seen: dict[Any, int] = {}
    kinds: list[Any] = []
    codes = np.empty(len(labels), dtype=np.int32)
    for row, label in enumerate(labels.tolist() if labels.dtype.kind != "O" else labels):
        label = label.item() if isinstance(label, np.generic) else label
        if not (label is None or isinstance(label, (str, bool, int, float))):
            mend = f"is {type(label).__name__} in row {row}; labels are text, numbers, truth values or None"
            raise InputError(name, label, mend)
        # NaN is unlike itself; its text is not.
        same = label if isinstance(label, str) else (type(label), str(label))
        codes[row] = number = seen.setdefault(same, len(seen))
        if number == len(kinds):
            kinds.append(str(label) if isinstance(label, str) else label)
    return codes, kinds


def _parts(array: Any) -> Iterator[tuple[slice, ...]]:
    """Whole rows of chunks along the first dimension."""
    if array.ndim:
        step = array.chunks[0]
        for start in range(0, array.shape[0], step):
            yield (slice(start, start + step),)


def _read(group: Any, about: Mapping[str, Any], sizes: Mapping[str, int], path: Path) -> xr.Variable:
    array = group[about["key"]]
    lazy = _Lazy(array, path=path, key=about["key"], sizes=sizes)
    expected = int(
        np.prod([-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)], dtype=int)
    )
    if len(lazy.sizes) != expected:
        raise StoreError(f"{path} is damaged: {about['key']} has {len(lazy.sizes)} chunks on record, not {expected}")
    if "labels" in about:
        labels = np.empty(len(about["labels"]), dtype=object)
        labels[:] = about["labels"]
        codes = lazy.read()
        if codes.size and not 0 <= codes.min() <= codes.max() < len(labels):
            raise StoreError(f"{path} is damaged: {about['key']} numbers labels that are not there")
        return xr.Variable(about["dims"], labels[codes])
    if len(array.shape) > 1:
        return xr.Variable(about["dims"], indexing.LazilyIndexedArray(lazy))
    return xr.Variable(about["dims"], lazy.read())


def _group(folder: Path) -> Any:
    import zarr

    return zarr.open_group(folder, mode="a", zarr_format=3)


def _create(group: Any, key: str, shape: tuple[int, ...], dtype: Any, dims: Any) -> Any:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    chunks = [min(_CHUNK.get(str(dim), _ITEMS), max(1, size)) for dim, size in zip(dims, shape, strict=True)]
    if "presentation" in dims and not shape[list(dims).index("presentation")]:
        chunks[list(dims).index("presentation")] = _CHUNK["presentation"]
    # Activity over time would make chunks of hundreds of megabytes.
    while np.prod(chunks) * np.dtype(dtype).itemsize > _CHUNK_BYTES and chunks[0] > 1:
        chunks[0] = max(1, chunks[0] // 2)
    return group.create_array(
        key,
        shape=shape,
        chunks=tuple(chunks) if shape else "auto",
        dtype=np.dtype(dtype),
        dimension_names=[str(d) for d in dims],
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        config={"write_empty_chunks": True},
    )


def _key(name: str, taken: Mapping[str, Any]) -> str:
    """The folder of a variable: its name, if a folder can safely be called so beside the others."""
    others = {about["key"].lower() for about in taken.values()}
    key = name if _PLAIN_NAME.fullmatch(name) else f"column-{len(taken)}"
    return key if key.lower() not in others else f"column-{len(taken)} of {len(taken)}"


def _finish(folder: Path, variables: Mapping[str, Any], attrs: Mapping[str, Any]) -> None:
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    body = {
        "schema": SCHEMA,
        "attrs": attrs,
        "variables": variables,
        "files": {f.relative_to(folder).as_posix(): f.stat().st_size for f in files},
        # Chunks carry a checksum of their own.
        "sha256": {f.relative_to(folder).as_posix(): _hash(f.read_bytes()) for f in files if f.name == _METADATA},
    }
    text = json.dumps(body)
    (folder / MANIFEST).write_text(json.dumps({"checksum": _hash(text.encode())} | body), encoding="utf-8")


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        schema = manifest.pop("schema")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise StoreError(f"{path} is no readable store: {error}") from error
    if schema != SCHEMA:
        raise StoreError(f"{path} has the schema {schema!r}; this version reads {SCHEMA!r}")
    checksum = manifest.pop("checksum", None)
    if checksum != _hash(json.dumps({"schema": schema} | manifest).encode()):
        raise StoreError(f"{path} is damaged: {MANIFEST} is not what was written")
    return manifest


def _check_files(path: Path, manifest: Mapping[str, Any]) -> None:
    for name, size in manifest["files"].items():
        _check_size(path, name, size)
    for name, digest in manifest["sha256"].items():
        if _hash((path / name).read_bytes()) != digest:
            raise StoreError(f"{path} is damaged: {name} is not what was written")


def _check_size(path: Path, name: str, size: int | None) -> None:
    """Zarr reads a missing chunk as zeros, in silence."""
    try:
        found: int | None = (path / name).stat().st_size
    except OSError:
        found = None
    if found is None or found != size:
        is_now = "missing" if found is None else f"{found} bytes"
        raise StoreError(f"{path} is damaged: {name} should have {size} bytes and is {is_now}")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON has them: NumPy numbers as numbers, arrays and tuples as lists."""
    plain = {str(key): value.tolist() if hasattr(value, "tolist") else value for key, value in attrs.items()}
    for key, value in plain.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"attrs[{key!r}]", value, "needs text, numbers, or lists and mappings of them") from error
    return plain


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a named index as a column, such as the `unit_id` of `recording.units`."""
    return table.reset_index(drop=table.index.name is None)


def _free(path: str | Path) -> Path:
    path = Path(path)
    if path.exists() and not (path / MANIFEST).exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(f"{path} is there and is no store; choose another place")
    return path
