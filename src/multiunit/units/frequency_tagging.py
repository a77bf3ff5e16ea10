"""Frequency tagging: units whose activity comes round with the phrases and sentences of a stream (HFTP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.core.system import as_stimuli
from multiunit.systems.torch_system import TorchSystem

# Sentences of four words, phrases of two, four words a second.
RATES: Mapping[str, float] = MappingProxyType({"sentence": 1.0, "phrase": 2.0})
# Numbers in the null distributions at a time.
_BLOCK = 2**22


class Tagging(NamedTuple):
    """`amplitude` and `control_amplitude`, `threshold` of the permutation test, `z`, `selected`; all `(unit, rate)`."""

    amplitude: np.ndarray
    control_amplitude: np.ndarray
    threshold: np.ndarray
    z: np.ndarray
    selected: np.ndarray


def line_amplitude(courses: Any, frequencies: Sequence[float] | np.ndarray, *, sampling_rate: float) -> np.ndarray:
    """Size of the spectral lines of time courses: `|sum_t x_t exp(-2 pi i k t / T)|`, k the bin nearest the frequency.

    The same as `abs(rfft(x))` at bin k. The constant bin is never read, so the mean of a course does not matter.

    Args:
        courses: `(..., time, unit)`.
        frequencies: in Hz.
        sampling_rate: samples a second.

    Returns:
        `(..., frequency, unit)`.

    Raises:
        InputError: if a frequency is nearest to the constant bin, above half the sampling rate, or shares its bin.

    >>> wave = np.cos(2 * np.pi * np.arange(16) / 4)[:, None]
    >>> line_amplitude(wave, [1.0, 2.0], sampling_rate=4.0).round(9).tolist()
    [[8.0], [0.0]]
    """
    x = np.asarray(courses)
    return np.abs(_waves(x.shape[-2], frequencies, sampling_rate) @ x)


def tag_units(
    experiment: Any,
    control: Any,
    *,
    rates: Mapping[str, float | Sequence[float]] = RATES,
    sampling_rate: float = 4.0,
    n_average: int = 10,
    n_permutations: int = 1000,
    quantile: float = 0.95,
    least_z: float = 2.0,
    random_state: int | np.random.Generator = 0,
) -> Tagging:
    """Find the units with a line at each rate that a scrambled stream does not give them.

    Repeats are averaged in tens; A = mean over these averages of |rfft|. A unit passes a rate if the amplitude of its
    course averaged over all repeats exceeds the `quantile` of `n_permutations` shuffles in time. Its effect is
    A(experiment) - A(control), 0 where it does not pass; z is that effect standardised over all units.

    Args:
        experiment: `(repeat, time, unit)`: the stream with its sentences in another order every repeat.
        control: `(repeat, time, unit)`: the same with the words scrambled, such as within each phrase.
        rates: name -> Hz; with several frequencies a rate is passed at any of them, and amplitudes are averaged.
        sampling_rate: samples a second.
        n_average: repeats in one average.
        n_permutations: shuffles in time; all units are shuffled alike.
        quantile: of the null, to be exceeded.
        least_z: to be exceeded for a unit to be selected.
        random_state: seed or generator of the shuffles.

    Raises:
        InputError: for other shapes, values that are not finite, or a stream too short for the rates.

    >>> rng = np.random.default_rng(0)
    >>> noise, scrambled = rng.normal(size=(2, 20, 40, 12))
    >>> noise[..., 3] += 3 * np.cos(2 * np.pi * np.arange(40) / 4)
    >>> np.argwhere(tag_units(noise, scrambled).selected).tolist()
    [[3, 0]]
    """
    x, y = (_checked(name, values) for name, values in (("experiment", experiment), ("control", control)))
    if x.shape[1:] != y.shape[1:]:
        raise InputError("control", y.shape, f"needs the times and units of the experiment {x.shape}")
    for name, value, fine in (
        ("n_average", n_average, n_average >= 1),
        ("n_permutations", n_permutations, n_permutations >= 1),
        ("quantile", quantile, 0 < quantile < 1),
    ):
        if not fine:
            raise InputError(name, value, "must be at least 1, and a quantile between 0 and 1")
    rng = np.random.default_rng(random_state)
    frequencies = {name: np.atleast_1d(np.asarray(hz, dtype=float)) for name, hz in rates.items()}
    flat = np.concatenate(list(frequencies.values()))
    ends = np.cumsum([len(hz) for hz in frequencies.values()])[:-1]
    amplitude, scrambled = (_mean_amplitude(z, flat, sampling_rate, n_average) for z in (x, y))
    whole = line_amplitude(x.mean(axis=0), flat, sampling_rate=sampling_rate)
    level = _null_quantile(x.mean(axis=0), flat, sampling_rate, n_permutations, quantile, rng)

    def by_rate(values: np.ndarray, join: Any) -> np.ndarray:
        return np.stack([join(part, axis=0) for part in np.split(values, ends)], axis=1)

    effect = by_rate(amplitude - scrambled, np.mean) * by_rate(whole > level, np.any)
    spread = effect.std(axis=0)
    z = np.divide(effect - effect.mean(axis=0), spread, out=np.zeros_like(effect), where=spread > 0)
    selected = (z > least_z) & by_rate(whole > level, np.any)
    return Tagging(by_rate(amplitude, np.mean), by_rate(scrambled, np.mean), by_rate(level, np.mean), z, selected)


def _example(rng: np.random.Generator) -> tuple[tuple[Recording, Recording], dict[str, Any]]:
    x, y = rng.normal(size=(2, 20, 8, 40))
    x[:, 2] += 3 * np.cos(2 * np.pi * np.arange(40) / 4)
    time = np.arange(40) / 4
    return (Recording.from_activity(x, time=time), Recording.from_activity(y, time=time)), {"n_permutations": 50}


@method(kind="measure", source="arXiv:2510.13255", example=_example)
def frequency_tagging(
    recording: Recording,
    control: Recording,
    *,
    rates: Mapping[str, float | Sequence[float]] = RATES,
    n_average: int = 10,
    n_permutations: int = 1000,
    quantile: float = 0.95,
    least_z: float = 2.0,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units that carry a spectral line at the rate of sentences or phrases, lost when words are scrambled.

    As `tag_units`, for hidden units and for channels of a brain recording alike. z compares the units with one
    another, so that some units nearly always exceed 2: run the scrambled stream against another scrambled one to see
    how many do by chance. A line may also come from the classes of the words, which alternate at the same rates.

    Args:
        recording: `activity(presentation, unit, time)`, one presentation a repeat, time in seconds and even.
        control: the same units and times in the scrambled stream.
        rates, n_average, n_permutations, quantile, least_z, random_state: as `tag_units`.

    Returns:
        over `unit` and `rate`: `amplitude`, `control_amplitude`, `threshold`, `z`, `selected`.

    Raises:
        InputError: as `tag_units`; for activity without time, uneven times, or other units in the control.

    Source: "Hierarchical Frequency Tagging Probe", 2025, arXiv:2510.13255. Reconstructed from its definitions: whether
    the permutation test runs on the course averaged over all repeats, as here, or on each average of ten is unsure.
    """
    times = [_times(name, r) for name, r in (("recording", recording), ("control", control))]
    if not np.array_equal(recording.dataset["unit_id"].values, control.dataset["unit_id"].values):
        raise InputError("control", control, "must be of the same units in the same order")
    if len(times[0]) != len(times[1]) or not np.allclose(np.diff(times[0]), np.diff(times[1])):
        raise InputError("control", control, "must be sampled as the recording is")
    found = tag_units(
        recording.activity.transpose(0, 2, 1),
        control.activity.transpose(0, 2, 1),
        rates=rates,
        sampling_rate=float(1 / np.diff(times[0]).mean()),
        n_average=n_average,
        n_permutations=n_permutations,
        quantile=quantile,
        least_z=least_z,
        random_state=random_state,
    )
    return xr.Dataset(
        {name: (("unit", "rate"), values) for name, values in found._asdict().items()},
        {name: recording.dataset.coords[name] for name in ("unit_id", "site")}
        | {"rate": np.array(list(rates), dtype=object)},
    )


