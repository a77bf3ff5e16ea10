def test_the_stages_lose_the_same_and_all_systems_are_probed(smoke_claim):
    result = smoke_claim("foveated-texture-vision")
    ssim = [result.measured[f"{stage}_ssim"] for stage in ("texture", "blur", "uniform")]
    assert max(ssim) - min(ssim) < 0.05
    assert 0.3 < min(ssim) < 0.9
    values = result.control | result.measured
    for stage in ("reference", "texture", "blur", "uniform", "random_gaze"):
        assert 0 <= values[f"{stage}_accuracy"] <= 1
        assert -1 <= values[f"{stage}_centre_bias"] <= 1
