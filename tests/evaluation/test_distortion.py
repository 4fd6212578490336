"""PSNR and SSIM: arguments, errors, and independence of strips."""

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from wildsr.evaluation import distortion, planes
from wildsr.evaluation.distortion import psnr, psnr_of_means, ssim


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small images do not need many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pair(height: int = 37, width: int = 45) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(2, 3, height, width, generator=generator)
    noise = torch.randn(2, 3, height, width, generator=generator)
    return (truth + 0.1 * noise).clamp(0, 1), truth


METRICS = [psnr, ssim, psnr_of_means]


@pytest.mark.parametrize("metric", METRICS)
def test_one_value_per_image(metric: Callable[..., Tensor]) -> None:
    result, truth = pair()
    both = metric(result, truth, 3)
    assert both.shape == (2,)
    assert both.dtype == torch.float64
    alone = torch.cat([metric(result[index, None], truth[index, None], 3) for index in range(2)])
    torch.testing.assert_close(both, alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("channels", ["rgb", "y"])
def test_equal_images(channels: planes.Channels) -> None:
    for image in (pair()[0], torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)):
        assert (psnr(image, image, channels=channels) == math.inf).all()
        assert (psnr_of_means(image, image) == math.inf).all()
        similar = ssim(image, image, channels=channels)
        torch.testing.assert_close(similar, torch.ones_like(similar), rtol=0, atol=1e-12)


def test_constant_images() -> None:
    black, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    assert psnr(black, white).item() == 0
    assert psnr(black, white, channels="y").item() == pytest.approx(20 * math.log10(255 / 219))
    assert ssim(black, white).item() == pytest.approx(6.5025 / (255**2 + 6.5025))


def test_floor() -> None:
    image = pair()[0]
    assert psnr(image, image, floor=1e-8).tolist() == pytest.approx([80, 80])


def test_rounding() -> None:
    truth = torch.full((1, 3, 16, 16), 100 / 255)
    result = truth + 0.4 / 255
    assert psnr(result, truth).item() == math.inf
    assert psnr(result, truth, rounding="none").item() == pytest.approx(20 * math.log10(255 / 0.4), abs=1e-3)
    blue = truth.clone()
    blue[:, 2] += 1 / 255  # a tenth of a level of Y
    assert math.isfinite(psnr(blue, truth, channels="y").item())
    assert psnr(blue, truth, channels="y", rounding="rgb+y").item() == math.inf


def test_border() -> None:
    result, truth = pair()
    inner = (..., slice(5, -5), slice(5, -5))
    for metric in METRICS:
        torch.testing.assert_close(metric(result, truth, 5), metric(result[inner], truth[inner]))


def test_means_see_a_shift_and_no_detail() -> None:
    truth = torch.full((1, 3, 16, 16), 0.4)
    shuffled = truth.clone()
    shuffled[..., ::2] += 51 / 255
    shuffled[..., 1::2] -= 51 / 255
    assert psnr_of_means(shuffled, truth).item() == math.inf
    red = truth.clone()
    red[:, 0] += 51 / 255
    assert psnr_of_means(red, truth).item() == pytest.approx(-10 * math.log10(0.04 / 3))


def test_ssim_is_that_of_scikit_image() -> None:
    result, truth = ((x * 255).round() for x in pair())
    expected = [
        structural_similarity(
            a.permute(1, 2, 0).double().numpy(),
            b.permute(1, 2, 0).double().numpy(),
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        for a, b in zip(result, truth, strict=True)
    ]
    assert ssim(result / 255, truth / 255).tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("channels", ["rgb", "y"])
def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch, channels: planes.Channels) -> None:
    result, truth = pair()
    whole = [metric(result, truth, channels=channels) for metric in (psnr, ssim)]

    def few(height: int, row: int, pixels: int = 0) -> Iterator[slice]:  # noqa: ARG001
        return planes.strips(height, row, pixels=7 * row)

    monkeypatch.setattr(distortion, "strips", few)
    for metric, expected in zip((psnr, ssim), whole, strict=True):
        torch.testing.assert_close(metric(result, truth, channels=channels), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_refusals(metric: Callable[..., Tensor]) -> None:
    good = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="different shapes"):
        metric(good, torch.rand(1, 3, 16, 17))
    with pytest.raises(ValueError, match="different shapes"):
        metric(good, torch.rand(2, 3, 16, 16))
    with pytest.raises(ValueError, match="RGB"):
        metric(good[0], good[0])
    with pytest.raises(ValueError, match="RGB"):
        metric(good[:, :1], good[:, :1])
    with pytest.raises(ValueError, match="floating point"):
        metric(good.long(), good.long())
    with pytest.raises(ValueError, match="too small"):
        metric(good, good, 8)
    with pytest.raises(ValueError, match="border"):
        metric(good, good, -1)


def test_ssim_needs_its_window() -> None:
    ssim(torch.rand(1, 3, 11, 11), torch.rand(1, 3, 11, 11))
    with pytest.raises(ValueError, match="needs 11x11"):
        ssim(torch.rand(1, 3, 10, 40), torch.rand(1, 3, 10, 40))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("metric", METRICS)
def test_on_a_gpu(metric: Callable[..., Tensor]) -> None:
    result, truth = pair()
    value = metric(result.cuda(), truth.cuda())
    assert value.is_cuda
    torch.testing.assert_close(value.cpu(), metric(result, truth), rtol=1e-9, atol=0)