def word_courses(
    system: TorchSystem, texts: Any, *, sites: str | Sequence[str] = "*", words_per_second: float = 4.0
) -> Recording:
    """The activity of a language model word by word: the mean over the tokens of each word.

    Args:
        system: with a fast Hugging Face tokenizer, which tells what piece of the text a token covers.
        texts: of one number of words, separated by single spaces; each fits into the system's window.
        sites: as `stream` takes them.
        words_per_second: what one word counts as on the clock.

    Returns:
        `activity(presentation, unit, time)`: one presentation a text, one sample a word.

    Raises:
        InputError: for texts of different lengths or longer than the window, or a tokenizer that tells no offsets.
    """
    frame = as_stimuli(texts)
    n_words = {text.count(" ") + 1 for text in frame["stimulus"]}
    if len(n_words) != 1:
        raise InputError("texts", sorted(n_words), "must all have the same number of words")
    if not getattr(system.tokenizer, "is_fast", False):
        raise InputError("system", system.name, "needs a fast tokenizer, which gives the offsets of tokens")
    # A token belongs to the word in which it ends; a marker of the space before a word belongs to that word.
    owners = []
    for text in frame["stimulus"]:
        offsets = system.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        owners.append(np.array([text.count(" ", 0, stop) for _, stop in offsets]))
    n = n_words.pop()
    kept: np.ndarray | None = None
    names: list[str] = []
    for batch in system.stream(frame, sites):
        activity = torch.cat([part.float() for part in batch.activity.values()], dim=1)
        row, place = np.unique(batch.presentations["sequence_id"].to_numpy(), return_inverse=True)
        if max(row) >= len(frame) or [int((place == i).sum()) for i in range(len(row))] != [
            len(owners[r]) for r in row
        ]:
            raise InputError("texts", f"{len(frame)} texts", f"one is longer than the window of {system.window} tokens")
        word = torch.as_tensor(place * n + np.concatenate([owners[r] for r in row]), device=activity.device)
        total = activity.new_zeros(len(row) * n, activity.shape[1]).index_add_(0, word, activity)
        counts = torch.bincount(word, minlength=len(row) * n)[:, None]
        if kept is None:
            kept = np.empty((len(frame), activity.shape[1], n), dtype=np.float32)
            names = [site for site, part in batch.activity.items() for _ in range(part.shape[1])]
        kept[row] = (total / counts).reshape(len(row), n, -1).transpose(1, 2).cpu().numpy()
    assert kept is not None
    labels = {str(name): frame[name] for name in frame if name != "stimulus"}
    time = np.arange(n) / words_per_second
    return Recording.from_activity(kept, units={"site": names}, presentations=labels, time=time, source=system.name)


