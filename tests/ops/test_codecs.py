from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.diff_jpeg import differentiable_jpeg, smooth_round, table_factor
from wildsr.ops.jpeg import jpeg
from wildsr.ops.webp import webp


def smooth_image(height: int = 48, width: int = 40) -> Tensor:
    coarse = 0.3 + 0.4 * torch.rand(1, 3, 4, 3, generator=torch.Generator().manual_seed(1))
    return F.interpolate(coarse, (height, width), mode="bicubic")


def error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())


@pytest.mark.parametrize("codec", [jpeg, webp])
def test_codecs_lose_more_at_lower_quality(codec: Callable[[Tensor, int], Tensor]) -> None:
    image = smooth_image(37, 51)[0]
    errors = [error(codec(image, quality), image) for quality in (5, 40, 95)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4
    again = codec(image, 40)
    assert again.shape == image.shape
    assert again.dtype == image.dtype
    torch.testing.assert_close(again * 255, (again * 255).round())


def test_differentiable_jpeg_resembles_the_codec() -> None:
    image = smooth_image()
    for quality in (30, 60, 90):
        ours, real = differentiable_jpeg(image, quality, smooth=False), jpeg(image[0], quality)[None]
        assert error(ours, real) < 1e-3


@pytest.mark.parametrize("size", [(16, 32), (17, 5), (1, 1)])
def test_sizes(size: tuple[int, int]) -> None:
    assert differentiable_jpeg(torch.rand(2, 3, *size), torch.tensor([20.0, 80.0])).shape == (2, 3, *size)


def test_the_best_quality_loses_chroma_only() -> None:
    grey = smooth_image()[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(differentiable_jpeg(grey, 100), grey, rtol=0, atol=1e-3)


def test_each_image_has_its_quality() -> None:
    images = smooth_image().expand(2, -1, -1, -1)
    both = differentiable_jpeg(images, torch.tensor([20.0, 80.0]))
    for one, quality in zip(both, (20, 80), strict=True):
        torch.testing.assert_close(one, differentiable_jpeg(images[:1], quality)[0])


def test_gradients() -> None:
    image = (0.2 + 0.6 * torch.rand(1, 3, 16, 16, dtype=torch.float64)).requires_grad_()
    whole = differentiable_jpeg(image, 80).square().sum()
    (slope,) = torch.autograd.grad(whole, image)
    assert slope.abs().max() > 0
    remainder = torch.tensor([0.3, -0.2, 1.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(smooth_round, remainder)


def test_factor_of_the_tables_is_libjpegs() -> None:
    assert table_factor(torch.tensor([10.0, 50.0, 75.0, 100.0])).tolist() == [5.0, 1.0, 0.5, 0.0]
