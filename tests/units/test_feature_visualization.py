import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import Ablate, InputError, Replace, SiteError
from multiunit.networks.tiny_vit import TinyViT
from multiunit.systems import TorchSystem
from multiunit.units.feature_visualization import (
    CENTRE_BIASED,
    Phase,
    feature_visualization,
    gaussian_blur,
    noise_images,
    total_variation_gradient,
)


@pytest.fixture
def template():
    """A linear unit whose best image within [0, 1] is known: 1 where its weight is positive, 0 elsewhere."""
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 36, 3, bias=False), nn.ReLU(inplace=True))
    weight = torch.as_tensor(rng.normal(size=(3, 72)), dtype=torch.float32)
    net[1].weight.data.copy_(weight)
    return TorchSystem(net), weight.reshape(3, 2, 6, 6).numpy()


def test_the_known_best_image_is_found(template):
    system, weight = template
    start = noise_images(3, (2, 6, 6), random_state=0)
    found = feature_visualization(system, "1/1", start=start, phases=[Phase(n_steps=200, step=0.05)])
    best = (weight[1] > 0).astype(float)
    for image in found["image"].values:
        assert (abs(image - best) < 0.01).mean() > 0.95
    np.testing.assert_allclose(found["activation"], np.maximum(weight[1], 0).sum(), rtol=0.01)
    assert found["trace"].sizes == {"picture": 3, "step": 200}
    np.testing.assert_allclose(found["start_activation"], found["trace"][:, 0])


def test_it_leaves_no_trace_and_is_reproducible(template):
    system, _ = template
    before = {name: value.clone() for name, value in system.module.state_dict().items()}
    options = {"start": noise_images(2, (2, 6, 6)), "phases": [Phase(n_steps=9, jitter=3, blur=0.5)]}
    state = torch.get_rng_state()
    one, two, other = (feature_visualization(system, "1/0", random_state=seed, **options) for seed in (5, 5, 6))
    assert torch.equal(state, torch.get_rng_state())
    assert one.equals(two)
    assert not one.equals(other)
    assert all(torch.equal(value, before[name]) for name, value in system.module.state_dict().items())
    assert all(parameter.grad is None for parameter in system.module.parameters())
    assert not system.module[1]._forward_hooks
    assert not system.module[1]._forward_pre_hooks


def test_batches_do_not_matter(template):
    system, _ = template
    start = noise_images(5, (2, 6, 6))
    whole = feature_visualization(system, "1/2", start=start, phases=[Phase(n_steps=5, jitter=1)])
    system.batch_size = 2
    parts = feature_visualization(system, "1/2", start=start, phases=[Phase(n_steps=5, jitter=1)])
    np.testing.assert_allclose(whole["image"], parts["image"], atol=1e-6)


def test_edits_of_the_system_hold(template):
    system, _ = template
    with system.edited([Ablate(["1/0"])]):
        found = feature_visualization(system, "2/0", start=noise_images(1, (2, 6, 6)), phases=[Phase(n_steps=3)])
    assert found["activation"].item() == 0.0


def test_only_the_centre_changes_and_regularisers_do_what_they_say(template):
    system, _ = template
    start = noise_images(1, (2, 6, 6))

    def made(**options):
        return feature_visualization(system, "1/0", start=start, phases=[Phase(n_steps=20, **options)])["image"].values

    changed = (made(centre=0.34, blur=1.0, decay=0.1, total_variation=0.1) != start)[0].any(axis=0)
    assert changed.sum() == 4
    assert changed[2:4, 2:4].all()
    assert (made(centre=0.01) != start)[0].any(axis=0).sum() == 4
    rough = abs(np.diff(made())).mean()
    assert abs(np.diff(made(total_variation=1.0))).mean() < 0.7 * rough
    assert abs(np.diff(made(blur=1.0))).mean() < 0.7 * rough
    assert made(decay=0.2).mean() < 0.8 * made().mean()


def test_what_the_callers_surroundings_are_does_not_matter(template):
    system, _ = template
    options = {"start": noise_images(2, (2, 6, 6)), "phases": [Phase(n_steps=4)]}
    plain = feature_visualization(system, "1/0", **options)
    for surroundings in (torch.inference_mode(), torch.no_grad()):
        with surroundings:
            assert feature_visualization(system, "1/0", **options).equals(plain)
    # Start images are those of the module: a preparation of stimuli does not touch them.
    prepared = TorchSystem(system.module, prepare=lambda stimuli: torch.zeros(len(stimuli), 1))
    assert feature_visualization(prepared, "1/0", **options).equals(plain)
    as_tensor = {**options, "start": torch.as_tensor(options["start"])}
    assert feature_visualization(system, "1/0", **as_tensor).equals(plain)


