"""What is asked of a system: data sets and synthetic worlds whose truth is known."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "adding": ["adding"],
        "captioned_digits": ["captioned_digits"],
        "circuit_prompts": ["circuit_prompts", "circuit_texts"],
        "copy_memory": ["copy_memory"],
        "cultural_facts": ["cultural_facts"],
        "data_folder": ["data_folder"],
        "digits": ["digits"],
        "event_camera": ["EventMovies", "camera_events", "directions", "moving_crops", "saccade_movies", "whitened"],
        "grammar_text": ["Grammar", "decode", "encode", "grammar_text", "random_grammar"],
        "in_context_lookup": ["in_context_lookup"],
        "log_mel": ["log_mel", "recorded_speech"],
        "mackey_glass": ["mackey_glass"],
        "mazes": ["lattice_edges", "maze_distances", "maze_tokens", "mazes"],
        "minimal_pairs": ["grammatical_pairs", "localizer_texts"],
        "mnist": ["mnist"],
        "modular_arithmetic": ["modular_arithmetic"],
        "multiple_choice_facts": ["multiple_choice_facts"],
        "narma": ["narma"],
        "partly_known_facts": ["partly_known_facts"],
        "protein_properties": ["protein_properties"],
        "protein_sequences": ["decode_protein", "encode_protein", "protein_sequences"],
        "recall_and_comparison": ["recall_and_comparison"],
        "repeated_pairs": ["paired_text", "repeated_pairs"],
        "running_sums": ["answered_rightly", "running_sums", "slipped"],
        "small_sudoku": ["small_sudoku", "sudoku_grids"],
        "stochastic_spike_trains": ["SpikeTrains", "markov_trains", "stochastic_spike_trains"],
        "synthetic_facts": ["synthetic_facts"],
        "synthetic_languages": ["Languages", "random_languages", "synthetic_languages"],
        "tagged_sentences": ["sentence_streams", "tagged_sentences"],
        "what_when": ["expected_pulses", "outcome_pulses", "what_when"],
    },
)
