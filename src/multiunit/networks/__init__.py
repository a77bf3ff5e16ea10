"""Trainable architectures: each a torch module that stands alone."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "convolutional_autoencoder": ["ConvolutionalAutoencoder"],
        "induction_circuit": ["induction_circuit", "induction_pairs"],
        "multilayer_perceptron": ["MultilayerPerceptron"],
        "pair_classifier": ["PairClassifier"],
        "planted_heads": ["fill_other_heads", "only_heads"],
        "resnet_cifar": ["ResNetCifar", "load_resnet_cifar", "preprocess"],
        "speech_encoder": ["SpeechEncoder"],
        "tiny_diffusion": ["TinyDiffusion"],
        "tiny_transformer": ["TinyTransformer"],
        "tiny_vit": ["TinyViT"],
    },
)