def test_images_of_other_ranges_are_made_within_them():
    net = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False))
    net[0].weight.data.copy_(torch.tensor([1.0, -1.0])[None, :, None, None])
    bounds = ([-2.0, 0.0], [3.0, 10.0])
    start = noise_images(1, (2, 4, 4), bounds=bounds)
    found = feature_visualization(TorchSystem(net), "0/0", start=start, bounds=bounds)
    np.testing.assert_allclose(found["image"][0, 0], 3.0)
    np.testing.assert_allclose(found["image"][0, 1], 0.0)
    assert found.attrs == {"unit_id": "0/0", "bounds": [[-2.0, 0.0], [3.0, 10.0]]}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_climb(template, dtype):
    system, weight = template
    system.module.to(dtype)
    found = feature_visualization(
        system, "1/0", start=noise_images(1, (2, 6, 6)), phases=[Phase(n_steps=60, step=0.05)]
    )
    assert found["activation"].item() > 0.9 * np.maximum(weight[0], 0).sum()


def test_activity_held_at_a_constant_leaves_the_image(template):
    system, _ = template
    start = noise_images(1, (2, 6, 6))
    with system.edited([Replace("1", lambda activity: torch.ones_like(activity))]):
        found = feature_visualization(system, "2/0", start=start, phases=[Phase(n_steps=2)])
    np.testing.assert_array_equal(found["image"], start)
    assert found["activation"].item() == 1.0


def test_tokens_of_a_vision_transformer_are_places():
    system = TorchSystem(TinyViT(n_classes=3, n_layers=1))
    start = noise_images(2, (3, 32, 32))
    for unit in ("patch_embedding/0", "layers.0/3"):
        found = feature_visualization(system, unit, start=start, phases=[Phase(n_steps=4)])
        assert (found["activation"] > found["start_activation"]).all()


def test_places_of_a_map():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    nn.init.ones_(net[0].weight)
    start = np.full((1, 1, 5, 5), 0.5, dtype=np.float32)
    start[0, 0, 0, 0] = 0.6
    changed = {}
    for where in ("mean", "max", "centre"):
        found = feature_visualization(TorchSystem(net), "1/0", start=start, phases=[Phase(n_steps=1)], where=where)
        changed[where] = np.argwhere(found["image"].values[0, 0] > start[0, 0])
    assert len(changed["mean"]) == 25
    assert changed["max"].tolist() == [[0, 0]]
    assert changed["centre"].tolist() == [[2, 2]]


def test_a_silent_unit_leaves_the_image():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    nn.init.constant_(net[0].weight, -1.0)
    start = np.full((1, 1, 3, 3), 0.5, dtype=np.float32)
    found = feature_visualization(TorchSystem(net), "1/0", start=start, phases=[Phase(n_steps=3)])
    np.testing.assert_array_equal(found["image"], start)


def test_total_variation_is_the_gradient_of_its_formula():
    x = torch.rand(1, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def total(image):
        down, right = (
            np.diff(image, axis=-2, append=image[..., -1:, :]),
            np.diff(image, axis=-1, append=image[..., -1:]),
        )
        return ((down**2 + right**2) ** 0.75).sum()

    gradient = total_variation_gradient(x, beta=1.5).numpy()
    for place in ((0, 0, 1, 2), (0, 1, 3, 4)):
        near = x.numpy().copy()
        near[place] += 1e-6
        assert gradient[place] == pytest.approx((total(near) - total(x.numpy())) / 1e-6, abs=1e-4)
    spot = torch.zeros(1, 1, 9, 9)
    spot[0, 0, 4, 4] = 1
    assert gaussian_blur(spot, sigma=1.0).sum().item() == pytest.approx(1.0)
    assert gaussian_blur(spot, sigma=0.0) is spot


def test_what_is_refused(template):
    system, _ = template
    start = noise_images(1, (2, 6, 6))
    with pytest.raises(SiteError, match="1/9"):
        feature_visualization(system, "1/9", start=start, phases=[Phase(n_steps=1)])
    with pytest.raises(SiteError, match="nowhere"):
        feature_visualization(system, "nowhere/0", start=start)
    for options, match in (
        ({"start": start[0]}, "start"),
        ({"start": [start[0], start[0, :, :3]]}, "start"),
        ({"start": np.full_like(start, np.nan)}, "start"),
        ({"start": start, "bounds": (1.0, 0.0)}, "bounds"),
        ({"start": start, "bounds": 3}, "bounds"),
        ({"start": start, "phases": ()}, "phases"),
        ({"start": start, "where": "edge"}, "where"),
    ):
        with pytest.raises(InputError, match=match):
            feature_visualization(system, "1/0", **options)
    for options in ({"n_steps": 0}, {"decay": -1}, {"last_step": -1.0}, {"step": np.nan}, {"centre": 0.0}):
        with pytest.raises(InputError, match=next(iter(options))):
            Phase(**options)
    assert sum(phase.n_steps for phase in CENTRE_BIASED) == 200
    system.module[1].weight.data[0, 0] = np.inf
    with pytest.raises(InputError, match="not finite"):
        feature_visualization(system, "1/0", start=start, phases=[Phase(n_steps=1)])


class Windows(nn.Module):
    """Cuts each image in two before its layer, as networks with windows do."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x.reshape(2 * len(x), -1))


def test_rows_that_are_no_images_are_refused():
    with pytest.raises(SiteError, match="4 rows of activity for 2 images"):
        feature_visualization(TorchSystem(Windows()), "layer/0", start=noise_images(2, (2, 2, 2)))
