"""half-depth: only the MLP neurons of the first half of the layers are asked for, so half of the model need not run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from language_models import llama, save, tokens
from side_by_side import compare, goal, main, ratio, write

ROWS, LENGTH, N_BATCHES, N_ASKED = 8, 128, 4, 3


def _batches() -> list[torch.Tensor]:
    return list(torch.as_tensor(tokens(ROWS * N_BATCHES, LENGTH)).split(ROWS))


def _answer(last: list[torch.Tensor]) -> dict[str, np.ndarray]:
    return {f"layer {i}": layer.detach().reshape(-1, layer.shape[-1]).numpy() for i, layer in enumerate(last)}


def bare() -> Any:
    """The whole forward pass, with hooks on the layers asked for."""
    model, batches = llama(), _batches()
    kept: list[torch.Tensor] = []
    for layer in model.model.layers[:N_ASKED]:
        layer.mlp.down_proj.register_forward_pre_hook(lambda _, args: kept.append(args[0]))

    def work() -> list[torch.Tensor]:
        with torch.no_grad():
            for batch in batches:
                kept.clear()
                model(input_ids=batch, use_cache=False)
        return list(kept)

    return work, _answer


def multiunit() -> Any:
    from multiunit.systems import TorchSystem

    system = TorchSystem(llama(), batch_size=ROWS * LENGTH)
    stimuli = list(tokens(ROWS * N_BATCHES, LENGTH))

    def work() -> list[torch.Tensor]:
        for batch in system.stream(stimuli, [f"model.layers.{layer}.*down_proj" for layer in range(N_ASKED)]):
            last = batch.activity
        return list(last.values())

    return work, _answer


def transformer_lens() -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    with tempfile.TemporaryDirectory() as folder:
        save(llama(), Path(folder))
        model = TransformerBridge.boot_transformers(folder, device="cpu")
    names = [f"blocks.{layer}.mlp.hook_post" for layer in range(N_ASKED)]

    def work() -> list[torch.Tensor]:
        with torch.no_grad():
            for batch in _batches():
                _, cache = model.run_with_cache(batch, names_filter=names, stop_at_layer=N_ASKED)
        return [cache[name] for name in names]

    return work, _answer


def nnsight() -> Any:
    from nnsight import NNsight

    model, batches = NNsight(llama()), _batches()

    def work() -> list[torch.Tensor]:
        with torch.no_grad():
            for batch in batches:
                last: list[torch.Tensor] = []
                with model.trace(batch, use_cache=False) as tracer:
                    for layer in model.model.layers[:N_ASKED]:
                        last.append(layer.mlp.down_proj.input.save())
                    tracer.stop()
        return last

    return work, _answer


CONTENDERS = {
    "bare forward": bare,
    "multiunit": multiunit,
    "TransformerLens, stop_at_layer": transformer_lens,
    "nnsight, stop": nnsight,
}


def report() -> None:
    setting = compare(__file__, list(CONTENDERS), {}, reference="bare forward", tolerance=1e-5)
    write(
        "half-depth",
        work="MLP neurons of the first 3 of 6 layers of the model of `capture`, 4 batches of 8x128 tokens.",
        notes="The bare forward runs the whole model with hand-written hooks on the layers asked for.",
        settings={"8x128": setting},
        goals=[goal("multiunit / bare forward", ratio(setting, "multiunit", "bare forward"), at_most=0.5)],
        packages=["multiunit", "torch", "transformers", "transformer-lens", "nnsight"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
