"""What is asked of a system: data sets and synthetic worlds whose truth is known."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "data_folder": ["data_folder"],
        "digits": ["digits"],
        "grammar_text": ["Grammar", "decode", "encode", "grammar_text", "random_grammar"],
        "minimal_pairs": ["grammatical_pairs", "localizer_texts"],
        "modular_arithmetic": ["modular_arithmetic"],
        "synthetic_facts": ["synthetic_facts"],
        "synthetic_languages": ["Languages", "random_languages", "synthetic_languages"],
    },
)
