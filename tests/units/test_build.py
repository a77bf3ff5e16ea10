import numpy as np
import pandas as pd
import pytest
import torch

from multiunit.core import InputError, Recording
from multiunit.networks import TinyTransformer
from multiunit.plots import write_report
from multiunit.statistics.accumulate import accumulate
from multiunit.systems import TorchSystem
from multiunit.units import build_atlas


@pytest.fixture
def system():
    module = TinyTransformer(12, max_positions=16, width=16, n_heads=2, n_layers=2, mlp_width=20, activation="relu")
    return TorchSystem(module, name="tiny")


@pytest.fixture
def stimuli():
    rng = np.random.default_rng(0)
    rows = [rng.integers(6 * (i % 2), 6 * (i % 2) + 6, size=rng.integers(4, 16)) for i in range(60)]
    return pd.DataFrame({"stimulus": rows, "language": ["low", "high"] * 30})


def test_the_numbers_are_those_of_stored_activity(system, stimuli):
    atlas = build_atlas(system, stimuli=stimuli, by="language")
    stored = system.record(stimuli, "*.down")
    activity = stored.activity.astype(float)
    assert atlas.table.index.tolist() == stored.units.index.tolist()
    np.testing.assert_allclose(atlas.table["mean"], activity.mean(0), atol=1e-6)
    np.testing.assert_allclose(atlas.table["standard_deviation"], activity.std(0), atol=1e-6)
    np.testing.assert_allclose(atlas.table["active"], (activity > 0).mean(0), atol=1e-12)
    language = stored.presentations["language"].to_numpy()
    p = np.stack([(activity[language == name] > 0).mean(0) for name in ("high", "low")], axis=1)
    np.testing.assert_allclose(
        atlas.table[["language_neurons.fraction.high", "language_neurons.fraction.low"]], p, atol=1e-12
    )
    top = atlas.details["top"]
    np.testing.assert_allclose(top["value"][:, 0], activity.max(0), atol=1e-6)
    at = stored.presentations.set_index(["sequence_id", "position"])["token_id"]
    best = [at[int(s), int(q)] for s, q in zip(top["sequence_id"][:, 0], top["position"][:, 0], strict=True)]
    assert top["token"].values[:, 0].tolist() == [str(token) for token in best]


def test_controls_are_matched_and_detectors_are_named(system, stimuli):
    atlas = build_atlas(system, stimuli=stimuli, by="language", detectors=["expert_units"])
    for label in ("high", "low"):
        chosen, control = atlas.selection("expert_units", label=label), atlas.control("expert_units", label=label)
        assert len(chosen) == len(control) > 0
        assert not set(chosen) & set(control)
    assert atlas.manifest["detectors"] == ["expert_units"]
    with pytest.raises(InputError, match=r"is no detector; there are: .*, dead_neurons"):
        build_atlas(system, stimuli=stimuli, detectors=["nothing"])


def test_interrupted_and_resumed_it_is_the_same(system, stimuli, tmp_path, monkeypatch):
    system.batch_size = 40
    whole = build_atlas(system, stimuli=stimuli, by="language")
    stream = system.stream

    def breaking(*args, **kwargs):
        for number, batch in enumerate(stream(*args, **kwargs)):
            if number == 7:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setitem(accumulate.__kwdefaults__, "every", 3)
    monkeypatch.setattr(system, "stream", breaking)
    with pytest.raises(KeyboardInterrupt):
        build_atlas(system, stimuli=stimuli, by="language", checkpoint=tmp_path / "c.npz")
    monkeypatch.setattr(system, "stream", stream)
    again = build_atlas(system, stimuli=stimuli, by="language", checkpoint=tmp_path / "c.npz")
    pd.testing.assert_frame_equal(again.table, whole.table)


def test_bad_input_is_named(system, stimuli):
    with pytest.raises(InputError, match="by='colour': is no label"):
        build_atlas(system, stimuli=stimuli, by="colour")
    with pytest.raises(InputError, match="two presentations or more"):
        build_atlas(system, stimuli=[torch.tensor([3])])
    with pytest.raises(InputError, match="has to be shown something"):
        build_atlas(system)
    with pytest.raises(InputError, match="NaN"):
        build_atlas(Recording.from_activity(np.full((5, 2), np.nan)))


def test_a_recording_keeps_its_units_and_labels(tmp_path):
    rng = np.random.default_rng(0)
    condition = np.repeat(["face", "house"], 40)
    activity = rng.normal(size=(80, 6))
    activity[:, 2] += 4 * (condition == "face")
    recording = Recording.from_activity(
        activity, units={"name": list("uvwxyz")}, presentations={"condition": condition}
    )
    atlas = build_atlas(recording, by="condition")
    assert atlas.table["name"].tolist() == list("uvwxyz")
    assert atlas.table["expert_units.score.face"].idxmax() == "unit/2"
    assert atlas.table["expert_units.score.face"].max() > 0.99


def test_the_report_escapes_the_data(tmp_path):
    recording = Recording.from_activity(np.eye(3), presentations={"condition": ["<script>alert(1)</script>", "b", "c"]})
    page = write_report(build_atlas(recording), tmp_path / "report.html").read_text()
    assert "<script>alert" not in page
    assert "\\u003cscript\\u003ealert" in page
    assert page.count("</script>") == 2
