import numpy as np
import pandas as pd
import pytest
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.detect import detect
from multiunit.units.language_neurons import language_neurons
from multiunit.units.question import Question

SITES = "layers.*.mlp.down"


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"stimulus": [rng.integers(9, size=7) for _ in range(30)], "language": ["a", "b", "c"] * 10})


def test_it_is_the_detector_on_stored_activity(texts):
    system = TorchSystem(TinyTransformer(9, max_positions=8, width=16, n_heads=2, activation="relu"))
    question = Question(by="language", labels=("a", "b", "c"))
    found = detect(language_neurons, system, stimuli=texts, question=question, sites=SITES, top=0.1, random_state=3)
    stored = system.record(texts, SITES)
    x, language = stored.activity, stored.presentations["language"].to_numpy()
    active = np.stack([(x[language == k] > 0).sum(axis=0) for k in "abc"], axis=1)
    ids = {"unit_id": ("unit", found["unit_id"].values), "site": ("unit", found["site"].values)}
    firing = xr.Dataset(
        {"active": (("unit", "group"), active), "n": ("group", [(language == k).sum() for k in "abc"])}, ids
    ).assign_coords(group=["a", "b", "c"])
    moments = xr.Dataset({"mean": ("unit", x.mean(axis=0, dtype=np.float64))}, ids)
    expected = language_neurons(firing=firing, moments=moments, top=0.1, random_state=3)
    assert np.array_equal(found["score"], expected["score"])
    assert np.array_equal(found["selected"], expected["selected"])
    assert np.allclose(found["mean_activity"], x.mean(axis=0), atol=1e-6)
    assert found["unit_id"].values.tolist() == stored.units.index.tolist()


def test_bad_input_is_named(texts):
    system = TorchSystem(TinyTransformer(9, max_positions=8, width=16, n_heads=2))
    with pytest.raises(InputError, match="does not concern language_neurons"):
        detect(language_neurons, system, stimuli=texts, question=Question())
    with pytest.raises(InputError, match="is no detector"):
        detect(np.mean, system, stimuli=texts, question=Question())
