import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

from multiunit.core import InputError, SiteError
from multiunit.systems import TorchSystem
from multiunit.units.feature_visualization import CENTRE_BIASED, Phase
from multiunit.units.multifaceted_visualization import (
    FROM_MEAN,
    Facets,
    facet_means,
    facets,
    multifaceted_visualization,
)

TEMPLATES = np.zeros((3, 1, 6, 6), dtype=np.float32)
TEMPLATES[0, 0, :, 0], TEMPLATES[1, 0, 0, :], TEMPLATES[2, 0, 3:5, 3:5] = 1, 1, 1


class Max(nn.Module):
    """A unit that likes whatever one of three templates likes."""

    def forward(self, x):
        return nn.functional.relu(x - 1.0)


@pytest.fixture
def many_faces():
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3, bias=False), Max(), nn.Linear(3, 1, bias=False))
    net[1].weight.data.copy_(torch.as_tensor(TEMPLATES.reshape(3, 36) - 0.3))
    nn.init.ones_(net[3].weight)
    rng = np.random.default_rng(0)
    face = rng.integers(3, size=90)
    images = np.clip(TEMPLATES[face] + 0.1 * rng.normal(size=(90, 1, 6, 6)), 0, 1).astype(np.float32)
    blank = np.zeros((40, 1, 6, 6), dtype=np.float32)
    return TorchSystem(net), np.concatenate([blank, images]), face


@pytest.mark.parametrize("embed", ["pca", "tsne"])
def test_the_planted_facets_are_found_and_each_gets_its_image(many_faces, embed):
    system, images, face = many_faces
    found = multifaceted_visualization(
        system, images, unit="3/0", code_site="1", n_top=90, n_facets=3, embed=embed, phases=[Phase(n_steps=40)]
    )
    rows = found["stimulus"].values
    assert rows.min() >= 40
    assert adjusted_rand_score(face[rows - 40], found["facet_of"].values) == 1.0
    assert found["size"].values.tolist() == sorted(np.bincount(face).tolist(), reverse=True)
    assert (found["activation"] > found["start_activation"]).all()
    likeness = np.einsum("fcyx,tcyx->ft", found["image"].values, TEMPLATES - 0.3)
    assert sorted(likeness.argmax(axis=1).tolist()) == [0, 1, 2]
    nearest = found["exemplar"].values
    for facet in range(3):
        members = nearest[facet][nearest[facet] >= 0]
        np.testing.assert_allclose(found["start"].values[facet], images[members].mean(axis=0), rtol=1e-5)
        assert set(found["facet_of"].values[np.isin(rows, members)]) == {facet}


def test_means_are_taken_after_the_systems_preparation(many_faces):
    system, images, _ = many_faces
    options = {"unit": "3/0", "code_site": "1", "n_top": 90, "n_facets": 3, "embed": "pca"}
    plain = multifaceted_visualization(system, images, **options)
    photos = (255 * images.transpose(0, 2, 3, 1)).astype(np.float64)

    def prepare(stimuli):
        return {"input": torch.as_tensor(np.stack(stimuli) / 255, dtype=torch.float32).movedim(-1, 1)}

    found = multifaceted_visualization(TorchSystem(system.module, prepare=prepare), photos, **options)
    np.testing.assert_allclose(found["start"], plain["start"], atol=1e-5)
    np.testing.assert_array_equal(found["exemplar"], plain["exemplar"])


def test_the_default_steps_keep_the_start_in_the_picture(many_faces):
    system, images, _ = many_faces
    options = {"unit": "3/0", "code_site": "1", "n_top": 90, "n_facets": 3, "embed": "pca"}
    alike = []
    for phases in (FROM_MEAN, CENTRE_BIASED):
        found = multifaceted_visualization(system, images, phases=phases, **options)
        pairs = zip(found["image"].values, found["start"].values, strict=True)
        alike.append(np.mean([np.corrcoef(made.ravel(), start.ravel())[0, 1] for made, start in pairs]))
    assert alike[0] > alike[1]


def test_the_number_of_facets_can_be_found():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2, 3], 20)
    codes = 5 * np.eye(4)[kind] + 0.2 * rng.normal(size=(80, 4))
    found = facets(codes, n_facets="auto", embed="pca")
    assert found.distance.shape == (80, 4)
    assert adjusted_rand_score(kind, found.label) == 1.0
    assert abs(adjusted_rand_score(rng.permutation(kind), found.label)) < 0.1


def test_edges():
    assert facets(np.ones((5, 3)), n_facets=3).label.tolist() == [0] * 5
    assert facets(np.eye(2), n_facets=2, embed="pca").distance.shape == (2, 2)
    few, nearest = facet_means(np.arange(4.0)[:, None], Facets(np.array([0, 0, 0, 1]), np.zeros((4, 2))), n_mean=2)
    assert few.tolist() == [[0.5], [3.0]]
    assert [len(rows) for rows in nearest] == [2, 1]


def test_what_is_refused(many_faces):
    system, images, _ = many_faces
    for options in ({"n_facets": 0}, {"n_facets": 20}, {"n_facets": "many"}, {"embed": "umap"}):
        with pytest.raises(InputError, match=next(iter(options))):
            facets(np.eye(4), **{"n_facets": 2, **options})
    with pytest.raises(InputError, match="codes"):
        facets(np.full((4, 2), np.nan))
    with pytest.raises(InputError, match="n_top"):
        multifaceted_visualization(system, images, unit="3/0", code_site="1", n_top=0)
    with pytest.raises(SiteError, match="3/7"):
        multifaceted_visualization(system, images, unit="3/7", code_site="1")
    with pytest.raises(InputError, match="stimuli"):
        multifaceted_visualization(system, images.reshape(-1, 36), unit="3/0", code_site="1", embed="pca")
