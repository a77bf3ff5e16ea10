"""capture: the activity of every MLP neuron of a Llama-type model, beside the forward pass alone and two peers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from language_models import llama, save, tokens
from side_by_side import compare, goal, main, ratio, write

SHAPES = {"8x128": {"rows": 8, "length": 128, "n_batches": 4}, "1x16": {"rows": 1, "length": 16, "n_batches": 60}}


def _batches(rows: int, length: int, n_batches: int) -> list[torch.Tensor]:
    return list(torch.as_tensor(tokens(rows * n_batches, length)).split(rows))


def _answer(last: list[torch.Tensor]) -> dict[str, np.ndarray]:
    """What the last batch gave: one matrix a layer."""
    return {f"layer {i}": layer.detach().reshape(-1, layer.shape[-1]).numpy() for i, layer in enumerate(last)}


def bare(*, grad_mode: Any = torch.no_grad, hooks: bool = False, **shape: int) -> Any:
    model, batches = llama(), _batches(**shape)
    kept: list[torch.Tensor] = []

    def work() -> list[torch.Tensor]:
        with grad_mode():
            for batch in batches:
                kept.clear()
                model(input_ids=batch, use_cache=False)
        return list(kept)

    def add_hooks() -> list[Any]:
        parts = [layer.mlp.down_proj for layer in model.model.layers]
        return [part.register_forward_pre_hook(lambda _, args: kept.append(args[0])) for part in parts]

    def answer_with_hooks(_: Any) -> dict[str, np.ndarray]:
        # The forward pass alone gives no activity; hooks that are there for this once show what it was.
        handles = add_hooks()
        found = _answer(work())
        kept.clear()
        for handle in handles:
            handle.remove()
        return found

    if hooks:
        add_hooks()
    return work, (_answer if hooks else answer_with_hooks)


def multiunit(*, stop_early: bool = True, **shape: int) -> Any:
    from multiunit.systems import TorchSystem

    size = shape["rows"] * shape["length"]
    system = TorchSystem(llama(), batch_size=size)
    stimuli = list(tokens(shape["rows"] * shape["n_batches"], shape["length"]))

    def work() -> list[torch.Tensor]:
        for batch in system.stream(stimuli, "*.down_proj", stop_early=stop_early):
            last = batch.activity
        return list(last.values())

    return work, _answer


def multiunit_call_by_call(**shape: int) -> Any:
    from multiunit.systems import TorchSystem

    system = TorchSystem(llama(), batch_size=shape["rows"] * shape["length"])
    batches = [list(batch.numpy()) for batch in _batches(**shape)]

    def work() -> list[torch.Tensor]:
        for rows in batches:
            (batch,) = system.stream(rows, "*.down_proj")
        return list(batch.activity.values())

    return work, _answer


def transformer_lens(*, everything: bool = True, **shape: int) -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    with tempfile.TemporaryDirectory() as folder:
        save(llama(), Path(folder))
        model = TransformerBridge.boot_transformers(folder, device="cpu")
    batches = _batches(**shape)
    chosen = {} if everything else {"names_filter": lambda name: name.endswith("mlp.hook_post")}

    def work() -> Any:
        with torch.no_grad():
            for batch in batches:
                _, cache = model.run_with_cache(batch, **chosen)
        return cache

    def answer(cache: Any) -> dict[str, np.ndarray]:
        return _answer([cache[f"blocks.{layer}.mlp.hook_post"] for layer in range(6)])

    return work, answer


def nnsight(**shape: int) -> Any:
    from nnsight import NNsight

    model, batches = NNsight(llama()), _batches(**shape)

    def work() -> list[torch.Tensor]:
        with torch.no_grad():
            for batch in batches:
                last: list[torch.Tensor] = []
                with model.trace(batch, use_cache=False):
                    for layer in model.model.layers:
                        last.append(layer.mlp.down_proj.input.save())
        return last

    return work, _answer


def captum(**shape: int) -> Any:
    from captum.attr import LayerActivation

    model, batches = llama(), _batches(**shape)
    layers = [layer.mlp.down_proj for layer in model.model.layers]

    def forward(ids: torch.Tensor) -> torch.Tensor:
        return model(input_ids=ids, use_cache=False).logits

    look = LayerActivation(forward, layers)

    def work() -> list[torch.Tensor]:
        with torch.no_grad():
            for batch in batches:
                last = look.attribute(batch, attribute_to_layer_input=True)
        return last

    return work, _answer


CONTENDERS = {
    "bare forward": bare,
    "bare forward, inference mode": lambda **shape: bare(grad_mode=torch.inference_mode, **shape),
    "hand-written hooks": lambda **shape: bare(hooks=True, **shape),
    "multiunit": multiunit,
    "multiunit, whole pass": lambda **shape: multiunit(stop_early=False, **shape),
    "multiunit, a call a batch": multiunit_call_by_call,
    "TransformerLens, all": transformer_lens,
    "TransformerLens, MLP only": lambda **shape: transformer_lens(everything=False, **shape),
    "nnsight": nnsight,
    "captum": captum,
}


def report() -> None:
    settings = {
        name: compare(__file__, list(CONTENDERS), shape, reference="bare forward", tolerance=1e-5)
        for name, shape in SHAPES.items()
    }
    goals = []
    for name, least in (("8x128", 1.5), ("1x16", 2.5)):
        for ours in ("multiunit", "multiunit, whole pass"):
            found = ratio(settings[name], ours, "bare forward")
            goals.append(goal(f"{name}: {ours} / bare forward", found, at_most=1.05))
        for ours in ("multiunit", "multiunit, a call a batch"):
            found = ratio(settings[name], "TransformerLens, all", ours)
            goals.append(goal(f"{name}: TransformerLens, all / {ours}", found, at_least=least))
    write(
        "capture",
        work="All 4,224 MLP neurons of a Llama-type model: width 256, 6 layers of 704, random weights.",
        notes="`multiunit` stops after the deepest site asked for and never runs the language head; `whole pass` runs "
        "all that the bare forward runs. A round is 4 batches of 8x128 or 60 of 1x16 tokens; `a call a batch` opens a "
        "new stream for each of them.",
        settings=settings,
        goals=goals,
        packages=["multiunit", "torch", "transformers", "transformer-lens", "nnsight", "captum"],
    )


if __name__ == "__main__":
    main(CONTENDERS, report)
