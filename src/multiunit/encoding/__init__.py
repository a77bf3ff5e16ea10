"""How well one system predicts another, or the world."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "half_time": ["half_time"],
        "hierarchy_scores": ["spatial_score", "temporal_score"],
        "in_context_reference": ["best_rate", "gradient_step", "ridge_in_context"],
        "linear_probe": ["Probed", "linear_probe", "probe_label"],
        "ridge_encoding": ["layer_encoding", "ridge_encoding"],
    },
)
