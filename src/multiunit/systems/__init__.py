"""What can be measured: adapters that give torch modules and model directories the verbs of a system."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "activity_at": ["activity_at"],
        "attribute": ["attribute", "stream_attributions"],
        "circuit_system": ["CircuitSystem"],
        "from_script": ["from_script"],
        "gradients": ["LogitDifference", "TargetProbability", "differentiate"],
        "hugging_face": ["open_hugging_face"],
        "next_token_loss": ["next_token_loss"],
        "open": ["open_system"],
        "sites": ["Site", "find_sites"],
        "torch_system": ["TorchSystem"],
        "unit_maps": ["unit_maps"],
    },
)