def _waves(n: int, frequencies: Any, sampling_rate: float) -> np.ndarray:
    """`(frequency, time)`: exp(-2 pi i k t / n) at the bin k nearest each frequency."""
    bins = np.round(np.asarray(frequencies, dtype=float) * n / sampling_rate).astype(int)
    if (bins < 1).any() or (2 * bins > n).any() or len(set(bins.tolist())) < len(bins):
        mend = f"{n} samples at {sampling_rate} Hz cannot tell these rates apart; they need a longer or faster stream"
        raise InputError("rates", list(map(float, frequencies)), mend)
    return np.exp(-2j * np.pi * bins[:, None] * np.arange(n) / n)


def _mean_amplitude(x: np.ndarray, frequencies: np.ndarray, sampling_rate: float, n_average: int) -> np.ndarray:
    """`(frequency, unit)`: mean over averages of `n_average` repeats, as evenly filled as may be."""
    groups = np.array_split(np.arange(len(x)), max(1, len(x) // n_average))
    return np.mean(
        [line_amplitude(x[g].mean(axis=0), frequencies, sampling_rate=sampling_rate) for g in groups], axis=0
    )


def _null_quantile(
    course: np.ndarray,
    frequencies: np.ndarray,
    sampling_rate: float,
    n_permutations: int,
    quantile: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """`(frequency, unit)`: the quantile of the amplitude over shuffles in time.

    The waves are shuffled in place of the courses: the same sum, and one matrix product serves all units.
    """
    waves = _waves(len(course), frequencies, sampling_rate)
    orders = rng.permuted(np.tile(np.arange(len(course)), (n_permutations, 1)), axis=1)
    step = max(1, _BLOCK // n_permutations)
    level = np.empty((len(waves), course.shape[1]))
    for wave, row in zip(waves, level, strict=True):
        shuffled = wave[orders]
        for start in range(0, course.shape[1], step):
            part = slice(start, start + step)
            row[part] = np.quantile(np.abs(shuffled @ course[:, part]), quantile, axis=0)
    return level


def _checked(name: str, values: Any) -> np.ndarray:
    x = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    x = x.astype(np.float64, copy=False)
    if x.ndim != 3 or not x.size:
        raise InputError(name, x.shape, "needs (repeat, time, unit), none of them empty")
    if not np.isfinite(x).all():
        raise InputError(name, "NaN or infinity", "leave out repeats or units that were not recorded")
    return x


def _times(name: str, recording: Recording) -> np.ndarray:
    if "activity" not in recording.dataset or recording.dataset["activity"].ndim != 3:
        raise InputError(name, recording, "needs activity (presentation, unit, time), one presentation a repeat")
    times = np.asarray(recording.dataset["time"].values, dtype=float)
    steps = np.diff(times)
    if len(times) < 4 or not np.allclose(steps, steps[:1], rtol=1e-3):
        raise InputError(name, f"{len(times)} times", "needs an even clock of at least four samples")
    return times
