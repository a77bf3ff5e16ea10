"""How alike two systems are, unit by unit and as a whole."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "rosetta_units": ["map_correlation", "mutual_neighbours", "rosetta_units"],
    },
)
