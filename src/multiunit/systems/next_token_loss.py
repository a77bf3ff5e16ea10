"""How well a language model predicts each text: the mean cross-entropy of the next token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.systems.batches import labels, pad
from multiunit.systems.evaluated import evaluated
from multiunit.systems.torch_system import TorchSystem


def next_token_loss(system: TorchSystem, stimuli: Any, *, edits: Sequence[Edit] = ()) -> pd.DataFrame:
    """Mean next-token cross-entropy of each stimulus, in nats: `-mean log p(token[t + 1] | tokens up to t)`.

    Returns:
        The stimuli's labels with `loss` and `n_tokens`, one row a stimulus; a text that was cut into windows counts
        all their predictions. A stimulus of a single token predicts nothing and has loss NaN.

    Raises:
        InputError: if the stimuli are no token sequences, or the module gives no logits.
    """
    frame = as_stimuli(stimuli)
    if not system._is_text(frame):
        raise InputError("stimuli", type(frame["stimulus"].iloc[0]).__name__, "next-token loss needs token sequences")
    total, n_tokens = np.zeros(len(frame)), np.zeros(len(frame), dtype=np.int64)
    with system.edited(edits), evaluated(system.module), torch.no_grad():
        for inputs, rows, sequences in system._batches(frame, True, 0, True):
            assert sequences is not None
            output = system.module(**inputs)
            logits = output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)
            if logits is None or logits.ndim != 3:
                raise InputError("system", system.name, "gives no logits (sequence, position, token)")
            # One call for all sequences of the batch: what follows each token, and whether that counts - padding and a
            # closing special token do not.
            following, _ = pad([sequences.ids[row][1:] for row in rows], 0)
            counted, _ = pad([sequences.counted[row][1:] for row in rows], 0)
            wanted = torch.as_tensor(counted.astype(bool), device=logits.device)
            scores = logits[:, : following.shape[1]][wanted].float()
            target = torch.as_tensor(following, device=logits.device)[wanted]
            losses = functional.cross_entropy(scores, target, reduction="none").double().cpu().numpy()
            owners = sequences.stimulus[rows][np.nonzero(counted)[0]]
            np.add.at(total, owners, losses)
            np.add.at(n_tokens, owners, 1)
    loss = np.divide(total, n_tokens, out=np.full(len(frame), np.nan), where=n_tokens > 0)
    return pd.DataFrame(labels(frame, np.arange(len(frame))) | {"loss": loss, "n_tokens": n_tokens})
