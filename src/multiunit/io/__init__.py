"""Files in, files out: one format a file."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "fly_optic_lobe": ["read_fly_optic_lobe"],
        "homogenize": ["homogenize"],
        "larva_connectome": ["read_larva_connectome"],
        "nifti": ["read_nifti"],
        "nwb": ["read_nwb"],
        "open": ["read_recording"],
        "pynapple": ["from_pynapple", "to_pynapple"],
        "stimuli": ["read_stimuli"],
        "store": ["StoreWriter", "open_store", "write_store"],
        "tables": ["read_array", "read_table"],
        "trodes": ["read_trodes"],
        "worm_activity": ["read_worms", "read_worms_together"],
        "worm_connectome": ["read_worm_connectome"],
    },
)
