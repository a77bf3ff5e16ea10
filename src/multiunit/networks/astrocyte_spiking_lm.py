"""A language model of spiking units with astrocytes: its memory of the text does not grow with the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.astrocyte_leaky import AstroLIF, Modulated
from multiunit.networks.tiny_transformer import Mlp

_MODES = ("gain", "threshold", "trace", "none")


class AstroSpikingLM(nn.Module):
    """Predict the next token by blocks of spiking units in place of attention.

    Each block adds W s(norm(x)) + b, s the spikes of an `AstroLIF`, and then down(gelu(up(norm(x)))) to the residual
    stream x, which starts as the token's embedding; logits are norm(x) E', E the embedding. Spikes carry all that
    passes from one position to the next, through the states of the units.

    Args:
        n_tokens: size of the vocabulary.
        width: units of the residual stream.
        n_units: spiking units of a block; as many as `width` if None.
        depth: blocks.
        mode: of the astrocytes, see `AstroLIF`; `trace` is `gain`, with their states sent on beside the spikes.
        tau_membrane, tau_astrocyte: see `AstroLIF`.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for an unknown mode, or no tokens, units or blocks.

    Source: in the spirit of AstroSNN, arXiv:2312.07625. Reconstructed: its architecture could not be read.

    >>> net = AstroSpikingLM(10, width=8, depth=1)
    >>> net(torch.tensor([[1, 2, 3, 4]])).shape, net.generate([1, 2], 3).shape
    (torch.Size([1, 4, 10]), (5,))
    """

    def __init__(
        self,
        n_tokens: int,
        *,
        width: int = 128,
        n_units: int | None = None,
        depth: int = 2,
        mode: str = "gain",
        tau_membrane: float | tuple[float, float] = 2.0,
        tau_astrocyte: tuple[float, float] = (10.0, 1000.0),
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise InputError("mode", mode, f"is one of {', '.join(_MODES)}")
        for name, value in (("n_tokens", n_tokens), ("width", width), ("depth", depth)):
            if value < 1:
                raise InputError(name, value, "must be at least 1")
        rng = np.random.default_rng(random_state)
        n_units = width if n_units is None else n_units
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            self.embedding = nn.Embedding(n_tokens, width)
            nn.init.normal_(self.embedding.weight, std=width**-0.5)
            self.blocks = nn.ModuleList(
                _Block(
                    AstroLIF(
                        width,
                        n_units,
                        mode="gain" if mode == "trace" else mode,
                        tau_membrane=tau_membrane,
                        tau_astrocyte=tau_astrocyte,
                        random_state=rng,
                    ),
                    trace=mode == "trace",
                )
                for _ in range(depth)
            )
            self.norm = nn.LayerNorm(width)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits `(sequence, position, token)` from token ids `(sequence, position)`.

        A unit sees nothing that comes later, so the padding at the end that `attention_mask` marks needs no care.

        Raises:
            InputError: for padding before tokens, which would be read as text.
        """
        if attention_mask is not None and bool((attention_mask.long().diff(dim=1) > 0).any()):
            raise InputError("attention_mask", tuple(attention_mask.shape), "padding must stand at the end")
        return self._run(input_ids, None)[0]

    def spikes(self, input_ids: torch.Tensor) -> list[torch.Tensor]:
        """The spikes of every block, `(position, sequence, unit)`."""
        return [run.spikes for run in self._run(input_ids, None)[1]]

    def generate(
        self, prompt: Sequence[int] | np.ndarray, n: int, *, random_state: int | np.random.Generator = 0
    ) -> np.ndarray:
        """Go on after a prompt by n tokens, each drawn with its probability: prompt and tokens, int64 `(position,)`.

        Only the states of the units are kept: a token costs the same after a long text as after a short one.

        Raises:
            InputError: for an empty prompt or n below 1.
        """
        if not len(prompt) or n < 1:
            name, value = ("n", n) if len(prompt) else ("prompt", prompt)
            raise InputError(name, value, "needs at least one token")
        rng = np.random.default_rng(random_state)
        said = [int(token) for token in prompt]
        states: list[Mapping[str, torch.Tensor]] | None = None
        new = torch.tensor([said])
        with torch.no_grad():
            for _ in range(n):
                logits, runs = self._run(new, states)
                states = [run.final for run in runs]
                p = logits[0, -1].double().softmax(0).numpy()
                said.append(int(rng.choice(len(p), p=p / p.sum())))
                new = torch.tensor([said[-1:]])
        return np.array(said, dtype=np.int64)

    def _run(
        self, input_ids: torch.Tensor, states: list[Mapping[str, torch.Tensor]] | None
    ) -> tuple[torch.Tensor, list[Modulated]]:
        x = self.embedding(input_ids.T)
        runs = []
        for number, block in enumerate(self.blocks):
            x, run = block(x, None if states is None else states[number])
            runs.append(run)
        return (self.norm(x) @ self.embedding.weight.T).transpose(0, 1), runs


class _Block(nn.Module):
    """Spiking units, then an MLP, each added to the residual stream `(position, sequence, unit)`."""

    def __init__(self, layer: AstroLIF, *, trace: bool) -> None:
        super().__init__()
        self.layer, self.trace = layer, trace
        self.layer_norm = nn.LayerNorm(layer.n_in)
        self.output = nn.Linear(layer.n_units * (2 if trace else 1), layer.n_in)
        self.mlp_norm = nn.LayerNorm(layer.n_in)
        self.mlp = Mlp(layer.n_in, 4 * layer.n_in, "gelu")

    def forward(self, x: torch.Tensor, state: Mapping[str, torch.Tensor] | None) -> tuple[torch.Tensor, Modulated]:
        run = self.layer(self.layer_norm(x), state=state)
        x = x + self.output(torch.cat([run.spikes, run.astrocyte], -1) if self.trace else run.spikes)
        return x + self.mlp(self.mlp_norm(x)), run
