"""Trainable architectures: each a torch module that stands alone."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "convolutional_autoencoder": ["ConvolutionalAutoencoder"],
        "multilayer_perceptron": ["MultilayerPerceptron"],
        "resnet_cifar": ["ResNetCifar", "load_resnet_cifar", "preprocess"],
        "tiny_transformer": ["TinyTransformer"],
        "pair_classifier": ["PairClassifier"],
        "tiny_vit": ["TinyViT"],
    },
)
