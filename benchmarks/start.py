"""start: what a new process pays, for `import multiunit` and from there to the first activity of a model on disk."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import REPETITIONS, agree, environment, goal, ratio, tabulate, write

LENGTH, N_LAYERS = 16, 6
Answer = dict[str, np.ndarray]


def hooks(folder: Path) -> Answer:
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    kept: list[Any] = []
    for layer in model.model.layers:
        layer.mlp.down_proj.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    with torch.no_grad():
        model(input_ids=torch.as_tensor(_tokens()), use_cache=False)
    return _answer(kept)


def multiunit(folder: Path) -> Answer:
    from multiunit.systems import open_hugging_face

    found = open_hugging_face(folder, device="cpu").record(_tokens(), "*.down_proj")
    sites = found.units["site"].to_numpy()
    return _answer([found.activity[:, sites == site] for site in dict.fromkeys(sites)])


def transformer_lens(folder: Path) -> Answer:
    import torch
    from transformer_lens.model_bridge import TransformerBridge

    model = TransformerBridge.boot_transformers(folder, device="cpu")
    with torch.no_grad():
        _, cache = model.run_with_cache(torch.as_tensor(_tokens()))
    return _answer([cache[f"blocks.{layer}.mlp.hook_post"] for layer in range(N_LAYERS)])


def nnsight(folder: Path) -> Answer:
    import torch
    from nnsight import LanguageModel

    model = LanguageModel(str(folder), device_map="cpu", dispatch=True)
    kept: list[Any] = []
    with torch.no_grad(), model.trace(torch.as_tensor(_tokens()), use_cache=False):
        for layer in model.model.layers:
            kept.append(layer.mlp.down_proj.input.save())
    return _answer(kept)


def _tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 4096, size=(1, LENGTH))


def _answer(layers: list[Any]) -> Answer:
    return {f"layer {i}": np.asarray(layer).reshape(LENGTH, -1) for i, layer in enumerate(layers)}


IMPORTS = {
    "nothing": "pass",
    "multiunit": "import multiunit",
    "TransformerLens": "import transformer_lens",
    "nnsight": "import nnsight",
}
FIRST: dict[str, Callable[[Path], Answer]] = {
    "transformers and hooks": hooks,
    "multiunit": multiunit,
    "TransformerLens": transformer_lens,
    "nnsight": nnsight,
}
# The last thing that every process does is to say how much memory it took.
PEAK = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"


def one_process(arguments: list[str]) -> dict[str, float]:
    """Start a Python, wait for its end; its times from beginning to end, and its whole peak memory."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], env=environment(), stdout=said, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (said, errors):
            stream.seek(0)
        if process.returncode:
            raise RuntimeError(f"{arguments} stopped:\n{errors.read()[-3000:]}")
        peak = int(said.read().splitlines()[-1]) * 1024
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": peak}


def compare(commands: dict[str, list[str]], *, reference: str) -> dict[str, Any]:
    """All contenders in turn, each round in new processes; the first, which fills the caches of files, is warm-up."""
    warm = {name: one_process(arguments) for name, arguments in commands.items()}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(REPETITIONS):
        for name, arguments in commands.items():
            rounds[name].append(one_process(arguments))
    found = tabulate(rounds, reference=reference)
    for name in commands:
        found[name] |= {"warm_up": warm[name], "peak_bytes": max(took["peak"] for took in rounds[name])}
    return {"setting": {}, "reference": reference, "tolerance": None, "contenders": found}


def report() -> None:
    with tempfile.TemporaryDirectory() as place:
        # In a process of its own: this one stays small, because what it starts begins with its size.
        code = "import sys, pathlib, language_models as m; m.save(m.llama(), pathlib.Path(sys.argv[1]))"
        options: dict[str, Any] = {"cwd": Path(__file__).parent, "env": environment(), "capture_output": True}
        subprocess.run([sys.executable, "-c", code, place], check=True, **options)
        imports = compare({name: ["-c", f"{line}\n{PEAK}"] for name, line in IMPORTS.items()}, reference="nothing")
        commands = {name: [__file__, "--contender", name, "--folder", place] for name in FIRST}
        ready = compare(commands, reference="transformers and hooks")
        answers = {name: dict(np.load(Path(place) / f"{name}.npz")) for name in FIRST}
    ready["tolerance"] = 1e-5
    for name, difference in agree(answers, reference="transformers and hooks", tolerance=1e-5).items():
        ready["contenders"][name]["difference"] = difference
    goals = [
        goal(
            "import multiunit, seconds of a whole process",
            imports["contenders"]["multiunit"]["wall"]["median"],
            at_most=0.3,
        )
    ]
    for peer in ("TransformerLens", "nnsight"):
        goals.append(goal(f"first activity: {peer} / multiunit", ratio(ready, peer, "multiunit"), at_least=1))
    write(
        "start",
        work="Two questions to new processes: `import multiunit`; and from nothing to the activity of all MLP neurons "
        "on 16 tokens, with the model of `capture` opened from its directory.",
        notes="Times and memory are those of whole processes; `nothing` is the interpreter alone. Goals of the first "
        "activity compare processor time.",
        settings={"import": imports, "first activity": ready},
        goals=goals,
        packages=["multiunit", "torch", "transformers", "transformer-lens", "nnsight"],
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contender", choices=list(FIRST))
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.contender is None:
        report()
        return
    np.savez(chosen.folder / f"{chosen.contender}.npz", **FIRST[chosen.contender](chosen.folder))
    exec(PEAK)


if __name__ == "__main__":
    main()
