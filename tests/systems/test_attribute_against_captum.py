"""Attributions beside captum's, an independent implementation: to 1e-5 of the largest."""

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradientXActivation
from torch import nn

from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.systems.attribute import attribute
from multiunit.systems.gradients import TargetProbability

STEPS = 20
DOWN = "layers.0.mlp.down"


@pytest.fixture
def cnn():
    """Softplus, so that no two ways of summing meet a kink."""
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 6, 3), nn.Softplus(), nn.Conv2d(6, 5, 3), nn.Softplus(), nn.Flatten(), nn.Linear(80, 4)]
    return nn.Sequential(*parts)


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).normal(size=(5, 3, 8, 8)).astype(np.float32)
    return pd.DataFrame({"image": list(pixels), "label": [0, 1, 2, 3, 0]})


@pytest.fixture
def transformer():
    return TinyTransformer(12, max_positions=8, width=16, n_heads=2, n_layers=2, mlp_width=20)


@pytest.fixture
def prompts():
    tokens = np.random.default_rng(1).integers(12, size=(6, 7))
    return pd.DataFrame({"stimulus": list(tokens), "answer": np.arange(6)})


def agree(mine, theirs):
    """`(presentation, unit)` both."""
    theirs = theirs.detach().numpy()
    assert mine.shape == theirs.shape
    largest = np.abs(theirs).max()
    assert largest > 1e-6
    np.testing.assert_allclose(mine / largest, theirs / largest, rtol=0, atol=1e-5)


def tensors(stimuli, column):
    target = "label" if column == "image" else "answer"
    return torch.as_tensor(np.stack(list(stimuli[column]))), torch.tensor(stimuli[target].tolist())


def test_gradient_times_activation_of_a_cnn(cnn, images):
    x, label = tensors(images, "image")
    theirs = LayerGradientXActivation(nn.Sequential(cnn, nn.Softmax(1)), cnn[2]).attribute(x, target=label)
    found = attribute(TorchSystem(cnn), images, "2", objective=TargetProbability("label"))
    agree(found.activity, theirs.sum((2, 3)))


@pytest.mark.parametrize("baseline", [0.0, 0.3])
def test_integrated_gradients_of_a_cnn(cnn, images, baseline):
    x, label = tensors(images, "image")
    # Captum scales what the rest of the network is given, as we scale the layer.
    rest = IntegratedGradients(nn.Sequential(cnn[3:], nn.Softmax(1)))
    options = {"baselines": baseline, "n_steps": STEPS, "method": "riemann_middle"}
    theirs = rest.attribute(cnn[:3](x).detach(), target=label, **options)
    options = {"method": "integrated_gradients", "n_steps": STEPS, "baseline": baseline}
    found = attribute(TorchSystem(cnn), images, "2", objective=TargetProbability("label"), **options)
    agree(found.activity, theirs.sum((2, 3)))
    simple = attribute(TorchSystem(cnn), images, "2", objective=TargetProbability("label"), baseline=baseline)
    with pytest.raises(AssertionError):
        agree(simple.activity, theirs.sum((2, 3)))


def test_gradient_times_activation_of_a_transformer(transformer, prompts):
    tokens, target = tensors(prompts, "stimulus")
    layer = LayerGradientXActivation(lambda ids: transformer(ids)[:, -1].softmax(1), transformer.layers[0].mlp.down)
    theirs = layer.attribute(tokens, target=target, attribute_to_layer_input=True)
    found = attribute(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability())
    agree(found.activity, theirs.flatten(0, 1))


@pytest.mark.parametrize("baseline", [0.0, -0.2])
def test_integrated_gradients_of_a_transformer(transformer, prompts, baseline):
    tokens, target = tensors(prompts, "stimulus")
    down, seen = transformer.layers[0].mlp.down, {}

    def probability(hidden, tokens):
        handle = down.register_forward_pre_hook(lambda *_: (hidden,))
        try:
            return transformer(tokens)[:, -1].softmax(1)
        finally:
            handle.remove()

    handle = down.register_forward_pre_hook(lambda _, args: seen.update(hidden=args[0].detach()))
    transformer(tokens)
    handle.remove()
    options = {"baselines": baseline, "n_steps": STEPS, "method": "riemann_middle"}
    theirs = IntegratedGradients(probability).attribute(
        seen["hidden"], target=target, additional_forward_args=(tokens,), **options
    )
    options = {"method": "integrated_gradients", "n_steps": STEPS, "baseline": baseline}
    found = attribute(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability(), **options)
    agree(found.activity, theirs.flatten(0, 1))
    simple = attribute(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability(), baseline=baseline)
    with pytest.raises(AssertionError):
        agree(simple.activity, theirs.flatten(0, 1))
