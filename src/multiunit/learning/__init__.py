"""How weights change: training loops with a seed, and a cache of what was trained."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "cached": ["cached"],
        "coupled_learners": ["coupled_learners", "redundancy_errors"],
        "disinhibitory_control": [
            "exact_inverse",
            "linear_inverse",
            "local_gradients",
            "no_inhibition",
            "plasticity_curve",
            "train_disinhibitory",
        ],
        "force": ["ForceNetwork"],
        "gated_delta": ["GatedDeltaReadout"],
        "hebbian_subspace": ["HebbianSubspace"],
        "learning_curve": ["grokking", "learning_curve"],
        "orthogonal_projection": ["OrthogonalProjection"],
        "pattern_detector": ["homeostatic_threshold", "paired_weights"],
        "presynaptic_pool": ["PoolFit", "fit_by_pools", "pool_update"],
        "recursive_least_squares": ["RecursiveLeastSquares"],
        "redundancy_bound": ["laplacian", "redundancy_bound"],
        "reference_subspaces": ["PrincipalSubspace", "RandomSubspace"],
        "symmetric_stdp_classifier": ["SymmetricSTDPClassifier", "assigned_labels"],
        "tempotron": ["Tempotron"],
        "train_at_every_step": ["named_at_every_step", "train_at_every_step"],
        "train_classifier": ["train_classifier"],
        "train_diffusion": ["train_diffusion"],
        "train_first_spike": ["first_spikes", "train_first_spike"],
        "train_language_model": ["train_language_model"],
        "train_masked_frames": ["contrastive_loss", "train_masked_frames"],
        "train_masked_language_model": ["train_masked_language_model"],
        "train_reconstruction": ["train_reconstruction"],
        "train_regression": ["train_regression"],
        "train_solver": ["train_solver"],
    },
)
