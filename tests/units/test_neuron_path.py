"""The path equals a slow search with hooks, and its scores keep the axiom of the path integral."""

import numpy as np
import pandas as pd
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.resnet_cifar import ResNetCifar
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.networks.tiny_vit import TinyViT
from multiunit.systems.activity_at import activity_at
from multiunit.systems.gradients import TargetProbability
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.neuron_path import AlongPath, joint_attribution, joint_score, neuron_path, path_of_strongest

LABEL = TargetProbability("label")
SITES = ["layers.0.mlp.down", "layers.1.mlp.down"]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"stimulus": list(rng.random((5, 1, 8, 8), dtype=np.float32)), "label": rng.integers(10, size=5)}
    )


@pytest.fixture(scope="module")
def net():
    """A vision transformer with weights large enough for its class token to matter."""
    module = TinyViT(image_size=8, patch_size=4, n_channels=1, width=8, n_heads=2, n_layers=2, random_state=1)
    with torch.no_grad():
        for layer in module.layers:
            layer.mlp.up.weight *= 40
            layer.mlp.down.weight *= 40
        module.head.weight *= 30
    return module


@pytest.fixture(scope="module")
def system(net):
    return TorchSystem(net)


def probability(net, images, edits=()):
    """P(label) of each image, one at a time."""
    with TorchSystem(net).edited(list(edits)) as module, torch.no_grad():
        logits = module(torch.as_tensor(np.stack(list(images["stimulus"]))))
    return logits.softmax(1)[torch.arange(len(images)), torch.tensor(images["label"].tolist())].numpy()


def slow_search(net, image, label, n_steps, form):
    """One image, plain hooks, one unit a layer; index and score of each layer's unit."""
    x = torch.as_tensor(image)[None]
    downs = [layer.mlp.down for layer in net.layers]
    seen = []
    handles = [d.register_forward_pre_hook(lambda _, a: seen.append(a[0][0, 0].detach().clone())) for d in downs]
    net(x)
    for handle in handles:
        handle.remove()
    path, scores = [], []
    for layer in range(len(downs)):
        sums = [torch.zeros_like(w) for w in seen[: layer + 1]]
        for k in range(n_steps):
            held = []
            for j in range(layer + 1):
                w = seen[j].clone()
                if j == layer:
                    w = w * k / n_steps
                else:
                    w[path[j]] *= k / n_steps
                held.append(w.requires_grad_())

            def put(module, args, held=held):
                out = args[0].clone()
                out[0, 0] = held[downs.index(module)]
                return (out,)

            handles = [d.register_forward_pre_hook(put) for d in downs[: layer + 1]]
            net(x).softmax(1)[0, label].backward()
            for handle in handles:
                handle.remove()
            sums = [s + w.grad for s, w in zip(sums, held, strict=True)]
        best = []
        for i in range(len(seen[layer])):
            w = [float(seen[j][path[j]]) for j in range(layer)] + [float(seen[layer][i])]
            g = [float(sums[j][path[j]]) / n_steps for j in range(layer)] + [float(sums[layer][i]) / n_steps]
            best.append(sum(w) * sum(g) if form == "product" else sum(a * b for a, b in zip(w, g, strict=True)))
        path.append(int(np.argmax(best)))
        scores.append(max(best))
    net.zero_grad()
    return path, scores


@pytest.mark.parametrize("form", ["product", "integrated_gradients"])
def test_the_path_equals_a_slow_search(net, system, images, form):
    found = neuron_path(system, images, objective=LABEL, n_steps=5, form=form)
    assert found["site"].values.tolist() == SITES
    for row, (image, label) in enumerate(zip(images["stimulus"], images["label"], strict=True)):
        path, scores = slow_search(net, image, label, 5, form)
        assert found["index"].values[row, :, 0].tolist() == path
        np.testing.assert_allclose(found["gain"].values[row, :, 0], scores, rtol=1e-4, atol=1e-7)
    assert all(p.grad is None or not p.grad.any() for p in net.parameters())


