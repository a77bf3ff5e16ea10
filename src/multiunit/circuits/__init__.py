"""Many elements wired: populations, projections, delays, plasticity, and their simulation."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "checkpoint": ["load_checkpoint", "read_run", "restore", "run_to_folder", "save_checkpoint", "snapshot"],
        "circuit": ["Circuit", "Run"],
        "connectivity": [
            "AllToAll",
            "DistanceDependent",
            "EdgeList",
            "FixedInDegree",
            "FixedOutDegree",
            "FixedProbability",
            "OneToOne",
            "SmallWorld",
            "Wiring",
        ],
        "inputs": ["Drive", "PoissonInput", "SpikeInput"],
        "plasticity": [
            "Plasticity",
            "ShortTerm",
            "Trace",
            "pair_stdp",
            "symmetric_stdp",
            "three_factor",
            "triplet_stdp",
        ],
        "population": ["Population"],
        "projection": ["Coupling", "Projection"],
    },
)
