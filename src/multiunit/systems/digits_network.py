"""The system that is always there: a small network that names handwritten digits, trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch

from multiunit.learning.cached import cached
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.systems.torch_system import TorchSystem


def digits_network(*, random_state: int = 0) -> tuple[TorchSystem, pd.DataFrame]:
    """A perceptron 64-64-32-10 trained on half of scikit-learn's digits, and the other half as labelled stimuli.

    It trains in about two seconds and is kept in the cache.

    Returns:
        The system, and its stimuli with the label `digit`.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = (data.data / 16).astype("float32")
    sizes = [64, 64, 32, 10]
    recipe = {"network": "digits", "sizes": sizes, "n_steps": 1500, "random_state": random_state}

    def train() -> Mapping[str, torch.Tensor]:
        module = MultilayerPerceptron(sizes, random_state=random_state)
        train_classifier(module, images[::2], labels=data.target[::2], n_steps=1500, random_state=random_state)
        return module.state_dict()

    module = MultilayerPerceptron(sizes, random_state=random_state)
    module.load_state_dict(cached(recipe, train))
    stimuli = pd.DataFrame({"stimulus": list(images[1::2]), "digit": [f"digit {d}" for d in data.target[1::2]]})
    return TorchSystem(module, name="digits-network"), stimuli
