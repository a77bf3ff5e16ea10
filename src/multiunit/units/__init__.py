"""What one unit does: the published detectors, tuning and reliability, and the atlas that gathers them."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "atlas": ["Atlas"],
        "behavioural_correlation": ["behavioural_correlation"],
        "build": ["build_atlas"],
        "dead_neurons": ["dead_neurons"],
        "detect": ["detect"],
        "detection": ["detection", "strongest"],
        "expert_units": ["average_precision", "expert_units"],
        "language_classes": ["language_classes"],
        "language_localizer": ["language_localizer"],
        "language_neurons": ["language_entropy", "language_neurons"],
        "measure_recording": ["measure_recording"],
        "positional_neurons": ["position_information", "positional_neurons"],
        "question": ["Question"],
        "relation_neurons": ["relation_neurons"],
        "selectivity": ["d_prime", "selectivity"],
        "sparseness": ["sparseness", "treves_rolls"],
        "spatial_information": ["skaggs_information", "spatial_information"],
        "spike_triggered_average": ["spike_triggered_average"],
        "split_half_reliability": ["split_half_reliability"],
        "token_detectors": ["token_detectors"],
        "tuning_curve": ["tuning_curve"],
        "universality": ["excess_correlation", "universality"],
    },
)
