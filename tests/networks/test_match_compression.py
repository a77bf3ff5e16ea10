import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.maths.structural_similarity import structural_similarity
from multiunit.networks.foveation import Foveation, gaussian_blur
from multiunit.networks.match_compression import match_compression


@pytest.fixture
def images():
    noise = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    return gaussian_blur(noise, sigma=1.0)


def blurred(sigma, images):
    return gaussian_blur(images, sigma=sigma)


@pytest.mark.parametrize("sigma", [0.4, 1.3, 4.0])
def test_a_blur_matched_to_itself_is_found(images, sigma):
    target = structural_similarity(blurred(sigma, images), images).mean()
    found = match_compression(blurred, images, target=target, high=10.0, tolerance=1e-5)
    assert abs(found.parameter - sigma) < 0.02 * sigma
    assert abs(found.ssim - target) < 1e-5


def test_two_blurs_lose_the_same(images):
    def foveated(blur, x):
        return Foveation((32, 32), mode="blur", blur=blur)(x)

    found = match_compression(foveated, images, target=0.9, high=2.0)
    uniform = match_compression(blurred, images, target=0.9, high=10.0)
    scores = [
        structural_similarity(foveated(found.parameter, images), images).mean(),
        structural_similarity(blurred(uniform.parameter, images), images).mean(),
    ]
    np.testing.assert_allclose(scores, 0.9, atol=0.002)


def test_what_cannot_be_reached_is_said(images):
    with pytest.raises(InputError, match="SSIM goes from 1 at 0"):
        match_compression(blurred, images, target=0.2, high=0.1)
    with pytest.raises(InputError, match="jumps"):
        match_compression(lambda p, x: x if p < 0.3 else 1 - x, images, target=0.5, high=1.0)
