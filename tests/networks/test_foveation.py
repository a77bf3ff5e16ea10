import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.foveation import Foveation, gaussian_blur, pooling_windows
from multiunit.tasks.frequency_filters import low_pass

SIZE = (48, 64)


@pytest.fixture
def images():
    return torch.rand(3, 3, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("gaze", [(0.5, 0.5), (0.0, 1.0), (0.3, 0.8)])
@pytest.mark.parametrize("scaling", [0.3, 0.5, 1.0, 8.0])
def test_windows_sum_to_one_and_the_fovea_is_whole(gaze, scaling):
    windows, ring = pooling_windows(SIZE, gaze=gaze, scaling=scaling, fovea=0.2)
    np.testing.assert_allclose(windows.sum(axis=0), 1, atol=1e-5)
    assert windows.min() >= 0
    row, column = np.indices(SIZE) + 0.5
    e = np.hypot(row - gaze[0] * 48, column - gaze[1] * 64)
    assert (windows[0][e <= 0.2 * 48] > 1 - 1e-6).all()
    assert (windows[0][e > 0.2 * 48 * np.exp(2 * np.arcsinh(scaling / 2))] == 0).all()
    assert len(ring) == len(windows)


@pytest.mark.parametrize("scaling", [0.3, 0.5])
def test_windows_grow_in_proportion_to_eccentricity(scaling):
    windows, ring = pooling_windows((400, 400), scaling=scaling, fovea=0.05)
    row, column = np.indices((400, 400)) + 0.5 - 200
    e = np.hypot(row, column)
    for k in range(2, ring.max() - 1):
        band = windows[ring == k].sum(axis=0)
        # Of a ring, the part at half height or more, along one line from the gaze.
        line = e[200, 200:][band[200, 200:] >= 0.5]
        middle = 0.05 * 400 * np.exp(2 * np.arcsinh(scaling / 2) * k)
        assert abs((line.max() - line.min()) / middle - scaling) < 3 / middle
        # And as many sectors in each ring: as wide as long.
        assert (ring == k).sum() == round(2 * np.pi / scaling)


@pytest.mark.parametrize("mode", ["texture", "shuffle", "blur"])
def test_the_fovea_is_seen_as_it_is_wherever_the_gaze_goes(images, mode):
    seen = Foveation(SIZE, mode=mode, gaze=(0.4, 0.7), fovea=0.2)(images)
    row, column = np.indices(SIZE) + 0.5
    near = torch.from_numpy(np.hypot(row - 0.4 * 48, column - 0.7 * 64) <= 0.2 * 48)
    np.testing.assert_allclose(seen[..., near], images[..., near], atol=1e-5)
    far = torch.from_numpy(np.hypot(row - 0.4 * 48, column - 0.7 * 64) > 25)
    assert (seen - images)[..., far].abs().mean() > 0.05


def test_texture_keeps_what_a_window_holds_but_not_where():
    # Colours that vary together, more on one side than on the other.
    common, own = torch.randn(2, 1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    contrast = torch.linspace(0.05, 0.2, 64)
    image = 0.5 + contrast * (0.9 * common[:, :1] + 0.4 * own) * torch.tensor([1.0, 0.7, 0.4])[:, None, None]
    stage = Foveation(SIZE, random_state=1)
    seen = stage(image)
    weights = [w / w.sum() for w in stage.windows[stage.ring >= 2] if (w > 0.5).sum() >= 20]
    assert len(weights) >= 8

    def statistics(x, w):
        rest = x[0] - (w * x[0]).sum((1, 2), keepdim=True)
        covariance = torch.einsum("hw,chw,dhw->cd", w, rest, rest)
        spread = covariance.diagonal().sqrt()
        return (w * x[0]).sum((1, 2)), spread, covariance / torch.outer(spread, spread)

    for w in weights:
        (mean, spread, r), (mean_seen, spread_seen, r_seen) = statistics(image, w), statistics(seen, w)
        np.testing.assert_allclose(mean_seen, mean, atol=0.05)
        np.testing.assert_allclose(spread_seen, spread, rtol=0.25)
        np.testing.assert_allclose(r_seen, r, atol=0.15)
    far = stage.windows[torch.from_numpy(stage.ring >= 3)].sum(0) > 0.9
    order = np.corrcoef(seen[0, :, far].flatten(), image[0, :, far].flatten())[0, 1]
    assert order < 0.6


def test_without_noise_texture_is_the_image(images):
    seen = Foveation(SIZE, strength=0.0)(images)
    np.testing.assert_allclose(seen, images, atol=1e-4)
    weak, strong = (Foveation(SIZE, strength=s)(images) for s in (0.3, 1.0))
    assert (seen - images).abs().mean() < (weak - images).abs().mean() < (strong - images).abs().mean()


def test_shuffled_pixels_stay_in_their_windows(images):
    stage = Foveation(SIZE, mode="shuffle")
    seen, owner = stage(images), stage.windows.argmax(0)
    for k in range(len(stage.windows)):
        before, after = (x[1, :, owner == k].T for x in (images, seen))
        assert sorted(map(tuple, before.tolist())) == sorted(map(tuple, after.tolist()))


def test_blur_grows_with_eccentricity_and_is_gaussian(images):
    np.testing.assert_allclose(gaussian_blur(images, sigma=1.7), low_pass(images.numpy(), sigma=1.7), atol=1e-5)
    spot = torch.zeros(1, 1, *SIZE)
    spot[0, 0, 24, [32, 44, 60]] = 1
    seen = Foveation(SIZE, mode="blur", blur=0.1)(spot)[0, 0]
    assert seen[24, 32] > 0.999
    assert seen[24, 32] > seen[24, 44] > 2 * seen[24, 60] > 0
    assert torch.equal(Foveation(SIZE, mode="none")(spot), spot)


def test_noise_is_its_own_and_follows_from_the_seed(images):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, again, other = (Foveation(SIZE, random_state=s)(images) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    stage = Foveation(SIZE)
    assert not torch.allclose(stage(images), stage(images))


def test_plain_and_single_channel_images_stay_finite():
    plain = torch.full((2, 1, *SIZE), 0.5)
    seen = Foveation(SIZE)(plain)
    assert (seen - plain).abs().max() < 0.05


@pytest.mark.parametrize("mode", ["texture", "shuffle", "blur"])
def test_an_image_within_the_fovea_is_left_as_it_is(images, mode):
    assert torch.allclose(Foveation(SIZE, mode=mode, fovea=2.0)(images), images)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: pooling_windows((8, 8), scaling=0.0), "above 0"),
        (lambda: pooling_windows((8, 8), gaze=(0.5, 1.5)), "shares of the size"),
        (lambda: Foveation((8, 8), mode="sharp"), "none of texture"),
        (lambda: Foveation((8, 8), strength=2.0), "share of noise"),
        (lambda: Foveation((8, 8), n_bands=0), "a band or more"),
        (lambda: Foveation((8, 8))(torch.zeros(1, 1, 8, 9)), "batch, channel"),
        (lambda: Foveation((8, 8))(torch.full((1, 1, 8, 8), torch.nan)), "finite"),
        (lambda: gaussian_blur(torch.zeros(8, 8), sigma=-1.0), "0 pixels or more"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()
