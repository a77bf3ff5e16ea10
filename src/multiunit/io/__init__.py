"""Files in, files out: one format a file."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "homogenize": ["homogenize"],
        "nifti": ["read_nifti"],
        "nwb": ["read_nwb"],
        "open": ["read_recording"],
        "pynapple": ["from_pynapple", "to_pynapple"],
        "stimuli": ["read_stimuli"],
        "store": ["StoreWriter", "open_store", "write_store"],
        "tables": ["read_array", "read_table"],
        "trodes": ["read_trodes"],
        "worm_activity": ["read_worms", "read_worms_together"],
    },
)
