"""The ways to filter agree with each other and with SciPy's conventions."""

import pytest
import torch

from wildsr.ops.borders import Border
from wildsr.ops.filtering import filter_per_sample, filter_separably, filter_spectrally, wiener_filter

BORDERS: list[Border] = ["reflect", "symmetric", "circular", "replicate"]


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 6), (30, 30)])
@pytest.mark.parametrize("flip", [True, False])
def test_spectra_convolve(border: Border, size: tuple[int, int], flip: bool) -> None:
    images, kernels = noise(2, 3, 21, 26), noise(2, *size)
    directly = filter_per_sample(images, kernels, border, flip)
    torch.testing.assert_close(filter_spectrally(images, kernels, border, flip), directly, rtol=0, atol=1e-12)


def test_spectra_in_single_precision() -> None:
    images, kernel = noise(1, 3, 50, 60), noise(1, 25, 25)
    kernel /= kernel.sum()
    exact = filter_per_sample(images, kernel)
    torch.testing.assert_close(filter_spectrally(images.float(), kernel).double(), exact, rtol=0, atol=2e-6)


def test_spectra_have_gradients() -> None:
    images, kernels = noise(1, 1, 6, 7).requires_grad_(), noise(1, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(filter_spectrally, (images, kernels))


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 4, 7, 40])
def test_separable_kernels(border: Border, every: int, length: int) -> None:
    images, profiles = noise(2, 3, 17, 20), noise(2, length)
    kernels = profiles[:, :, None] * profiles[:, None]
    expected = filter_per_sample(images, kernels, border)[..., ::every, ::every]
    torch.testing.assert_close(filter_separably(images, profiles, border, every), expected)
    alone = filter_separably(images[:1], profiles[0], border, every)
    torch.testing.assert_close(alone, expected[:1])


@pytest.mark.parametrize("filtered", [filter_per_sample, filter_spectrally])
def test_a_kernel_for_each_or_for_all(filtered: object) -> None:
    assert callable(filtered)
    with pytest.raises(ValueError, match="2 images need kernels of shape"):
        filtered(noise(2, 3, 9, 9), noise(3, 5, 5))


def test_wieners_filter_removes_noise_and_keeps_edges() -> None:
    step = torch.zeros(1, 3, 40, 60)
    step[..., 30:] = 0.6
    noisy = step + torch.randn(step.shape, generator=torch.Generator().manual_seed(0)) * 0.02
    clean = wiener_filter(noisy, 0.03)
    flat = (..., slice(None), slice(5, 25))
    assert float((clean - step)[flat].std()) < 0.3 * float((noisy - step)[flat].std())
    assert float((clean[..., 30] - clean[..., 29]).mean()) > 0.55
    torch.testing.assert_close(wiener_filter(step, 0.0), step, atol=1e-6, rtol=0)
