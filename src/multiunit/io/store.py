"""A recording as a Zarr v3 directory: written whole or not at all, opened lazily, checked before it is believed."""

from __future__ import annotations

import json
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
_CHUNK = {"presentation": 4096, "unit": 256}
_CHUNK_BYTES = 32 * 2**20
_ITEMS = 2**20


def write_store(recording: Recording, path: str | Path) -> Path:
    """Write a recording as a folder; a store that stands there is replaced only once the new one is complete.

    Activity is copied in blocks, so that a lazy recording larger than memory can be written.

    Raises:
        StoreError: if it cannot be written, or something else stands at `path`.
    """
    path = _free(path)
    dataset = recording.dataset
    with new_folder(path) as folder:
        group = _group(folder)
        variables = {}
        for name, variable in dataset.variables.items():
            variables[str(name)] = _write(group, str(name), variable) | {"coord": name in dataset.coords}
        _finish(folder, variables, dict(dataset.attrs))
    return path


def open_store(path: str | Path) -> Recording:
    """Open a store; activity is read when it is asked for, in the pieces that are asked for.

    Raises:
        StoreError: if there is none, a file of it is missing or has another size than was written, or - when it is
            read - a chunk is damaged.
    """
    import zarr

    path = recovered(path)
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        sizes, variables = manifest["files"], manifest["variables"]
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{path} is no readable store: {error}") from error
    if manifest.get("schema") != SCHEMA:
        raise StoreError(f"{path} has the schema {manifest.get('schema')!r}; this version reads {SCHEMA!r}")
    for name, size in sizes.items():
        # Zarr reads a missing chunk as zeros, in silence.
        file = path / name
        if not file.is_file() or file.stat().st_size != size:
            found = f"{file.stat().st_size} bytes" if file.is_file() else "missing"
            raise StoreError(f"{path} is damaged: {name} should have {size} bytes and is {found}")
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        read = {name: _read(group, name, about, path) for name, about in variables.items()}
    except StoreError:
        raise
    except Exception as error:  # what zarr, numcodecs and numpy make of broken metadata
        raise StoreError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    coords = {name: read[name] for name, about in variables.items() if about["coord"]}
    data = {name: value for name, value in read.items() if name not in coords}
    return Recording(xr.Dataset(data, coords, manifest["attrs"]))


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
        self.path, self.units, self.attrs = _free(path), units.reset_index(drop=True), dict(attrs)

    def __enter__(self) -> StoreWriter:
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(new_folder(self.path))
        self._array: Any = None
        self._pending: list[np.ndarray] = []
        self._tables: list[pd.DataFrame] = []
        return self

    def append(self, activity: Any, presentations: pd.DataFrame) -> None:
        """Add presentations at the end."""
        block = np.asarray(activity)
        if block.ndim != 2 or block.shape != (len(presentations), len(self.units)):
            mend = f"needs ({len(presentations)}, {len(self.units)}): presentations by units"
            raise InputError("activity", block.shape, mend)
        self._pending.append(block)
        self._tables.append(presentations)
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
        table = pd.concat(self._tables, ignore_index=True)
        # A row of zeros has every label: the recording made of it is validated before anything is renamed.
        frame = Recording.from_activity(
            np.broadcast_to(np.zeros((), self._array.dtype), self._array.shape),
            units=self.units,
            presentations=table,
            **self.attrs,
        ).dataset
        variables: dict[str, Any] = {"activity": {"dims": ["presentation", "unit"], "coord": False}}
        group = _group(self._folder)
        for name, variable in frame.coords.items():
            variables[str(name)] = _write(group, str(name), variable.variable) | {"coord": True}
        _finish(self._folder, variables, dict(frame.attrs))


class _Lazy(BackendArray):
    """A Zarr array that xarray reads piece by piece, and that says what is wrong with a damaged chunk."""

    def __init__(self, array: Any, place: str) -> None:
        self.array, self.place = array, place
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        key = tuple(
            np.arange(size)[k] if isinstance(k, slice) and (k.step or 1) < 1 else k
            for k, size in zip(key, self.shape, strict=True)
        )
        try:
            return np.asarray(self.array.oindex[key])
        except Exception as error:  # whatever the codec makes of broken bytes
            raise StoreError(f"{self.place} is damaged: {error}") from error


def _write(group: Any, name: str, variable: xr.Variable) -> dict[str, Any]:
    about: dict[str, Any] = {"dims": list(variable.dims)}
    if variable.dtype.kind in "OUS":
        # Labels repeat: their numbers go to Zarr, the texts to the manifest.
        codes, values = pd.factorize(variable.values.astype(str).ravel())
        about["texts"] = [str(v) for v in values]
        _create(group, name, variable.shape, np.dtype("int32"), variable.dims)[...] = codes.reshape(variable.shape)
        return about
    array = _create(group, name, variable.shape, variable.dtype, variable.dims)
    if not variable.ndim:
        array[...] = variable.values
    for part in _parts(array):
        array[part] = variable[part].values
    return about


def _parts(array: Any) -> Iterator[tuple[slice, ...]]:
    """Whole rows of chunks along the first dimension."""
    if array.ndim:
        step = array.chunks[0]
        for start in range(0, array.shape[0], step):
            yield (slice(start, start + step),)


def _read(group: Any, name: str, about: Mapping[str, Any], path: Path) -> xr.Variable:
    array = group[name]
    if "texts" in about:
        texts = np.array([*about["texts"], ""], dtype=object)
        return xr.Variable(about["dims"], texts[_Lazy(array, f"{path}/{name}")._get((slice(None),) * array.ndim)])
    lazy = _Lazy(array, f"{path}/{name}")
    if name == "activity":
        return xr.Variable(about["dims"], indexing.LazilyIndexedArray(lazy))
    return xr.Variable(about["dims"], lazy._get((slice(None),) * array.ndim) if array.ndim else array[()])


def _group(folder: Path) -> Any:
    import zarr

    return zarr.open_group(folder, mode="a", zarr_format=3)


def _create(group: Any, name: str, shape: tuple[int, ...], dtype: Any, dims: Any) -> Any:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    chunks = [min(_CHUNK.get(str(dim), _ITEMS), max(1, size)) for dim, size in zip(dims, shape, strict=True)]
    if "presentation" in dims and not shape[list(dims).index("presentation")]:
        chunks[list(dims).index("presentation")] = _CHUNK["presentation"]
    # Activity over time would make chunks of hundreds of megabytes.
    while np.prod(chunks) * np.dtype(dtype).itemsize > _CHUNK_BYTES and chunks[0] > 1:
        chunks[0] = max(1, chunks[0] // 2)
    return group.create_array(
        name,
        shape=shape,
        chunks=tuple(chunks) if shape else "auto",
        dtype=np.dtype(dtype),
        dimension_names=[str(d) for d in dims],
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        config={"write_empty_chunks": True},
    )


def _finish(folder: Path, variables: Mapping[str, Any], attrs: Mapping[str, Any]) -> None:
    files = {str(f.relative_to(folder)): f.stat().st_size for f in sorted(folder.rglob("*")) if f.is_file()}
    plain = {str(key): value.item() if isinstance(value, np.generic) else value for key, value in attrs.items()}
    manifest = {"schema": SCHEMA, "attrs": plain, "variables": variables, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, default=str), encoding="utf-8")


def _free(path: str | Path) -> Path:
    path = Path(path)
    if path.exists() and not (path / MANIFEST).exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(f"{path} is there and is no store; choose another place")
    return path
