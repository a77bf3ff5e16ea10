"""What the activity is made of: dictionaries of features, learned or given."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "sparse_autoencoder": ["SparseAutoencoder", "fit_sparse_autoencoder"],
    },
)
