import numpy as np

from multiunit.papers.configurable_bricks import SITES, _bricked, _kind, _labelled, _losses
from multiunit.systems.hugging_face import open_hugging_face
from multiunit.systems.next_token_loss import next_token_loss


def test_kinds_of_tokens():
    kinds = [_kind(token) for token in (".", "\u2581", "<0x0A>", "ing", "\u2581the", "\u2581Lily", "\u2581The")]
    expected = ["punctuation"] * 3 + ["rest of a word", "function word", "other word", "function word"]
    assert kinds == expected


def test_losses_and_labels_follow_the_stories(shared_data):
    system = open_hugging_face(shared_data("lm_stories260k"))
    stories = np.stack(
        [system.tokenizer(t)["input_ids"][:6] for t in ("Once upon a time there was", "She saw a big dog.")]
    )
    losses = _losses(system, stories, [])
    assert np.allclose(losses.mean(axis=1), next_token_loss(system, list(stories))["loss"], atol=1e-5)
    recording = _labelled(system, stories)
    assert len(recording.presentations) == losses.size
    row = recording.presentations.iloc[2]
    following = system.tokenizer.convert_ids_to_tokens(int(stories[row["sequence_id"], row["position"] + 1]))
    assert row["next"] == _kind(following)
    sites = recording.units["site"].unique()
    assert len(sites) == 5
    everything = {site: np.zeros(172, dtype=int) for site in sites}
    assert np.isclose(_bricked(system, stories, everything), losses.mean())
    assert _bricked(system, stories, {site: np.arange(172) % 8 for site in sites}) > losses.mean()
    assert SITES.startswith("model")


def test_smoke_scale_finds_modules_that_permuted_activity_lacks(smoke_claim):
    result = smoke_claim("configurable-bricks")
    assert 0 < result.measured["loss"] < 4
    assert result.measured["modularity"] > result.control["shuffled_modularity"]
    assert result.measured["brick_loss"] > result.measured["loss"]
