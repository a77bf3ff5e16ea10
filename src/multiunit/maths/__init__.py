"""Arrays in, arrays out."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "rank_scores": ["RankScores", "rank_scores"],
        "spike_matching": ["match_spikes", "spike_f1"],
        "structural_similarity": ["structural_similarity"],
        "transport_cost": ["transport_cost"],
    },
)
