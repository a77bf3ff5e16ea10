"""How often does each test find a likeness that is not there, and one that is? Writes `false_positives.md`.

Run it from the root of the project: `python docs/false_positives.py`; it takes about half an hour on one core.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from scipy.stats import beta

from multiunit.core.walk import methods
from multiunit.inference.null_test import NULLS, null_test
from multiunit.inference.similarity_interval import similarity_interval
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.max_correlation import max_correlation
from multiunit.similarity.rsa_inference import rsa_inference

N_DRAWS, N_PLANTED, N_PERMUTATIONS, N_BOOTSTRAPS, ALPHA = 400, 100, 39, 500, 0.05
# Similarities of `(stimulus, repeat, unit)`.
REPEATED = ("energy_distance", "stochastic_shape")

Pair = tuple[np.ndarray, np.ndarray]
Draw = Callable[[np.random.Generator], Pair]

PAGE = """# How often tests of likeness are wrong

A test at 0.05 should find a likeness in one of twenty pairs of systems that share nothing: in {draws} pairs, in 3 to 7
of a hundred. The tables say how often it does, with the 95 % interval of Clopper and Pearson, and how often it finds a
likeness that was planted. `docs/false_positives.py` makes this page; every row begins from seed 0.

## Every similarity

`null_test` with {permutations} permutations of the presentations, of 40 presentations by 6 and 8 units (energy and
stochastic shape distances: 20 stimuli of 4 repeats). Nothing shared: all activity is independent and normal. Planted:
both systems read three latent variables, and half of their variance is noise. All similarities of the package are here
that score two arrays with one number, but `stitching`, which needs a network, and `topological_distance`, which does
not know which presentation is which.

{similarities}

`localisation` asks whether single units match beyond directions, and the planted systems share directions alone; of 40
presentations, the curvature of a neighbour graph tells little.

## Every null

The null must fit the data. Series of 300 steps whose autocorrelation falls by 0.9 a step share nothing but their
slowness: permutation takes it away from the surrogates and calls slowness a likeness; shifts and new phases keep it. A
rotation asks about single units: two systems that span the same space in bases of their own share none. Planted: a
common drive that makes up a tenth of the variance, and units that stand one for one with as much noise as signal.

{nulls}

A shift cannot close a series that ends elsewhere than it began, so that it finds somewhat too much in series of only
thirty times their correlation time; new phases are nearer to the level.

## Models of geometry

`rsa_inference` ({bootstraps} bootstraps, Pearson) for 8 subjects and 30 conditions. Every draw has new people, who
share one geometry in part, and new models. *Better than nothing*: the model is another geometry. *Better than
another*: two models are the true geometry with noise of the same size. Planted: the model is the true geometry with
noise, against nothing, and against a model with twice the noise. Nothing is there only for new conditions: with
subjects alone drawn again, an accident of these 30 conditions counts as true.

{models}

Drawing people and conditions both is cautious: the variance of a score is put together from three bootstraps and held
above each of its parts, so that fewer than one in twenty is found where nothing is.

## Intervals

`similarity_interval` at 0.95 (100 halves): how often it holds the mean score of samples of that size, for linear CKA of
100 presentations of planted pairs.

