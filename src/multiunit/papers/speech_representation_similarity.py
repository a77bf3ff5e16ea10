"""Similarity of speech models: trained contrastively or predictively, they share subspaces and not units.

Claim: speech models trained by telling frames apart (wav2vec 2.0) and by naming their class (HuBERT) come to similar
representations of a layer as a whole, but not to individual units that say the same.

Experiment: a minute of recorded speech as 40 log mel bands every 10 ms; the first 40 s train, the last 20 s (2,000
frames) compare. Encoders of two convolutions and two transformer layers (64 units), 300 steps each: contrastive with 20
wrong answers, and prediction of 50 k-means classes of the frames. Of the pairs of transformer layers the one of highest
debiased CKA is taken; there, localisation is how far units match beyond a random rotation.

Control: the same before training; another seed of the contrastive objective; frames shuffled; the other system rotated,
which must leave CKA and lower the unit-wise correlation of a system with itself; and the contrastive encoder tuned to
the other objective for 60 steps, whose units must still match, so that localisation can be seen to rise.

Deviations: recorded speech in place of the catalogue's synthetic phones. Untrained encoders keep the geometry of the
sound, and so have a CKA that training can hardly exceed; hence what is set against them, by the catalogue's margin of
0.1, is how far the two are more alike than either is to the sound: CKA(A, B) - max(CKA(A, sound), CKA(B, sound)), the
sound being five frames of bands, as many as a latent sees.

Not shown: attention maps, real sizes, many speakers. Frames of one sound are not independent, which debiased CKA takes
them to be. Four times the steps, tried on one seed, brought the excess over the sound from -0.06 to 0.01, against 0.02
untrained.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.cluster import KMeans

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_masked_frames import train_masked_frames
from multiunit.networks.speech_encoder import SpeechEncoder
from multiunit.similarity.layerwise import layerwise
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.localisation import localisation, rotated
from multiunit.similarity.max_correlation import max_correlation
from multiunit.tasks.log_mel import log_mel, recorded_speech

PAPER = Paper(
    id="speech-representation-similarity",
    title="Speech Representation Analysis based on Inter- and Intra-Model Similarities",
    year=2024,
    source="arXiv:2406.16099",
    level="data",
    uses=(layerwise, linear_cka, max_correlation, localisation),
    needs=("voice_activity_net",),
)

WINDOW = 100
N_CLASSES = 50


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    sound, rate = recorded_speech()
    frames = log_mel(sound, rate=rate)
    n_train = 40 * WINDOW
    frames = (frames - frames[:n_train].mean(axis=0)) / frames[:n_train].std(axis=0)
    train = frames[:n_train]
    n_windows = min((len(frames) - n_train) // WINDOW, scale.pick(smoke=5, small=20))
    windows = frames[n_train : n_train + n_windows * WINDOW].reshape(n_windows, WINDOW, -1)
    classes = KMeans(N_CLASSES, n_init=1, random_state=int(rng.integers(2**31))).fit_predict(train)
    steps, tuning = scale.pick(smoke=(15, 5), small=(300, 60))

    contrastive, again = (SpeechEncoder(random_state=rng) for _ in range(2))
    predictive = SpeechEncoder(n_outputs=N_CLASSES, random_state=rng)
    before, other_before = (_layers(net, windows) for net in (contrastive, predictive))
    new_head = copy.deepcopy(predictive.head)
    losses = [train_masked_frames(net, train, n_steps=steps, random_state=rng) for net in (contrastive, again)]
    losses.append(train_masked_frames(predictive, train, n_steps=steps, classes=classes, random_state=rng))
    tuned = copy.deepcopy(contrastive)
    tuned.head = new_head
    train_masked_frames(tuned, train, n_steps=tuning, classes=classes, random_state=rng)

    after, same_objective, other, still = (_layers(net, windows) for net in (contrastive, again, predictive, tuned))
    heard = _heard(windows)
    a, b, cka, beyond = _closest(after, other, heard)
    _, _, untrained_cka, untrained_beyond = _closest(before, other_before, heard)
    c, d, same_cka, _ = _closest(after, same_objective, heard)
    e, f, _, _ = _closest(after, still, heard)
    battery = layerwise({"a": a}, {"b": b}, random_state=rng).squeeze()
    found = {str(name): battery.sel(measure=name) for name in battery["measure"].values}
    return Claim(
        measured={
            "contrastive_loss": float(losses[0][-20:].mean()),
            "predictive_loss": float(losses[2][-20:].mean()),
            "cka": cka,
            "beyond_sound": beyond,
            "localisation": localisation(a, b, random_state=rng),
            **{name: float(one["similarity"]) for name, one in found.items() if name != "linear_cka"},
        },
        control={
            "untrained_cka": untrained_cka,
            "untrained_beyond_sound": untrained_beyond,
            "same_objective_cka": same_cka,
            "same_objective_localisation": localisation(c, d, random_state=rng),
            "tuned_localisation": localisation(e, f, random_state=rng),
            "shuffled_cka": float(found["linear_cka"]["shuffled"]),
            "rotated_cka": float(found["linear_cka"]["rotated"]),
            "rotated_max_correlation": float(found["max_correlation"]["rotated"]),
            "self_max_correlation": max_correlation(a, a),
            "self_rotated_max_correlation": max_correlation(a, rotated(a, random_state=rng)),
        },
        criterion="measured.cka >= 0.5 and measured.beyond_sound >= control.untrained_beyond_sound + 0.1 "
        "and measured.localisation <= 0.25 and control.tuned_localisation >= measured.localisation + 0.25 "
        "and abs(control.rotated_cka - measured.cka) <= 0.000001 "
        "and control.self_max_correlation - control.self_rotated_max_correlation >= 0.2",
    )


def _layers(net: SpeechEncoder, windows: np.ndarray) -> dict[str, np.ndarray]:
    """The transformer layers' activity."""
    found = net.eval().layer_activity(torch.as_tensor(windows).float())
    return {name: activity.numpy() for name, activity in found.items() if name.startswith("layers")}


def _heard(windows: np.ndarray) -> np.ndarray:
    """The five frames of bands that a latent sees, `(frame, band of five frames)`; silence is 0 beyond a window."""
    n = windows.shape[1]
    padded = np.pad(windows, ((0, 0), (2, 2), (0, 0)))
    return np.concatenate([padded[:, shift : shift + n] for shift in range(5)], axis=2).reshape(len(windows) * n, -1)


def _closest(
    layers: dict[str, np.ndarray], other_layers: dict[str, np.ndarray], heard: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The pair of layers of highest CKA, that CKA, and how far it exceeds the CKA of either with the sound."""
    pairs = [(x, y) for x in layers.values() for y in other_layers.values()]
    values = [linear_cka(x, y) for x, y in pairs]
    best = int(np.argmax(values))
    x, y = pairs[best]
    return x, y, values[best], values[best] - max(linear_cka(x, heard), linear_cka(y, heard))
