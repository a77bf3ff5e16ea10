"""Second-order effects: neurons of a vision transformer speak through the attention of later layers, each in one way.

Claim: the effect of an MLP neuron through later attention lies close to one direction of the output space, which a few
words describe; mean-ablating these effects of a layer costs much more accuracy than mean-ablating direct effects.

Experiment: a small CLIP of handwritten digits. A transformer (16 patches and a class token, width 48, 4 layers of 192
neurons) and embeddings of 16 attributes (digit, parity, loop, thickness) learn for 400 steps of 128 images to match
each image with its caption, the sum of four attributes, against all other captions. On held-out images, of layers 1
and 2 (from 0): whether the effects sum to the layer's effect through frozen attention; the share of the first
principal direction on the 100 images of largest effect; the loss of digit accuracy by mean-ablation of second-order and
of direct effects, the worse of the two layers for each; the cosine of the direction with its sum of 6 texts, out of
the 136 attributes and pairs of them.

Control: attention patterns borrowed from other images; the untrained network; sparse codes over random vectors of
equal number; the share in a basis of neurons that is rotated at random (reported).

Deviations: the neurons with the 20 % largest effects enter the shares and cosines, weighted alike, since a silent
neuron has a direction too. All captions are negatives, and embeddings are matched by their cosine.

Not shown: that effects concern few images (10 digits are too few kinds); adversarial images; segmentation; CLIP itself,
for which the method has a layout.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import normalize

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.tiny_vit import TinyViT
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.digits import digits
from multiunit.units.second_order_lens import rank_one, second_order_effects, second_order_lens, sparse_texts

PAPER = Paper(
    id="second-order-lens",
    title="Interpreting the Second-Order Effects of Neurons in CLIP",
    year=2024,
    source="arXiv:2406.04341",
    level="trained",
    uses=(second_order_lens,),
)

LAYERS, SIZE, N_TEXTS, STRONGEST = (1, 2), 32, 6, 0.2
LOOPS = (0, 6, 8, 9)


class Captioned(nn.Module):
    """Cosines `(image, caption)` between images and captions, each the sum of its attributes' embeddings."""

    captions: torch.Tensor

    def __init__(self, captions: np.ndarray, rng: np.random.Generator) -> None:
        super().__init__()
        shape = {"image_size": 8, "patch_size": 2, "n_channels": 1, "width": 48, "n_heads": 4, "n_layers": 4}
        self.vision = TinyViT(n_classes=SIZE, random_state=rng, **shape)
        self.attribute = nn.Parameter(torch.as_tensor(rng.normal(size=(16, SIZE)), dtype=torch.float32))
        self.register_buffer("captions", torch.as_tensor(captions, dtype=torch.float32))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 10 * normalize(self.vision(images), dim=1) @ normalize(self.captions @ self.attribute, dim=1).T


class Ablated(NamedTuple):
    """Identity error of the sum, and accuracy lost by ablating second-order and direct effects (points)."""

    error: float
    second_order: float
    direct: float


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    data = digits(random_state=rng)
    caption, captions = _captions(data)
    held_out = (data["split"] == "test").to_numpy()
    images = np.stack(list(data["stimulus"]))
    model = Captioned(captions, rng)
    untrained = _summaries(model, images[held_out][:100], rng)
    steps = scale.pick(smoke=20, small=400)
    train_classifier(
        model, images[~held_out], labels=caption[~held_out], n_steps=steps, batch_size=128, random_state=rng
    )
    seen = images[held_out][: scale.pick(smoke=40, small=450)]
    digit = data["label"].to_numpy()[held_out][: len(seen)]

    own, lent = _summaries(model, seen, rng), _summaries(model, seen, rng, borrow=True)
    ablated = [_ablated(model, seen, digit, layer, captions) for layer in LAYERS]
    borrowed = [_ablated(model, seen, digit, layer, captions, rng.permutation(len(seen))) for layer in LAYERS]
    embedding = model.attribute.detach().numpy()
    texts = np.stack([*embedding, *(embedding[i] + embedding[j] for i, j in combinations(range(16), 2))])
    random = rng.normal(size=texts.shape)
    with torch.no_grad():
        right = captions[model.eval()(torch.as_tensor(seen)).argmax(dim=1).numpy(), :10].argmax(axis=1) == digit
    return Claim(
        measured={
            "accuracy": 100 * float(right.mean()),
            "identity_error": max(layer.error for layer in ablated),
            "explained": float(own["explained"].mean()),
            "second_order_loss": max(layer.second_order for layer in ablated),
            "text_cosine": _cosine(own, texts),
        },
        control={
            "borrowed_explained": float(lent["explained"].mean()),
            "rotated_explained": float(np.mean([_rotated(model, seen, layer, rng) for layer in LAYERS])),
            "untrained_explained": float(untrained["explained"].mean()),
            "direct_loss": max(layer.direct for layer in ablated),
            "borrowed_loss": max(layer.second_order for layer in borrowed),
            "random_cosine": _cosine(own, random),
            "untrained_cosine": _cosine(untrained, texts),
        },
        criterion="measured.identity_error < 0.0001 and measured.explained >= 0.5 "
        "and measured.explained >= control.borrowed_explained + 0.05 "
        "and measured.second_order_loss >= 2 * control.direct_loss and measured.second_order_loss >= 5 "
        "and measured.text_cosine >= control.random_cosine + 0.05",
    )


