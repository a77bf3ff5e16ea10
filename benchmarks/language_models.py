"""Language models of given shapes with random weights, and random tokens for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

VOCABULARY = 4096


def llama(*, n_layers: int = 6) -> Any:
    """A Llama of width 256 with MLPs of 704 units."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=n_layers,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=512,
    )
    return transformers.LlamaForCausalLM(config).eval()


def gpt2() -> Any:
    """A GPT-2 small without its language head: 12 layers of 3072 MLP units."""
    torch.manual_seed(0)
    return transformers.GPT2Model(transformers.GPT2Config(use_cache=False)).eval()


def stories() -> Any:
    """A real model: the Llama of 5 layers of 172 MLP units that writes little stories.

    Raises:
        InputError: without the real data.
    """
    from multiunit.tasks import data_folder

    return transformers.AutoModelForCausalLM.from_pretrained(data_folder("lm_stories260k")).eval()


def save(model: Any, folder: Path) -> None:
    """The model's directory, with a tokenizer of whole words: some libraries open no model without one."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"unk_token": "w0", "pad_token": "w0", "bos_token": "w1", "eos_token": "w2"}
    transformers.utils.logging.disable_progress_bar()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)
    model.save_pretrained(folder)


def text(n_sequences: int, length: int) -> np.ndarray:
    """Shakespeare in the tokens of `stories` `(sequence, position)`, from the beginning again where it ends.

    Raises:
        InputError: without the real data.
    """
    from multiunit.tasks import data_folder

    tokenizer = transformers.AutoTokenizer.from_pretrained(data_folder("lm_stories260k"))
    lines = (data_folder("text_shakespeare") / "input.txt").read_text().split("\n\n")
    ids = np.array([i for line in tokenizer(lines, add_special_tokens=False)["input_ids"] for i in line])
    return np.resize(ids, (n_sequences, length))


def tokens(n_sequences: int, length: int) -> np.ndarray:
    """Random tokens `(sequence, position)`, none of them special."""
    return np.random.default_rng(0).integers(3, VOCABULARY, size=(n_sequences, length))
