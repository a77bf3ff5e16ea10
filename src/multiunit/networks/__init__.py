"""Trainable architectures: each a torch module that stands alone."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "multilayer_perceptron": ["MultilayerPerceptron"],
        "resnet_cifar": ["ResNetCifar", "load_resnet_cifar", "preprocess"],
        "tiny_transformer": ["TinyTransformer"],
        "tiny_vit": ["TinyViT"],
    },
)
