"""What a language model writes, with and without edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.systems.evaluated import evaluated
from multiunit.systems.torch_system import TorchSystem


def generate(
    system: TorchSystem,
    prompts: Any,
    *,
    n_tokens: int = 40,
    edits: Sequence[Edit] = (),
    temperature: float = 0.0,
    random_state: int = 0,
) -> pd.DataFrame:
    """Continue each prompt while the edits act, the most probable token or a sampled one at a time.

    Args:
        system: a language model with a tokenizer, or one whose stimuli are token numbers.
        prompts: texts or arrays of token numbers, with labels, as `stream` takes them.
        n_tokens: tokens to write, fewer where the model ends the text.
        edits: act on the prompt and on every new token.
        temperature: 0 takes the most probable token.
        random_state: seed of the sampling of each prompt; torch's global generator is left as it was.

    Returns:
        The labels of the prompts with `tokens` (the new token numbers) and, with a tokenizer, `text`.

    Raises:
        InputError: for prompts that are no token sequences, or a module without logits.
    """
    frame = as_stimuli(prompts)
    if n_tokens < 1 or temperature < 0:
        raise InputError("n_tokens", (n_tokens, temperature), "at least one token, and a temperature of 0 or more")
    if not system._is_text(frame):
        raise InputError("prompts", type(frame["stimulus"].iloc[0]).__name__, "must be texts or arrays of tokens")
    sequences = system._sequences(frame)
    if len(sequences.ids) != len(frame):
        raise InputError("prompts", f"{len(sequences.ids)} windows", f"a prompt is longer than {system.window} tokens")
    ends = _end_tokens(system)
    written = []
    with system.edited(edits), evaluated(system.module), torch.inference_mode():
        for ids, counted in zip(sequences.ids, sequences.counted, strict=True):
            # A tokenizer's closing special token would end the text before it begins.
            prompt = ids[: np.flatnonzero(counted)[-1] + 1]
            written.append(_continue(system, prompt, n_tokens, temperature, random_state, ends))
    table = frame.drop(columns="stimulus").assign(tokens=pd.Series(written, dtype=object))
    if system.tokenizer is not None:
        table["text"] = [system._text(tokens) for tokens in written]
    return table


def _continue(
    system: TorchSystem, prompt: np.ndarray, n_tokens: int, temperature: float, seed: int, ends: set[int]
) -> np.ndarray:
    device = system._device()
    generator = torch.Generator().manual_seed(seed)
    # What a model keeps of the tokens before is called `cache`, and `past_key_values` in older releases.
    cache = next((name for name in ("cache", "past_key_values") if system._takes(name)), None)
    tokens, state, new = torch.as_tensor(prompt, device=device)[None], None, []
    fed = tokens
    for _ in range(n_tokens):
        more = {"use_cache": True} if cache else {}
        kept: dict[str, Any] = {cache: state} if cache and state is not None else {}
        output = system.module(**{system._token_argument(): fed}, **more, **kept)
        logits = output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)
        if logits is None or logits.ndim != 3:
            raise InputError("system", system.name, "gives no logits (sequence, position, token)")
        scores = logits[0, -1].float().cpu()
        if temperature:
            chosen = int(torch.multinomial((scores / temperature).softmax(0), 1, generator=generator))
        else:
            chosen = int(scores.argmax())
        if chosen in ends:
            break
        new.append(chosen)
        latest = torch.tensor([[chosen]], device=device)
        tokens = torch.cat([tokens, latest], dim=1)
        state = getattr(output, cache, None) if cache else None
        fed = latest if state is not None else tokens[:, -system.window :]
    return np.array(new, dtype=np.int64)


def _end_tokens(system: TorchSystem) -> set[int]:
    found: set[int] = set()
    for owner in (getattr(system.module, "generation_config", None), system.tokenizer):
        ends = getattr(owner, "eos_token_id", None)
        found.update(ends if isinstance(ends, (list, tuple)) else [] if ends is None else [ends])
    return found
