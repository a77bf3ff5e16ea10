"""integrated_gradients: steps that are summed as they come, beside captum's, which run at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from side_by_side import compare, goal, main, write

STEPS = (5, 20, 80)
N_SEQUENCES, LENGTH, WIDTH, N_LAYERS, N_TOKENS = 16, 32, 128, 4, 500
SITE = "layers.1.mlp.down"


def _network() -> torch.nn.Module:
    from multiunit.networks import TinyTransformer

    torch.manual_seed(0)
    return TinyTransformer(N_TOKENS, max_positions=LENGTH, width=WIDTH, n_layers=N_LAYERS).eval()


def _stimuli() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sequences = list(rng.integers(N_TOKENS, size=(N_SEQUENCES, LENGTH)))
    return pd.DataFrame({"stimulus": sequences, "answer": rng.integers(N_TOKENS, size=N_SEQUENCES)})


def _answer(found: np.ndarray) -> dict[str, np.ndarray]:
    """In units of the largest attribution."""
    return {"attribution": found / np.abs(found).max()}


def multiunit(*, n_steps: int) -> Any:
    from multiunit.systems import TorchSystem
    from multiunit.systems.attribute import attribute
    from multiunit.systems.gradients import TargetProbability

    system, stimuli = TorchSystem(_network(), batch_size=N_SEQUENCES * LENGTH), _stimuli()
    options: dict[str, Any] = {"objective": TargetProbability(), "method": "integrated_gradients"}

    def work() -> np.ndarray:
        return attribute(system, stimuli, SITE, n_steps=n_steps, **options).activity

    return work, _answer


def captum(*, n_steps: int, at_once: bool = True) -> Any:
    """`IntegratedGradients` over what enters the layer, from zero.

    `LayerIntegratedGradients` starts from the layer's activity at a baseline INPUT, which is another question.
    """
    from captum.attr import IntegratedGradients

    net, frame = _network(), _stimuli()
    tokens = torch.as_tensor(np.stack(list(frame["stimulus"])))
    target = torch.as_tensor(frame["answer"].to_numpy().copy())
    part, seen = net.get_submodule(SITE), {}

    def probability(hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        handle = part.register_forward_pre_hook(lambda *_: (hidden,))
        try:
            return net(tokens)[:, -1].softmax(1)
        finally:
            handle.remove()

    def work() -> np.ndarray:
        handle = part.register_forward_pre_hook(lambda _, args: seen.update(hidden=args[0]))
        with torch.no_grad():
            net(tokens)
        handle.remove()
        found = IntegratedGradients(probability).attribute(
            seen["hidden"],
            target=target,
            additional_forward_args=(tokens,),
            n_steps=n_steps,
            method="riemann_middle",
            internal_batch_size=None if at_once else N_SEQUENCES,
        )
        return found.flatten(0, 1).numpy()

    return work, _answer


CONTENDERS = {
    "multiunit": multiunit,
    "captum": captum,
    "captum, internal_batch_size": lambda **setting: captum(at_once=False, **setting),
}


def report() -> None:
    settings = {}
    for n_steps in STEPS:
        setting = {"n_steps": n_steps}
        settings[f"{n_steps} steps"] = compare(
            __file__, list(CONTENDERS), setting, reference="multiunit", tolerance=1e-5
        )
    peaks = [setting["contenders"]["multiunit"]["peak_bytes"] for setting in settings.values()]
    write(
        "integrated_gradients",
        work=f"Integrated gradients of a target's probability at one MLP layer of a transformer ({N_LAYERS} layers of "
        f"width {WIDTH}), midpoint rule, {N_SEQUENCES} sequences of {LENGTH} tokens.",
        notes="captum puts all steps into one batch unless `internal_batch_size` cuts it, here one step at a time.",
        settings=settings,
        goals=[goal("multiunit: peak memory at 80 steps / at 5", peaks[-1] / peaks[0], at_most=1.5)],
        packages=["multiunit", "torch", "captum"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
