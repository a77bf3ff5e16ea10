"""What units do together."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "avalanches": ["avalanches"],
        "behaviour_rate": ["behaviour_rate"],
        "branching_factor": ["branching_factor"],
        "cross_animal_consistency": ["cross_animal_consistency", "pairwise_agreement"],
        "entropy_rate": ["entropy_rate"],
        "extreme_events": ["extreme_events"],
        "feature_variance": ["feature_variance"],
        "fourier_concentration": ["fourier_concentration"],
        "functional_connectivity": ["correlations", "functional_connectivity"],
        "gaussian_channel_rate": ["decoding_rate", "gaussian_channel_rate"],
        "kernel_quality": ["KernelQuality", "kernel_quality"],
        "lempel_ziv": ["lempel_ziv_complexity", "lempel_ziv_phrases"],
        "monotonicity": ["order_violations", "path_balance"],
        "multifractal_analysis": ["multifractal_analysis", "multifractal_spectrum", "weight_graph"],
        "phase_synchrony": ["order_parameter", "phase_locking"],
        "preactivation_statistics": ["PreactivationStatistics", "preactivation_statistics", "random_preactivations"],
        "representation_geometry": ["ccgp", "parallelism", "participation_ratio", "shattering"],
        "sample_entropy": ["sample_entropy"],
        "spike_information": ["spike_information"],
        "structure_function": ["rewire", "structure_function"],
        "transient_states": ["transient_states"],
        "van_rossum_distance": ["van_rossum_distance", "victor_purpura_distance"],
        "wave_speed": ["travelling_share", "wave_speed"],
    },
)
