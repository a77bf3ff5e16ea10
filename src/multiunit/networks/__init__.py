"""Trainable architectures: each a torch module that stands alone."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "astrocyte_leaky": ["AstroLIF"],
        "astrocyte_spiking_lm": ["AstroSpikingLM"],
        "combo_net": ["ComboNet"],
        "convolutional_autoencoder": ["ConvolutionalAutoencoder"],
        "delay_line": ["DelayLine"],
        "discrete_leaky": ["leaky_soft", "leaky_subtract", "leaky_zero"],
        "fused_leaky": ["LeakyLayer"],
        "heterogeneous_delays": ["HeterogeneousDelays", "earliest_kept", "evidence_of_events", "largest_kept"],
        "identity_rnn": ["IdentityRNN"],
        "induction_circuit": ["induction_circuit", "induction_pairs"],
        "kuramoto_layer": ["KuramotoLayer", "KuramotoSolver", "energy_vote"],
        "membrane_normalisation": ["MembraneNormalisation", "fold_normalisation"],
        "membrane_rectifier": ["MembraneRectifier", "rectified_membrane"],
        "multilayer_perceptron": ["MultilayerPerceptron"],
        "pair_classifier": ["PairClassifier"],
        "planted_heads": ["fill_other_heads", "only_heads"],
        "resnet_cifar": ["ResNetCifar", "load_resnet_cifar", "preprocess"],
        "speech_encoder": ["SpeechEncoder"],
        "spike_count_classifier": ["SpikeCountClassifier"],
        "spike_linear": ["SpikeLinear", "spike_linear"],
        "spiking_convolutional": ["OverTime", "SpikingConvNet"],
        "spiking_layer": ["Spiked", "SpikingLayer"],
        "spiking_perceptron": ["SpikingPerceptron"],
        "spiking_transformer": [
            "count_operations",
            "event_product",
            "ramped_count",
            "ramped_spikes",
            "spiking_transformer",
        ],
        "surrogate": ["Surrogate", "arctan", "boxcar", "clipped_tanh", "fast_sigmoid", "gaussian", "triangle"],
        "tiny_diffusion": ["TinyDiffusion"],
        "tiny_transformer": ["TinyTransformer"],
        "tiny_vit": ["TinyViT"],
        "wave_rnn": ["WaveRNN"],
    },
)
