import warnings

import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.units.describe_units import Describer, PhraseStatistics, best_phrases
from multiunit.units.model_describer import ModelDescriber

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ["<pad>", "<s>", "<unk>", "red", "blue", "car", "dog", "-", "Words", ":", "Few"]


@pytest.fixture(scope="module")
def tokenizer():
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    inner = tokenizers.Tokenizer(model)
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", unk_token="<unk>"
    )


@pytest.fixture(scope="module")
def writer(tokenizer):
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=0
    )
    model = transformers.GPT2LMHeadModel(config)
    prompt = "Words :\n{exemplars}\nFew :"
    return ModelDescriber(model, tokenizer, prompt=prompt, prior_prompt="Few :", n_proposals=3, max_new_tokens=3)


def test_phrases_get_the_probability_of_their_tokens(writer, tokenizer):
    assert isinstance(writer, Describer)
    found = writer.log_probability(["red car", "dog"], ["blue dog"])
    ids = tokenizer("Words : - blue dog Few :")["input_ids"]
    for phrase, value in zip(["red car", "dog"], found, strict=True):
        tokens = tokenizer(phrase)["input_ids"]
        with torch.no_grad():
            logits = writer.model.eval()(torch.tensor([ids + tokens])).logits[0].log_softmax(-1)
        expected = sum(float(logits[len(ids) - 1 + i, token]) for i, token in enumerate(tokens))
        assert value == pytest.approx(expected, abs=1e-5)
    assert not np.allclose(writer.log_probability(["red car", "dog"]), found)


def test_probabilities_of_words_sum_to_less_than_one(writer):
    words = [word for word in WORDS if word not in ("<pad>", "<s>", "<unk>")]
    assert np.exp(writer.log_probability(words, [{"red", "car"}])).sum() < 1.0


def test_it_writes_proposals_and_labels(writer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proposals = writer.propose(["red car", "blue car"])
        labels = best_phrases([["red car"], ["blue dog"]], writer, candidates=["red", "dog", "car"])
    assert len(proposals) <= 3
    assert all(isinstance(text, str) for text in proposals)
    assert set(labels.phrase[:, 0]) <= {"red", "dog", "car"}


def test_captioners_look_at_images(tokenizer):
    torch.manual_seed(0)
    vision = transformers.ViTConfig(
        image_size=8, patch_size=4, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    text = transformers.GPT2Config(
        vocab_size=len(WORDS), n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=0, add_cross_attention=True
    )
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id, config.pad_token_id = 1, 0
    model = transformers.VisionEncoderDecoderModel(config).eval()

    def processor(images, return_tensors):
        return {"pixel_values": torch.stack([torch.as_tensor(i).float()[:8, :8].permute(2, 0, 1) for i in images])}

    prior = PhraseStatistics([{"red"}, {"dog"}])
    looker = ModelDescriber(model, tokenizer, processor=processor, prior=prior, n_proposals=2, max_new_tokens=3)
    images = list(np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32"))
    found = looker.log_probability(["red", "blue car"], images)
    singles = [looker.log_probability(["red", "blue car"], [image]) for image in images]
    np.testing.assert_allclose(found, np.mean(singles, axis=0), rtol=1e-5)
    assert not np.allclose(singles[0], singles[1])
    pixels = torch.stack([torch.as_tensor(image).permute(2, 0, 1) for image in images[:1]])
    with torch.no_grad():
        logits = model(pixel_values=pixels, decoder_input_ids=torch.tensor([[1]])).logits[0, 0].log_softmax(-1)
    assert singles[0][0] == pytest.approx(float(logits[WORDS.index("red")]), abs=1e-5)
    np.testing.assert_allclose(looker.log_probability(["red"]), prior.log_probability(["red"]))
    assert all(isinstance(text, str) for text in looker.propose(images))
    without = ModelDescriber(model, tokenizer, processor=processor)
    assert np.isfinite(without.log_probability(["red"])).all()


def test_what_is_refused(writer, tokenizer):
    with pytest.raises(InputError, match="model"):
        ModelDescriber(torch.nn.Linear(1, 1), tokenizer)
    with pytest.raises(InputError, match="prompt"):
        ModelDescriber(writer.model, tokenizer, prompt="nothing")
    with pytest.raises(InputError, match="no token"):
        writer.log_probability([""], ["red"])