{intervals}
"""


def main() -> None:
    page = PAGE.format(
        draws=N_DRAWS,
        permutations=N_PERMUTATIONS,
        bootstraps=N_BOOTSTRAPS,
        similarities=_table(["similarity", "nothing shared", "planted"], _similarities()),
        nulls=_table(["systems", "null", "metric", "nothing shared", "planted"], _nulls()),
        models=_table(["drawn again", "question", "nothing there", "planted"], _models()),
        intervals=_table(["pairs", "held by the interval"], _intervals()),
    )
    Path(__file__).with_suffix(".md").write_text(page)


def _similarities() -> list[list[str]]:
    rows = []
    for record in methods(kind="similarity"):
        signature = inspect.signature(record.function)
        names = list(signature.parameters)
        required = [p for p in signature.parameters.values() if p.default is p.empty]
        # Topology does not know which presentation is which, so that their order is no null for it.
        if (
            record.name == "topological_distance"
            or names[:2] != ["x", "y"]
            or len(required) != 2
            or signature.return_annotation not in ("float", "xr.Dataset")
        ):
            continue
        repeats = record.name in REPEATED
        side = "less" if record.properties.get("distance") else "greater"
        metric = record.function if signature.return_annotation == "float" else _score_of(record.function)
        shares = [
            _share(_tested(metric, draw, "permutation", side), n)
            for draw, n in ((_unrelated(repeats), N_DRAWS), (_related(repeats), N_PLANTED))
        ]
        print(record.name, shares, flush=True)
        rows.append([f"`{record.name}`", *shares])
    return rows


def _score_of(function: Callable[..., object]) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda x, y: float(function(x, y)["similarity"])


def _unrelated(repeats: bool) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        if repeats:
            return tuple(rng.normal(size=(20, 1, k)) + rng.normal(size=(20, 4, k)) for k in (6, 6))
        return rng.normal(size=(40, 6)), rng.normal(size=(40, 8))

    return draw


def _related(repeats: bool) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        latent = rng.normal(size=(20 if repeats else 40, 3))
        found = []
        for k in (6, 6) if repeats else (6, 8):
            signal = latent @ rng.normal(size=(3, k)) / np.sqrt(3)
            found.append(
                signal[:, None] + rng.normal(size=(20, 4, k)) if repeats else signal + rng.normal(size=(40, k))
            )
        return found[0], found[1]

    return draw


def _series(rng: np.random.Generator, n_units: int) -> np.ndarray:
    return lfilter([1.0], [1.0, -0.9], rng.normal(size=(400, n_units)), axis=0)[100:]


def _slow(rng: np.random.Generator, shared: float = 0.0) -> Pair:
    drive = _series(rng, 1)
    return tuple(np.sqrt(1 - shared) * _series(rng, k) + np.sqrt(shared) * drive for k in (4, 5))


def _bases(rng: np.random.Generator, aligned: bool = False) -> Pair:
    latent = rng.normal(size=(100, 6))
    turn = np.eye(6) if aligned else np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return latent + rng.normal(size=(100, 6)), latent @ turn + rng.normal(size=(100, 6))


def _nulls() -> list[list[str]]:
    settings = [("slow series", null, linear_cka, _slow, lambda rng: _slow(rng, 0.1)) for null in list(NULLS)[:3]]
    settings.append(("one space", "rotation", max_correlation, _bases, lambda rng: _bases(rng, aligned=True)))
    rows = []
    for systems, null, metric, nothing, planted in settings:
        shares = [
            _share(_tested(metric, draw, null, "greater"), n) for draw, n in ((nothing, N_DRAWS), (planted, N_PLANTED))
        ]
        print(systems, null, shares, flush=True)
        rows.append([systems, f"`{null}`", f"`{metric.__name__}`", *shares])
    return rows


def _models() -> list[list[str]]:
    rows = []
    for resample in (("subjects", "conditions"), ("conditions",), ("subjects",)):
        for question, test in (("better than nothing", _against_nothing), ("better than another", _against_another)):
            shares = [
                _share(functools.partial(test, resample=resample, planted=planted), n)
                for planted, n in ((False, N_DRAWS), (True, N_PLANTED))
            ]
            print(resample, question, shares, flush=True)
            rows.append([" and ".join(resample), question, *shares])
    return rows


def _people(rng: np.random.Generator) -> tuple[np.ndarray, Callable[[float], np.ndarray]]:
    """RDMs of eight people whose patterns share half of their variance, and models: the shared patterns with noise."""
    shared = rng.normal(size=(30, 10))
    pairs = np.triu_indices(30, 1)

    def distances(patterns: np.ndarray) -> np.ndarray:
        return np.linalg.norm(patterns[pairs[0]] - patterns[pairs[1]], axis=1)

    data = np.stack([distances(shared + rng.normal(size=shared.shape)) for _ in range(8)])
    return data, lambda noise: distances(shared + noise * rng.normal(size=shared.shape))


def _against_nothing(rng: np.random.Generator, *, resample: tuple[str, ...], planted: bool) -> bool:
    data, model = _people(rng)
    tried = model(1.0) if planted else _people(rng)[1](1.0)
    found = rsa_inference(data, {"model": tried}, resample=resample, n_bootstraps=N_BOOTSTRAPS, random_state=rng)
    return bool(found["p_zero"].item() <= ALPHA)


def _against_another(rng: np.random.Generator, *, resample: tuple[str, ...], planted: bool) -> bool:
    data, model = _people(rng)
    tried = {"one": model(1.0), "other": model(2.0 if planted else 1.0)}
    found = rsa_inference(data, tried, resample=resample, n_bootstraps=N_BOOTSTRAPS, random_state=rng)
    return bool(found["p_difference"].sel(model="one", other_model="other").item() <= ALPHA)


def _intervals() -> list[list[str]]:
    rng = np.random.default_rng(0)
    readouts = [rng.normal(size=(3, k)) for k in (6, 8)]

    def pair(rng: np.random.Generator) -> Pair:
        latent = rng.normal(size=(100, 3))
        return tuple(latent @ readout + rng.normal(size=(100, readout.shape[1])) for readout in readouts)

    truth = float(np.mean([linear_cka(*pair(rng)) for _ in range(4000)]))

    def held(rng: np.random.Generator) -> bool:
        x, y = pair(rng)
        found = similarity_interval(linear_cka, x, y=y, n_bootstraps=100, random_state=rng)
        return bool(found["low"].item() <= truth <= found["high"].item())

    return [[f"two views of three latent variables, mean score {truth:.2f}", _share(held, N_DRAWS)]]


def _tested(metric: Callable[..., float], draw: Draw, null: str, side: str) -> Callable[[np.random.Generator], bool]:
    def rejects(rng: np.random.Generator) -> bool:
        x, y = draw(rng)
        found = null_test(metric, x, y=y, null=null, alternative=side, n_permutations=N_PERMUTATIONS, random_state=rng)
        return bool(found["p_value"].item() <= ALPHA)

    return rejects


def _share(happens: Callable[[np.random.Generator], bool], n: int) -> str:
    rng = np.random.default_rng(0)
    k = sum(happens(rng) for _ in range(n))
    low = 0.0 if k == 0 else beta.ppf(0.025, k, n - k + 1)
    high = 1.0 if k == n else beta.ppf(0.975, k + 1, n - k)
    return f"{100 * k / n:.3g} % [{100 * low:.1f}, {100 * high:.1f}]"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
