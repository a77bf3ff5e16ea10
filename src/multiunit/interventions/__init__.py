"""What happens if a unit is changed: edits, patching, circuits, weights, and the causal table of them all."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "activation_patching": ["activation_patching"],
        "attention_circuit_weights": ["attention_circuits", "pattern_report"],
        "attribution_patching": ["attribution_patching"],
        "circuit_search": ["circuit_search"],
        "components": ["heads_and_mlps"],
        "concept_parameters": ["concept_parameters", "highest_entries", "random_entries", "shutting_gain"],
        "cross_effect": ["cross_effect", "matched_sets"],
        "discrete_code_circuit": ["discrete_code_circuit", "exclusive_codes", "head_outputs"],
        "double_dissociation": ["double_dissociation"],
        "edge_attribution": ["edge_attribution"],
        "faithfulness": ["faithfulness"],
        "force_attention": ["ForceAttention"],
        "generate": ["generate"],
        "head_rankings": ["head_rankings"],
        "head_scan": ["head_scan"],
        "in_features": ["InFeatures"],
        "inner_sites": ["with_inner_sites"],
        "objective_values": ["objective_values"],
        "parameter_set": ["ParameterSet", "parameters_of_units", "scaled_parameters"],
        "path_circuit": ["path_circuit"],
        "path_patching": ["path_patching"],
        "push_units": ["push_units"],
        "resample_masked": ["resample_masked"],
        "tuning_only": ["tuning_only"],
    },
)
