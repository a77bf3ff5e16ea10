import pytest
import torch
from torch import nn

from multiunit.systems import TorchSystem, find_sites

transformers = pytest.importorskip("transformers", reason="needs the extra hf")

SIZES = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
WORDS = dict(vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
GPT = dict(n_embd=32, n_layer=2, n_head=4, n_inner=48)
SIDES = dict(
    d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=48, decoder_ffn_dim=48,
    encoder_attention_heads=4, decoder_attention_heads=4,
)  # fmt: skip
IMAGE = dict(image_size=32, patch_size=8)

# family: model, configuration, and the first MLP's down projection
TEXT = {
    "Llama": (SIZES, "model.layers.0.mlp.down_proj"),
    "Mistral": ({**SIZES, "num_key_value_heads": 2}, "model.layers.0.mlp.down_proj"),
    "Qwen3": ({**SIZES, "num_key_value_heads": 2, "head_dim": 8}, "model.layers.0.mlp.down_proj"),
    "Gemma2": ({**SIZES, "num_key_value_heads": 2, "head_dim": 16}, "model.layers.0.mlp.down_proj"),
    "Phi": (SIZES, "model.layers.0.mlp.fc2"),
    "Phi3": (SIZES, "model.layers.0.mlp.down_proj"),
    "Olmo2": (SIZES, "model.layers.0.mlp.down_proj"),
    "GPT2": (GPT, "h.0.mlp.c_proj"),
    "GPTJ": ({**GPT, "rotary_dim": 4}, "h.0.mlp.fc_out"),
    "GPTNeoX": (SIZES, "layers.0.mlp.dense_4h_to_h"),
    "OPT": (dict(hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32),
            "decoder.layers.0.fc2"),
    "Bloom": (dict(hidden_size=32, n_layer=2, n_head=4), "h.0.mlp.dense_4h_to_h"),
    "Falcon": (dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4), "h.0.mlp.dense_4h_to_h"),
    "Mpt": (dict(d_model=32, n_layers=2, n_heads=4), "blocks.0.ffn.down_proj"),
    "Starcoder2": ({**SIZES, "num_key_value_heads": 2}, "model.layers.0.mlp.c_proj"),
    "Bert": (SIZES, "encoder.layer.0.output.dense"),
    "Roberta": (SIZES, "encoder.layer.0.output.dense"),
    "DistilBert": (dict(dim=32, hidden_dim=48, n_layers=2, n_heads=4), "transformer.layer.0.ffn.lin2"),
    "Electra": (SIZES, "encoder.layer.0.output.dense"),
    "DebertaV2": (SIZES, "encoder.layer.0.output.dense"),
    "MPNet": (SIZES, "encoder.layer.0.output.dense"),
    "ModernBert": ({**SIZES, "cls_token_id": 1, "sep_token_id": 2}, "layers.0.mlp.Wo"),
}  # fmt: skip
VISION = {
    "ViT": ({**SIZES, **IMAGE}, "layers.0.mlp.fc2", 48),
    "CLIPVision": ({**SIZES, **IMAGE}, "encoder.layers.0.mlp.fc2", 48),
    "SiglipVision": ({**SIZES, **IMAGE}, "encoder.layers.0.mlp.fc2", 48),
    "Dinov2": (dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8),
               "encoder.layer.0.mlp.fc2", 128),
    "Swin": (dict(image_size=32, patch_size=2, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4),
             "encoder.layers.0.blocks.0.mlp.fc2", 64),
}  # fmt: skip


def hidden_size(config):
    for key in ("intermediate_size", "ffn_dim", "n_inner", "hidden_dim"):
        if getattr(config, key, None):
            return getattr(config, key)
    return 4 * config.hidden_size


def build(family, sizes, words=WORDS):
    config = getattr(transformers, f"{family}Config")(**sizes, **words)
    torch.manual_seed(0)
    name = f"{family}Model"
    if not hasattr(transformers, name) or family in (
        "Llama",
        "Mistral",
        "Qwen3",
        "Gemma2",
        "Phi",
        "Phi3",
        "Olmo2",
        "Starcoder2",
    ):
        name = f"{family}ForCausalLM"
    return getattr(transformers, name)(config).eval(), config


