"""Files in, files out: one format a file."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={"homogenize": ["homogenize"], "stimuli": ["read_stimuli"]},
)
