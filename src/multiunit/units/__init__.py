"""What one unit does: the published detectors, tuning and reliability, and the atlas that gathers them."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "ablation_effect": ["ablation_effect"],
        "atlas": ["Atlas"],
        "build": ["build_atlas"],
        "dead_neurons": ["dead_neurons"],
        "detect": ["detect"],
        "detection": ["detection", "strongest"],
        "expert_units": ["average_precision", "expert_units"],
        "language_classes": ["language_classes"],
        "language_localizer": ["language_localizer"],
        "language_neurons": ["language_entropy", "language_neurons"],
        "positional_neurons": ["position_information", "positional_neurons"],
        "question": ["Question"],
        "relation_neurons": ["relation_neurons"],
        "token_detectors": ["token_detectors"],
        "universality": ["excess_correlation", "universality"],
    },
)
