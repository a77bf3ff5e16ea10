"""What happens if a unit is changed: edits, patching, circuits, weights, and the causal table of them all."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "cross_effect": ["cross_effect", "matched_sets"],
        "generate": ["generate"],
        "in_features": ["InFeatures"],
        "parameter_set": ["ParameterSet", "parameters_of_units", "scaled_parameters"],
        "tuning_only": ["tuning_only"],
    },
)