def test_several_units_a_layer_and_any_cut_into_batches(net, system, images):
    whole = neuron_path(system, images, objective=LABEL, n_steps=4, per_layer=3)
    cut = neuron_path(TorchSystem(net, batch_size=2), images, objective=LABEL, n_steps=4, per_layer=3)
    np.testing.assert_array_equal(whole["index"], cut["index"])
    np.testing.assert_allclose(whole["attribution"], cut["attribution"], rtol=1e-4, atol=1e-7)
    assert whole["index"].shape == (5, 2, 3)
    assert (np.diff(whole["gain"].values, axis=2) <= 0).all()


def test_in_the_last_layer_the_integral_is_what_removing_the_path_costs(net, system, images):
    values = activity_at(system, images)
    path = path_of_strongest({SITES[1]: values[SITES[1]]}, per_layer=4)
    integral = joint_attribution(system, images, path=path, objective=LABEL, n_steps=400, form="integrated_gradients")
    cost = probability(net, images) - probability(net, images, [AlongPath(path)])
    assert np.abs(cost).max() > 0.01
    np.testing.assert_allclose(integral, cost, atol=0.02 * np.abs(cost).max())


def test_without_joint_scaling_every_layer_stands_alone(system, images):
    alone = neuron_path(system, images, objective=LABEL, n_steps=5, joint=False)
    second = neuron_path(system, images, objective=LABEL, n_steps=5, sites=SITES[1])
    np.testing.assert_array_equal(alone["index"].values[:, 1:], second["index"].values)
    np.testing.assert_array_equal(
        alone["index"].values[:, 0],
        neuron_path(system, images, objective=LABEL, n_steps=5, sites=SITES[0])["index"].values[:, 0],
    )


def test_a_ragged_text_is_read_at_its_last_token():
    net = TinyTransformer(7, max_positions=6, width=8, n_heads=2, n_layers=2, random_state=0)
    texts = pd.DataFrame({"stimulus": [np.array([1, 2, 3, 4]), np.array([5, 6])], "label": [2, 3]})
    system = TorchSystem(net)
    values = activity_at(system, texts, position=-1)
    for row, text in enumerate(texts["stimulus"]):
        alone = system.record([text], SITES[1]).activity
        np.testing.assert_allclose(values[SITES[1]][row], alone[-1], rtol=1e-5, atol=1e-7)
    path = neuron_path(system, texts, objective=LABEL, position=-1, n_steps=3)
    removed = system.record(texts, SITES[1], edits=[AlongPath(path, gain=0.0, position=-1)])
    last = removed.activity[removed.presentations.groupby("sequence_id").tail(1).index]
    assert [last[row, path["index"].values[row, 1, 0]] for row in range(2)] == [0.0, 0.0]


def test_an_edit_along_the_path_enhances_the_own_units_of_each_stimulus_only():
    path = path_of_strongest({"a": np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]])})
    out = AlongPath(path, gain=2.0).change("a", torch.ones(2, 2, 3))
    assert out[:, 0].tolist() == [[1.0, 2.0, 1.0], [2.0, 1.0, 1.0]]
    assert (out[:, 1] == 1).all()
    with pytest.raises(InputError, match="path"):
        AlongPath(path).change("a", np.ones((3, 2, 3)))


def test_works_where_the_caller_stands_in_inference_mode(system, images):
    expected = neuron_path(system, images, objective=LABEL, n_steps=3)
    with torch.inference_mode():
        found = neuron_path(system, images, objective=LABEL, n_steps=3)
    np.testing.assert_array_equal(found["index"], expected["index"])


def test_errors_name_the_argument(system, images):
    for wrong in ({"n_steps": 0}, {"per_layer": 33}, {"position": -1}, {"position": 9}, {"form": "sum"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            neuron_path(system, images, objective=LABEL, **wrong)
    with pytest.raises(InputError, match="objective"):
        neuron_path(system, images, objective=lambda output, rows, last: torch.zeros(len(rows)))
    with pytest.raises(InputError, match="sites"):
        neuron_path(TorchSystem(ResNetCifar(8)), np.zeros((1, 3, 32, 32), dtype="float32"), objective=LABEL)
    with pytest.raises(InputError, match="form"):
        joint_score(np.ones(2), np.ones(2), form="other")