def _captions(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The number of each image's caption, and the attributes of every caption, `(caption, attribute)`."""
    digit = data["label"].to_numpy()
    ink = np.array([image.sum() for image in data["stimulus"]])
    thick = ink > np.median(ink)
    columns = [digit == d for d in range(10)]
    for yes in (digit % 2 == 0, np.isin(digit, LOOPS), thick):
        columns += [yes, ~yes]
    captions, number = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return number.ravel(), captions.astype(np.float32)


def _summaries(
    model: Captioned, images: np.ndarray, rng: np.random.Generator, *, borrow: bool = False
) -> dict[str, np.ndarray]:
    """`explained` and `direction` of the strongest neurons of both layers."""
    found: dict[str, list[np.ndarray]] = {"explained": [], "direction": []}
    for layer in LAYERS:
        attention_of = rng.permutation(len(images)) if borrow else None
        lens = second_order_lens(TorchSystem(model.vision), images, layer=layer, attention_of=attention_of)
        strongest = np.argsort(-lens["norm"].values)[: int(STRONGEST * lens.sizes["unit"])]
        for name, values in found.items():
            values.append(lens[name].values[strongest])
    return {name: np.concatenate(values) for name, values in found.items()}


def _effects(
    model: Captioned, images: np.ndarray, layer: int, attention_of: np.ndarray | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Second-order and direct effects `(image, unit, d)` of all units of a layer."""
    batches = list(second_order_effects(TorchSystem(model.vision), images, layer=layer, attention_of=attention_of))
    return torch.cat([b.second_order for b in batches]), torch.cat([b.direct for b in batches])


def _rotated(model: Captioned, images: np.ndarray, layer: int, rng: np.random.Generator) -> float:
    """The share of the first direction of as many random mixtures of neurons, on their strongest images."""
    phi, _ = _effects(model, images, layer)
    n_units = phi.shape[1]
    turn = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0][: int(STRONGEST * n_units)]
    mixed = torch.einsum("mn,bnd->mbd", torch.as_tensor(turn, dtype=phi.dtype), phi - phi.mean(0)).numpy()
    best = np.argsort(-np.linalg.norm(mixed, axis=2), axis=1)[:, :100]
    return float(rank_one(np.take_along_axis(mixed, best[..., None], axis=1))[1].mean())


def _ablated(
    model: Captioned,
    images: np.ndarray,
    digit: np.ndarray,
    layer: int,
    captions: np.ndarray,
    attention_of: np.ndarray | None = None,
) -> Ablated:
    second, direct = (x.sum(dim=1) for x in _effects(model, images, layer, attention_of))
    frozen = _through_modules(model.vision, torch.as_tensor(images), layer)
    with torch.no_grad():
        output = model.vision(torch.as_tensor(images))
        texts = normalize(model.captions @ model.attribute, dim=1)

        def accuracy(embedding: torch.Tensor) -> float:
            best = (normalize(embedding, dim=1) @ texts.T).argmax(dim=1).numpy()
            return 100 * float((captions[best, :10].argmax(axis=1) == digit).mean())

        lost = [accuracy(output) - accuracy(output - (x - x.mean(0))) for x in (second, direct)]
    return Ablated(float((second - frozen).norm() / frozen.norm()), *lost)


def _through_modules(vision: TinyViT, images: torch.Tensor, layer: int) -> torch.Tensor:
    """What the layer's MLP, without its bias, adds through later attention: differences of the frozen modules."""
    with torch.no_grad():
        patches = vision.patch_embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([vision.class_token.expand(len(images), -1, -1), patches], dim=1) + vision.position_embedding
        said, added = torch.zeros_like(x), torch.zeros_like(x[:, 0])
        block: Any
        for number, block in enumerate(vision.layers):
            attention, norm = block.attention, block.attention_norm
            if number > layer:
                scale = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
                # The norm is held, so that without the layer its input is less by a linear part.
                less = norm(x) - norm.weight * (said - said.mean(-1, keepdim=True)) / scale
                parts = [
                    part(norm(x)).unflatten(-1, (attention.n_heads, -1)) for part in (attention.query, attention.key)
                ]
                query, key = (part.transpose(1, 2) for part in parts)
                weights = (query[:, :, :1] @ key.transpose(2, 3) / query.shape[-1] ** 0.5).softmax(-1)
                with_layer, without = (
                    attention.output(
                        (weights @ attention.value(z).unflatten(-1, (attention.n_heads, -1)).transpose(1, 2)).flatten(1)
                    )
                    for z in (norm(x), less)
                )
                added += with_layer - without
            middle = x + attention(norm(x), causal=False)
            hidden = block.mlp.activation(block.mlp.up(block.mlp_norm(middle)))
            if number == layer:
                said = hidden @ block.mlp.down.weight.T
            x = middle + block.mlp.down(hidden)
        scale = (x[:, 0].var(-1, unbiased=False, keepdim=True) + vision.norm.eps).sqrt()
        return ((added - added.mean(-1, keepdim=True)) / scale * vision.norm.weight) @ vision.head.weight.T


def _cosine(found: dict[str, np.ndarray], texts: np.ndarray) -> float:
    return float(sparse_texts(found["direction"], texts, n_components=N_TEXTS)[1].mean())
