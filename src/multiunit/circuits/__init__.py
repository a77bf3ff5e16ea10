"""Many elements wired: populations, projections, delays, plasticity, and their simulation."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "assembly_brain": ["AssemblyBrain"],
        "assembly_plasticity": ["Anywhere", "Hebbian", "Oja", "SpikeOrder"],
        "ca3_memory": ["CA3Memory"],
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
        "homeostasis": ["adapt"],
        "inputs": ["Drive", "PoissonInput", "SpikeInput"],
        "liquid_state_machine": ["LiquidStateMachine", "Spikes"],
        "map_chain": ["map_chain"],
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
        "rewiring": ["rewire"],
        "synaptic_scaling": ["scale_incoming"],
    },
)
