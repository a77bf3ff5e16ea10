"""How sure one may be: controls, nulls, intervals and corrections, around any metric."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "bootstrap": ["bootstrap"],
        "circular_shift": ["circular_shift"],
        "factorial_effects": ["factorial_effects"],
        "false_discovery": ["false_discovery"],
        "family_wise": ["family_wise"],
        "matched_control": ["matched_control"],
        "noise_ceiling": ["noise_ceiling"],
        "null_test": ["null_test"],
        "paired_effect": ["paired_effect"],
        "permutation": ["permutation_test"],
        "phase_surrogate": ["phase_surrogate"],
        "signal_power": ["explained_power", "signal_power"],
        "similarity_interval": ["similarity_interval"],
        "unit_reliability": ["spearman_brown", "unit_reliability"],
    },
)
