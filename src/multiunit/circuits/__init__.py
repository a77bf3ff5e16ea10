"""Many elements wired: populations, projections, delays, plasticity, and their simulation."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "assembly_brain": ["AssemblyBrain"],
        "assembly_plasticity": ["Anywhere", "Hebbian", "Oja", "SpikeOrder"],
        "balanced_reservoir": ["BalancedReservoir", "balanced_weights", "designed_inhibition"],
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
        "echo_state": ["EchoState"],
        "homeostasis": ["adapt"],
        "inputs": ["Drive", "PoissonInput", "SpikeInput"],
        "izhikevich_reservoir": ["izhikevich_reservoir"],
        "liquid_state_machine": ["LiquidStateMachine", "Spikes"],
        "map_chain": ["map_chain"],
        "memory_curve": ["memory_curve"],
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
