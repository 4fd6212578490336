import pytest
import torch
from torch import Generator

from wildsr.ops.noise import (
    centred_patches,
    correlate_channels,
    gaussian_noise,
    inject_noise,
    photon_rates,
    poisson_noise,
    sample_normal,
    sample_poisson,
    speckle_noise,
)


def generator() -> Generator:
    return Generator().manual_seed(7)


@pytest.mark.parametrize("one_channel", [False, True])
def test_levels_are_standard_deviations(one_channel: bool) -> None:
    x = torch.full((2, 3, 128, 128), 0.5)
    drawn = sample_normal(x, generator(), one_channel)
    assert drawn.shape == (2, 1 if one_channel else 3, 128, 128)
    sigma = torch.tensor([0.02, 0.1])
    for noisy, factor in ((gaussian_noise(x, drawn, sigma), 1.0), (speckle_noise(x, drawn, sigma), 0.5)):
        assert noisy.shape == x.shape
        torch.testing.assert_close(noisy.std((1, 2, 3)), factor * sigma, rtol=0.03, atol=0)
        assert torch.allclose(noisy[:, 0], noisy[:, 1]) == one_channel


def test_draws_are_those_of_the_generator() -> None:
    x = torch.zeros(1, 3, 4, 4)
    state = torch.get_rng_state()
    assert torch.equal(sample_normal(x, generator()), sample_normal(x, generator()))
    assert torch.equal(torch.get_rng_state(), state)


def test_correlated_channels_have_their_covariance() -> None:
    basis = torch.linalg.qr(torch.rand(2, 3, 3, dtype=torch.float64, generator=generator())).Q
    weights = torch.tensor([[0.9, 0.3, 0.1], [0.5, 0.5, 0.5]], dtype=torch.float64)
    wanted = (basis.mT @ torch.diag_embed(weights) @ basis).abs()
    drawn = sample_normal(torch.zeros(2, 3, 300, 300, dtype=torch.float64), generator())
    correlated = correlate_channels(drawn, wanted).flatten(2)
    for channels, covariance in zip(correlated, wanted, strict=True):
        values, vectors = torch.linalg.eigh(covariance)
        definite = vectors @ values.abs().diag() @ vectors.T
        torch.testing.assert_close(torch.cov(channels), definite, rtol=0, atol=0.02)


@pytest.mark.parametrize("one_channel", [False, True])
def test_poisson_noise_is_that_of_photons(one_channel: bool) -> None:
    x = torch.full((2, 3, 100, 100), 0.4)
    photons = torch.tensor([100.0, 1000.0])
    counts = sample_poisson(photon_rates(x, photons, one_channel), generator())
    noisy = poisson_noise(x, counts, photons)
    torch.testing.assert_close(noisy.mean((1, 2, 3)), torch.full((2,), 0.4), rtol=0.01, atol=0)
    torch.testing.assert_close(noisy.var((1, 2, 3)), 0.4 / photons, rtol=0.05, atol=0)
    assert torch.allclose(noisy[:, 0], noisy[:, 1]) == one_channel


def test_patches_add_no_colour() -> None:
    patches = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(centred_patches(patches).mean((-2, -1)), torch.zeros(2, 3), rtol=0, atol=1e-6)
    noisy = inject_noise(torch.rand(2, 3, 16, 16), patches)
    assert noisy.min() >= 0
    assert noisy.max() <= 1
