"""Read a recording from whatever file or folder it is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiunit.core.atomic import recovered
from multiunit.core.errors import InputError, UnsafeFileError
from multiunit.core.recording import Recording

KNOWN = (
    "a store of Multiunit, .nwb, .npy, .npz, .csv, .tsv, .parquet, .nii, .nii.gz, a folder of worms (*-data.h5), of a "
    "track session (spikes.mat and *.videoPositionTracking), or of an image with its mask and labels"
)
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib")


def read_recording(path: str | Path, **options: Any) -> Recording:
    """Read what `path` holds, told by its content and ending.

    A folder that holds one readable file opens as that file.

    Args:
        path: a file or folder.
        options: passed on to the reader, such as `table` of an NWB file.

    Raises:
        InputError: if it is none of the known formats, or empty.
        UnsafeFileError: for pickles.
        StoreError: if the file is damaged.
    """
    path = recovered(path)
    if path.is_dir():
        return _folder(path, options)
    if not path.exists():
        raise InputError("source", str(path), "no such file or directory")
    if not path.stat().st_size:
        raise InputError("source", str(path), "is empty")
    name = path.name.lower()
    if path.suffix.lower() in _PICKLES:
        raise UnsafeFileError(
            "source", str(path), "is a pickle, which can run code; save arrays as .npz or safetensors"
        )
    if name.endswith(".nwb"):
        from multiunit.io.nwb import read_nwb

        return read_nwb(path, **options)
    if name.endswith((".nii", ".nii.gz")):
        from multiunit.io.nifti import read_nifti

        return read_nifti(path, **options)
    if name.endswith((".npy", ".npz")):
        from multiunit.io.tables import read_array

        return read_array(path, **options)
    if name.endswith((".csv", ".tsv", ".parquet")):
        from multiunit.io.tables import read_table

        return read_table(path, **options)
    raise InputError("source", str(path), f"is no known format; readable are {KNOWN}")


def _folder(path: Path, options: dict[str, Any]) -> Recording:
    from multiunit.io.store import MANIFEST, open_store
    from multiunit.io.trodes import SPIKES, read_trodes

    if (path / MANIFEST).is_file():
        return open_store(path)
    if any(path.glob("*-data.h5")):
        from multiunit.io.worm_activity import read_worms_together

        return read_worms_together(path)
    if (path / SPIKES).is_file():
        return read_trodes(path, **options)
    images = [f for f in sorted(path.glob("*.nii*")) if "mask" not in f.name]
    if len(images) == 1:
        from multiunit.io.nifti import read_nifti

        beside: dict[str, Any] = {
            "mask": next(iter(sorted(path.glob("*mask.nii*"))), None),
            "events": next(iter(sorted(path.glob("*events.tsv"))), None),
            "labels": next(iter(sorted(path.glob("labels*.txt"))), None),
        }
        return read_nifti(images[0], **(beside | options))
    inside = [
        f for f in sorted(path.iterdir()) if f.is_dir() or f.suffix in (".nwb", ".npy", ".npz", ".csv", ".parquet")
    ]
    if len(inside) == 1:
        return read_recording(inside[0], **options)
    raise InputError(
        "source", str(path), f"holds nothing, or more than one thing, that can be read; readable are {KNOWN}"
    )
