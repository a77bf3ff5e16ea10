"""How alike two systems are, unit by unit and as a whole."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "canonical_correlation": ["canonical_correlation"],
        "layerwise": ["layerwise"],
        "linear_cka": ["linear_cka", "unbiased_hsic"],
        "linear_predictability": ["linear_predictability"],
        "localisation": ["localisation", "rotated"],
        "max_correlation": ["best_correlation", "max_correlation"],
        "min_correlation": ["min_correlation"],
        "pwcca": ["pwcca"],
        "rosetta_units": ["map_correlation", "mutual_neighbours", "rosetta_units"],
        "set_overlap": ["set_overlap"],
        "svcca": ["svcca"],
    },
)
