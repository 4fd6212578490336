"""KernelGAN started at a measured blur."""

import math

import pytest
import torch
from skimage import data

from wildsr.estimation.camera import Ellipse
from wildsr.estimation.fast_kernels import FastSettings, fast_kernels, start_kernel, start_of_photo
from wildsr.estimation.kernelgan import CropSource, finished
from wildsr.image import quantize
from wildsr.ops.estimated_kernels import centre_of_mass
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize

PHOTO = torch.from_numpy(data.astronaut()).permute(2, 0, 1)


def halved(kernel: torch.Tensor) -> torch.Tensor:
    """The photo (1, 3, 256, 256) by a kernel as KernelGAN's, centred between two pixels."""
    padded = torch.nn.functional.pad(PHOTO[None].float() / 255, [6, 6, 6, 6], mode="reflect")
    planes = padded.transpose(0, 1)
    small = torch.nn.functional.conv2d(planes, kernel.float()[None, None], stride=2)
    return small.transpose(0, 1)


def test_start_without_blur_is_bicubic() -> None:
    kernel = start_kernel(Ellipse(0.0, 0.0, 0.0))
    assert float(kernel.sum()) == pytest.approx(1)
    assert centre_of_mass(kernel) == pytest.approx((6.5, 6.5))
    wanted = imresize(PHOTO[None].float() / 255, 0.5)
    assert (halved(kernel) - wanted)[..., 8:-8, 8:-8].abs().max() < 1e-4


def test_start_has_the_blur_of_the_photo() -> None:
    kernel = start_kernel(Ellipse(1.2, 0.6, 0.5))
    soft = filter_per_sample(PHOTO[None].float() / 255, gaussian_kernel(25, 2.4, 1.2, 0.5)[None])
    wanted = imresize(soft, 0.5)
    difference = (halved(kernel) - wanted)[..., 16:-16, 16:-16]
    assert difference.square().mean().sqrt() < 0.01


def test_kernels_stay_valid_and_settled_ones_end_early() -> None:
    settings = FastSettings(iterations=40, head_start=5, features=8, every=5, settled=10.0)
    levels = quantize(imresize(PHOTO[None].float() / 255, 0.5))[0]
    start = start_of_photo(levels)
    seen: list[int] = []
    sources = [CropSource(levels, settings.crops(), seed) for seed in (0, 1)]
    found = fast_kernels(sources, [start, start], settings, on_iteration=seen.append)
    assert seen[-1] == 10
    for raw in found:
        kernel = finished(raw, 2, settings.significant)
        assert float(kernel.min()) > -1e-3
        assert float((raw - start).norm() / start.norm()) < 0.5
    again = fast_kernels(
        [CropSource(levels, settings.crops(), seed) for seed in (0, 1)], [start, start], settings
    )
    assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))


def test_a_kernel_does_not_depend_on_its_batch() -> None:
    settings = FastSettings(iterations=60, head_start=5, features=8, every=5, settled=0.02)
    levels = quantize(imresize(PHOTO[None].float() / 255, 0.5))[0]
    soft = filter_per_sample(levels[None].float() / 255, gaussian_kernel(13, 1.5, 1.5)[None])
    images = [levels, quantize(soft)[0]]
    starts = [start_kernel(Ellipse(sigma, sigma, 0.0)) for sigma in (0.0, 1.5)]

    def estimated(*chosen: int) -> tuple[list[torch.Tensor], int]:
        seen: list[int] = []
        sources = [CropSource(images[index], settings.crops(), 0) for index in chosen]
        kernels = fast_kernels(
            sources, [starts[index] for index in chosen], settings, on_iteration=seen.append
        )
        return kernels, seen[-1]

    alone = [estimated(0), estimated(1)]
    together, iterations = estimated(0, 1)
    assert alone[0][1] != alone[1][1], "one of them settles earlier"
    assert iterations == max(alone[0][1], alone[1][1])
    for (kernel,), other in zip((one for one, _ in alone), together, strict=True):
        torch.testing.assert_close(kernel, other, rtol=0, atol=1e-6)


def test_a_photo_without_edges_starts_as_bicubic() -> None:
    even = torch.full((3, 96, 96), 100, dtype=torch.uint8)
    torch.testing.assert_close(start_of_photo(even), start_kernel(Ellipse(0.0, 0.0, 0.0)))
    assert math.isclose(float(start_of_photo(even).sum()), 1, abs_tol=1e-9)
