"""rsa: ten models compared with 24 subjects by a dual bootstrap with noise ceiling, beside rsatoolbox draw by draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import compare, goal, main, ratio, write

N_SUBJECTS, N_CONDITIONS, N_MODELS, N_DRAWS = 24, 200, 10, 1000
PART = 10  # draws of rsatoolbox's loop
NAMES = {"pearson": "corr", "cosine": "cosine"}


def _world() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """RDMs of subjects and of models, and one draw of subjects and of conditions, how often each."""
    from multiunit.similarity.rdm import rdm

    rng = np.random.default_rng(0)
    base = rng.standard_normal((N_CONDITIONS, 20))
    seen = [
        base @ rng.standard_normal((20, 100)) + 2 * rng.standard_normal((N_CONDITIONS, 100)) for _ in range(N_SUBJECTS)
    ]
    data = np.stack([rdm(one, distance="squared_euclidean") for one in seen])
    models = np.stack([rdm(base[:, : 2 * k + 2], distance="squared_euclidean") for k in range(N_MODELS)])
    subjects, conditions = (
        np.bincount(rng.integers(size, size=size), minlength=size) for size in (N_SUBJECTS, N_CONDITIONS)
    )
    return data, models, subjects, conditions


def multiunit(*, by: str) -> Any:
    from multiunit.similarity.resampled_likeness import resampled_likeness
    from multiunit.similarity.rsa_inference import rsa_inference

    data, models, subjects, conditions = _world()

    def work() -> Any:
        return rsa_inference(data, models, by=by, n_bootstraps=N_DRAWS)

    def answer(found: Any) -> dict[str, np.ndarray]:
        one_draw = resampled_likeness(data, models, counts=conditions[None], by=by).to_models[0]
        return {
            "score": found["score"].values,
            "ceiling": np.array([found["ceiling_lower"], found["ceiling_upper"]], dtype=float),
            "one_draw": subjects @ one_draw / N_SUBJECTS,
        }

    return work, answer


def rsatoolbox(*, by: str) -> Any:
    from rsatoolbox.inference import eval_dual_bootstrap, eval_fixed
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs
    from rsatoolbox.rdm import compare as likeness

    data, models, subjects, conditions = _world()
    people = RDMs(data)
    fixed = [ModelFixed(f"model {k}", model) for k, model in enumerate(models)]

    def work() -> Any:
        np.random.seed(0)  # noqa: NPY002 - it draws from the global generator
        return eval_dual_bootstrap(fixed, people, method=NAMES[by], N=PART)

    def answer(_: Any) -> dict[str, np.ndarray]:
        whole = eval_fixed(fixed, people, method=NAMES[by])
        who, what = (np.repeat(np.arange(len(times)), times) for times in (subjects, conditions))
        drawn = people.subsample("index", who).subsample_pattern("index", what)
        shown = RDMs(models).subsample_pattern("index", what)
        return {
            "score": whole.evaluations[0].mean(axis=1),
            "ceiling": np.array(whole.noise_ceiling, dtype=float).ravel(),
            "one_draw": likeness(shown, drawn, NAMES[by]).mean(axis=1),
        }

    return work, answer


CONTENDERS = {"multiunit": multiunit, "rsatoolbox": rsatoolbox}


def report() -> None:
    scales = {"rsatoolbox": N_DRAWS / PART}
    settings = {
        name: compare(__file__, list(CONTENDERS), {"by": by}, reference="multiunit", tolerance=1e-12, scales=scales)
        for name, by in (("Pearson correlation", "pearson"), ("cosine", "cosine"))
    }
    write(
        "rsa",
        work="24 subjects, 200 conditions, 10 models: scores, noise ceiling and 1,000 draws of subjects, of conditions "
        "and of both.",
        notes=f"rsatoolbox runs {PART} draws and its times are multiplied by {N_DRAWS // PART}. The scores and the "
        "ceiling of the data, and the scores of one draw of both, are the same.",
        settings=settings,
        goals=[
            goal(f"{name}: rsatoolbox / multiunit", ratio(setting, "rsatoolbox", "multiunit"), at_least=100)
            for name, setting in settings.items()
        ],
        packages=["multiunit", "numpy", "rsatoolbox"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
