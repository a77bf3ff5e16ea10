"""The nouns: recording, system, edit, statistic, method, paper - and the errors."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "errors": [
            "InputError",
            "MissingDependencyError",
            "MultiunitError",
            "SchemaError",
            "SiteError",
            "StoreError",
            "UnsafeFileError",
        ],
        "recording": ["Recording", "as_recording"],
    },
)
