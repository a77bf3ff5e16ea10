"""One-pass statistics of units: accumulators that merge exactly, and what runs them over a stream."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "accumulate": ["accumulate"],
        "correlation": ["Correlation", "CrossCorrelation"],
        "distributed": ["accumulate_distributed"],
        "firing_fraction": ["FiringFraction"],
        "from_recording": ["recording_batches"],
        "group_moments": ["GroupMoments"],
        "histogram": ["Histogram"],
        "moments": ["Moments"],
        "pooled": ["Pooled"],
        "position_profile": ["PositionProfile"],
        "rank_curve": ["RankCurve"],
        "rank_histogram": ["RankHistogram"],
        "spectral_power": ["SpectralPower"],
        "token_triggers": ["TokenTriggers"],
        "top_presentations": ["TopPresentations"],
    },
)
