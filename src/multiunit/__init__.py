"""One workbench for units - neurons, voxels, channels, hidden units - in brains and in networks."""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, _attached = _lazy.attach(
    __name__,
    submodules=["core", "inference", "io", "statistics", "systems", "units"],
    submod_attrs={
        "core": ["Recording", "as_recording", "methods", "papers"],
        "systems.open": ["open", "open_system"],
        "units.build": ["build_atlas"],
    },
)
__all__ = [*_attached, "__version__"]
