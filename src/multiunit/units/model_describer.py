"""A language model or captioner as the one who describes units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from multiunit.core.errors import InputError

_ENDS = (".", "\n")


class ModelDescriber:
    """Any Hugging Face model that writes text, given as an object, as a `Describer`.

    A causal language model reads texts: log p(d | E) = sum_t log p(d_t | prompt filled with E, d_<t), and the prior
    has the prompt without exemplars. A captioner - a model of `pixel_values` - looks at images:
    log p(d | E) = mean over e in E of sum_t log p(d_t | e, d_<t), and the prior looks at a blank image, or is asked of
    a language model of captions, as MILAN's is.

    Args:
        model: the model as transformers gives it; it is used as it is, on its device, in `eval` mode.
        tokenizer: of the text it writes.
        processor: image processor of a captioner, `processor(images=[...], return_tensors="pt")["pixel_values"]`.
        prompt: text before the description, for language models; `{exemplars}` is where they stand, one a line.
        prior_prompt: the text before it in the prior.
        prior: another `Describer` that is asked for the prior.
        n_proposals: beams, each one a proposal.
        max_new_tokens: of a proposal.
        batch_size: phrases scored at a time.

    Raises:
        InputError: for a model without logits, or a captioner without a processor.

    Source: Hernandez et al. 2022, arXiv:2201.11114, equations 1 and 2. Their captioner attends to all exemplars
    together; averaging the log probabilities of single exemplars is a stand-in for captioners of one image.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        processor: Any = None,
        prompt: str = "Texts:\n{exemplars}\nWhat they have in common, in a few words:",
        prior_prompt: str = "A few words:",
        prior: Any = None,
        n_proposals: int = 5,
        max_new_tokens: int = 12,
        batch_size: int = 32,
    ) -> None:
        if not isinstance(model, torch.nn.Module) or not hasattr(model, "generate"):
            raise InputError("model", type(model).__name__, "needs a Hugging Face model that generates text")
        if "{exemplars}" not in prompt:
            raise InputError("prompt", prompt, "must say where the {exemplars} stand")
        self.sees = getattr(model, "main_input_name", "input_ids") == "pixel_values"
        if self.sees and processor is None:
            raise InputError("processor", None, "a captioner needs its image processor")
        self.model: Any = model
        self.tokenizer, self.processor = tokenizer, processor
        self.prompt, self.prior_prompt, self.prior = prompt, prior_prompt, prior
        self.n_proposals, self.max_new_tokens, self.batch_size = n_proposals, max_new_tokens, batch_size

    def log_probability(self, phrases: Sequence[str], exemplars: Sequence[Any] | None = None) -> np.ndarray:
        if exemplars is None and self.prior is not None:
            return np.asarray(self.prior.log_probability(phrases))
        if not self.sees:
            head = self._prompt(exemplars)
            return np.concatenate([self._after(head, part) for part in self._parts(phrases)])
        pixels = self._pixels(exemplars)
        seen = [[self._caption(image, part) for part in self._parts(phrases)] for image in pixels]
        return np.mean([np.concatenate(parts) for parts in seen], axis=0)

    def propose(self, exemplars: Sequence[Any]) -> list[str]:
        beams: dict[str, Any] = {"num_beams": self.n_proposals, "num_return_sequences": self.n_proposals}
        beams |= {"do_sample": False, "max_new_tokens": self.max_new_tokens, "pad_token_id": self._padding()}
        if self.sees:
            written = [self._generate({"pixel_values": image[None]}, 0, beams) for image in self._pixels(exemplars)]
        else:
            ids = self._ids(self._prompt(exemplars))
            tokens = torch.tensor([ids], device=self._device())
            inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
            written = [self._generate(inputs, len(ids), beams)]
        return list(dict.fromkeys(text for texts in written for text in texts if text))

    # --- inside -------------------------------------------------------------------------------------------------

    def _prompt(self, exemplars: Sequence[Any] | None) -> str:
        if exemplars is None:
            return self.prior_prompt
        lines = [exemplar if isinstance(exemplar, str) else ", ".join(sorted(exemplar)) for exemplar in exemplars]
        return self.prompt.replace("{exemplars}", "\n".join(f"- {' '.join(line.split())}" for line in lines))

    def _parts(self, phrases: Sequence[str]) -> list[Sequence[str]]:
        return [phrases[i : i + self.batch_size] for i in range(0, len(phrases), self.batch_size)]

    def _ids(self, text: str, *, special: bool = True) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _after(self, head: str, phrases: Sequence[str]) -> np.ndarray:
        """log p of every phrase after the same prompt."""
        before = self._ids(head)
        written = [self._ids(f" {phrase}", special=False) for phrase in phrases]
        rows = [before + ids for ids in written]
        longest = max(map(len, rows))
        tokens = torch.full((len(rows), longest), self._padding())
        mask = torch.zeros_like(tokens)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)], mask[row, : len(ids)] = torch.tensor(ids), 1
        with torch.no_grad():
            inputs = {"input_ids": tokens.to(self._device()), "attention_mask": mask.to(self._device())}
            logits = self._evaluated(**inputs).logits.float().log_softmax(-1).cpu()
        return np.array([_summed(logits[row], ids, len(before) - 1) for row, ids in enumerate(written)])

    def _caption(self, image: torch.Tensor, phrases: Sequence[str]) -> np.ndarray:
        """log p of every phrase as the caption of one image."""
        config = getattr(self.model.config, "decoder", self.model.config)
        start = getattr(self.model.config, "decoder_start_token_id", None)
        for name in ("bos_token_id", "cls_token_id"):
            start = getattr(config, name, None) if start is None else start
        if start is None:
            raise InputError("model", type(self.model).__name__, "says no decoder_start_token_id in its config")
        written = [self._ids(phrase, special=False) for phrase in phrases]
        longest = max(map(len, written))
        tokens = torch.full((len(written), longest + 1), self._padding())
        tokens[:, 0] = start
        for row, ids in enumerate(written):
            tokens[row, 1 : len(ids) + 1] = torch.tensor(ids)
        pixels = image[None].expand(len(written), *image.shape)
        # Encoder-decoders name the caption's tokens otherwise than models like BLIP and GIT.
        name = "decoder_input_ids" if getattr(self.model.config, "is_encoder_decoder", False) else "input_ids"
        with torch.no_grad():
            output = self._evaluated(**{"pixel_values": pixels, name: tokens.to(self._device())})
        logits = output.logits.float()
        # GIT puts the image before the text.
        logits = logits[:, logits.shape[1] - tokens.shape[1] :].log_softmax(-1).cpu()
        return np.array([_summed(logits[row], ids, 0) for row, ids in enumerate(written)])

    def _pixels(self, exemplars: Sequence[Any] | None) -> torch.Tensor:
        blank = exemplars is None
        images = [np.full((64, 64, 3), 127, dtype=np.uint8)] if exemplars is None else list(exemplars)
        pixels = self.processor(images=images, return_tensors="pt")["pixel_values"].to(self._device())
        return torch.zeros_like(pixels) if blank else pixels

    def _generate(self, inputs: dict[str, Any], n_before: int, options: dict[str, Any]) -> list[str]:
        training = self.model.training
        self.model.eval()
        with torch.no_grad():
            tokens = self.model.generate(**inputs, **options)
        self.model.train(training)
        texts = [self.tokenizer.decode(row[n_before:].tolist(), skip_special_tokens=True) for row in tokens]
        for end in _ENDS:
            texts = [text.strip().split(end)[0] for text in texts]
        return [" ".join(text.split()) for text in texts]

    def _evaluated(self, **inputs: Any) -> Any:
        training = self.model.training
        self.model.eval()
        output = self.model(**inputs)
        self.model.train(training)
        return output

    def _padding(self) -> int:
        for token in (getattr(self.tokenizer, name, None) for name in ("pad_token_id", "eos_token_id")):
            if isinstance(token, int):
                return token
        return 0

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _summed(logits: torch.Tensor, ids: list[int], first: int) -> float:
    """The log probability of tokens of which the first is predicted at position `first`."""
    if not ids:
        raise InputError("phrases", "", "a phrase gives no token")
    return float(logits[first : first + len(ids)].gather(1, torch.tensor(ids)[:, None]).sum())