@pytest.mark.parametrize("family", TEXT)
def test_text_families_have_their_neurons_and_heads(family):
    sizes, name = TEXT[family]
    module, config = build(family, sizes)
    system = TorchSystem(module)
    ids = [torch.tensor([3, 4, 5, 6])]
    table = system.sites(ids)
    neurons = table[table["kind"] == "mlp-neuron"]
    assert neurons.index[0] == name
    assert len(neurons) == 2
    assert (neurons["n_units"] == hidden_size(config)).all()
    heads = table[table["kind"] == "attention-head"]
    assert len(heads) == 2
    assert (heads["n_heads"] == 4).all()
    assert (table["kind"] == "residual").sum() == 2


@pytest.mark.parametrize("family", VISION)
def test_vision_families(family):
    sizes, name, width = VISION[family]
    module, _ = build(family, sizes, {})
    images = torch.rand(2, 3, 32, 32)
    table = TorchSystem(module).sites(images)
    neurons = table[table["kind"] == "mlp-neuron"]
    assert neurons.index[0] == name
    assert neurons["n_units"].iloc[0] == width
    assert len(neurons) == 2
    assert (table["kind"] == "residual").sum() == 2
    recording = TorchSystem(module).record(images, name)
    assert recording.activity.shape == (2, width)


def test_the_neurons_are_the_input_of_the_down_projection():
    module, _ = build("Llama", SIZES)
    ids = torch.tensor([[5, 9, 11]])
    mlp = module.model.layers[1].mlp
    seen = {}
    mlp.register_forward_pre_hook(lambda _, args: seen.update(x=args[0].detach()))
    module(ids)
    expected = mlp.act_fn(mlp.gate_proj(seen["x"])) * mlp.up_proj(seen["x"])
    got = TorchSystem(module).record(list(ids), "model.layers.1.mlp.down_proj").activity
    torch.testing.assert_close(torch.from_numpy(got), expected[0].detach(), rtol=0, atol=0)


def test_a_shared_layer_is_one_site_a_call():
    sizes = {**SIZES, "num_hidden_layers": 3, "embedding_size": 16}
    module, _ = build("Albert", sizes)
    ids = [torch.tensor([3, 4, 5])]
    system = TorchSystem(module)
    table = system.sites(ids)
    neurons = table[table["kind"] == "mlp-neuron"]
    assert [name.partition("@")[2] for name in neurons.index] == ["", "1", "2"]
    recording = system.record(ids, "*ffn_output*")
    assert recording.activity.shape == (3, 3 * 48)
    first, second = recording.activity[:, :48], recording.activity[:, 48:96]
    assert abs(first - second).max() > 1e-4


def test_fused_experts_have_no_site_of_their_own_but_attention_has():
    module, _ = build("Mixtral", {**SIZES, "num_key_value_heads": 2, "num_local_experts": 2})
    kinds = [site.kind for site in find_sites(module)]
    assert kinds.count("attention-head") == 2
    assert kinds.count("mlp-neuron") == 0


def test_an_mlp_of_unknown_names_is_found_by_its_shapes():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = nn.ModuleDict({"q": nn.Linear(8, 8), "proj": nn.Linear(8, 8)})
            self.attn.num_heads = 2
            self.widen, self.narrow = nn.Linear(8, 20), nn.Linear(20, 8)

        def forward(self, x):
            x = x + self.attn["proj"](self.attn["q"](x))
            return x + self.narrow(self.widen(x).relu())

    module = nn.Sequential(Block(), Block())
    found = {site.name: (site.kind, site.n_units, site.n_heads) for site in find_sites(module)}
    assert found["0.narrow"] == ("mlp-neuron", 20, 1)
    assert found["1.attn.proj"] == ("attention-head", 8, 2)
    assert found["0"] == ("residual", 8, 1)
