"""The nouns: recording, system, edit, statistic, method, paper - and the errors."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "at": ["At"],
        "edit": ["Ablate", "Add", "Clamp", "Edit", "Replace", "Scale", "Shown"],
        "errors": [
            "InputError",
            "MissingDependencyError",
            "MultiunitError",
            "SchemaError",
            "SiteError",
            "StoreError",
            "UnsafeFileError",
        ],
        "patch": ["Patch"],
        "recording": ["Recording", "as_recording"],
        "statistic": ["Batch", "Statistic"],
        "system": ["System", "as_stimuli"],
        "walk": ["methods", "papers"],
    },
)
