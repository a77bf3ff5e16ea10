"""Train an encoder of sound to fill in masked frames: by telling them apart, or by naming their class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


def contrastive_loss(
    outputs: torch.Tensor,
    latents: torch.Tensor,
    *,
    masked: torch.Tensor,
    n_negatives: int = 20,
    temperature: float = 0.1,
    random_state: int | np.random.Generator = 0,
) -> torch.Tensor:
    """Tell the latent of each masked frame from those of other masked frames of the same sequence.

    L = -mean_t log[ exp(cos(c_t, z_t) / T) / sum_k exp(cos(c_t, z_k) / T) ], k over t and `n_negatives` other masked
    frames, drawn with replacement.

    Args:
        outputs, latents: c and z, `(sequence, frame, unit)`.
        masked: bool `(sequence, frame)`, at least two in each sequence.
        n_negatives: wrong answers a frame.
        temperature: T.
        random_state: draws the wrong answers.

    Raises:
        InputError: if a sequence has fewer than two masked frames, or outputs and latents differ in shape.

    Source: Baevski et al. 2020, arXiv:2006.11477, equation 3; there z is quantised.

    >>> z = torch.eye(8)[None]
    >>> everything = torch.ones(1, 8, dtype=torch.bool)
    >>> [round(contrastive_loss(c, z, masked=everything).item(), 2) for c in (z, torch.ones_like(z))]
    [0.0, 3.04]
    """
    if outputs.shape != latents.shape:
        raise InputError("outputs", tuple(outputs.shape), f"needs the shape of the latents {tuple(latents.shape)}")
    if int(masked.sum(dim=1).min()) < 2:
        raise InputError("masked", masked.sum(dim=1).tolist(), "needs two masked frames in each sequence")
    rng = np.random.default_rng(random_state)
    # How often each frame is an answer; gathering the answers instead would add up gradients in no fixed order.
    count = np.zeros((*masked.shape, masked.shape[1]), dtype=np.float32)
    for number, row in enumerate(masked.cpu().numpy()):
        places = np.flatnonzero(row)
        # Others only: a step of 1 to n - 1 places round the circle of masked frames.
        step = rng.integers(1, len(places), size=(len(places), n_negatives))
        wrong = places[(np.arange(len(places))[:, None] + step) % len(places)]
        np.add.at(count[number], (places[:, None], wrong), 1)
        count[number, places, places] = 1
    answers = torch.as_tensor(count, device=outputs.device)[masked].to(outputs.dtype)
    alike = (normalize(outputs, dim=-1) @ normalize(latents, dim=-1).transpose(1, 2)) / temperature
    right = alike.diagonal(dim1=1, dim2=2)[masked]
    return (torch.logsumexp(alike[masked] + answers.log(), dim=1) - right).mean()


def train_masked_frames(
    model: nn.Module,
    frames: Any,
    *,
    n_steps: int,
    classes: Any = None,
    window: int = 100,
    batch_size: int = 16,
    span: int = 10,
    start: float = 0.065,
    n_negatives: int = 20,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Hide spans of frames and minimise `contrastive_loss`, or with `classes` the cross-entropy of theirs, in place.

    Every frame starts a span of hidden ones with probability `start`, and one more place in each window does; the spans
    may overlap. With classes: L = -mean over hidden frames of log p(class). AdamW.

    Args:
        model: a `SpeechEncoder`, or any module with `latents(frames)` and `context(latents, masked)`.
        frames: one long sound `(frame, band)`, of which windows are drawn.
        n_steps: updates.
        classes: the number of the class of each frame, `(frame,)`; without them the objective is contrastive.
        window: frames a sequence.
        batch_size: sequences a step.
        span: frames hidden from a starting place on.
        start: probability of a starting place.
        n_negatives: wrong answers a frame, contrastive only.
        learning_rate, weight_decay: AdamW's.
        random_state: draws windows, spans and wrong answers; the global generators are left alone.

    Returns:
        The loss of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for a sound shorter than a window or not finite, classes that do not fit, sizes below 1, or a loss
            that is not finite.

    Source: contrastive, Baevski et al. 2020, arXiv:2006.11477; with classes, Hsu et al. 2021, arXiv:2106.07447.

    >>> from multiunit.networks.speech_encoder import SpeechEncoder
    >>> classes = np.arange(200) // 5 % 4                                      # four sounds of five frames take turns
    >>> net = SpeechEncoder(n_bands=4, n_outputs=4, width=16, n_layers=1)
    >>> options = {"classes": classes, "n_steps": 120, "window": 40, "learning_rate": 1e-2}
    >>> losses = train_masked_frames(net, np.eye(4)[classes], **options)
    >>> bool(losses[0] > 1.2), bool(losses[-10:].mean() < 0.5)
    (True, True)
    """
    x = torch.as_tensor(np.asarray(frames, dtype=np.float32))
    if x.ndim != 2 or len(x) < window or not torch.isfinite(x).all():
        raise InputError("frames", tuple(x.shape), f"needs finite (frame, band), at least a window of {window}")
    y = None if classes is None else torch.as_tensor(np.array(classes))
    if y is not None and (y.shape != (len(x),) or y.dtype.is_floating_point or int(y.min()) < 0):
        raise InputError("classes", tuple(y.shape), f"needs one class number from 0 for each of {len(x)} frames")
    for name, size in {"n_steps": n_steps, "batch_size": batch_size}.items():
        if size < 1:
            raise InputError(name, size, "must be at least 1")
    if not 2 <= span <= window:
        raise InputError("span", span, f"needs 2 to {window} frames")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)

    def loss() -> torch.Tensor:
        first = rng.integers(len(x) - window + 1, size=batch_size)
        rows = torch.as_tensor(first[:, None] + np.arange(window))
        hidden = torch.as_tensor(_spans(batch_size, window, span, start, rng))
        known = None if y is None else y[rows]
        return _loss(model, x[rows].to(device), hidden.to(device), known, n_negatives, rng)

    return minimise(model, loss, optimiser=optimiser, n_steps=n_steps, random_state=rng)


def _loss(
    model: Any,
    frames: torch.Tensor,
    hidden: torch.Tensor,
    classes: torch.Tensor | None,
    n_negatives: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    latents = model.latents(frames)
    outputs = model.context(latents, hidden)
    if classes is None:
        return contrastive_loss(outputs, latents, masked=hidden, n_negatives=n_negatives, random_state=rng)
    return cross_entropy(outputs[hidden], classes.to(frames.device)[hidden].long())


def _spans(n_sequences: int, window: int, span: int, start: float, rng: np.random.Generator) -> np.ndarray:
    """Hidden frames, bool `(sequence, frame)`: at least one whole span in each sequence."""
    places = window - span + 1
    starts = rng.random((n_sequences, places)) < start
    starts[np.arange(n_sequences), rng.integers(places, size=n_sequences)] = True
    hidden = np.zeros((n_sequences, window), dtype=bool)
    for shift in range(span):
        hidden[:, shift : shift + places] |= starts
    return hidden
