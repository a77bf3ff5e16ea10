"""Pictures of units, and the page that gathers them."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "atlas_overview": ["atlas_overview"],
        "comparison": ["write_comparison"],
        "feature_images": ["add_to_atlas", "feature_images", "image_grid", "save_feature_images"],
        "report": ["write_report"],
        "similarity_matrix": ["layer_heatmap", "similarity_matrix"],
        "unit_card": ["unit_card"],
    },
)
