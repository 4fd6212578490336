"""Colour, sharpening, noise and codecs against the numbers of the originals."""

import itertools
import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from golden_files import Golden, Read, assert_close, bchw, hwc
from torch import Tensor

from wildsr.ops.color import luma, rgb_to_ycbcr, ycbcr_to_rgb
from wildsr.ops.diff_jpeg import differentiable_jpeg
from wildsr.ops.filtering import filter_separably
from wildsr.ops.jpeg import jpeg
from wildsr.ops.kernels import gaussian_kernel, gaussian_profile
from wildsr.ops.noise import (
    centred_patches,
    correlate_channels,
    gaussian_noise,
    inject_noise,
    photon_rates,
    poisson_noise,
    speckle_noise,
)
from wildsr.ops.resize import Method, resize
from wildsr.ops.sharpening import blur_sigma, unsharp_mask


@pytest.mark.parametrize("name", ["op_color_realsr", "op_color_basicsr"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_ycbcr(golden: Read, name: str, order: str) -> None:
    item = golden(name)
    expected = item.under(f"output.{order}2ycbcr.")
    assert expected
    for key, value in expected.items():
        kind, part = key.split(".")
        x = item[f"input.{kind}"]
        rgb = bchw(x if kind != "uint8" else x.double() / 255)
        rgb = rgb.flip(1) if order == "bgr" else rgb
        result = hwc(luma(rgb))[..., 0] if part == "y" else hwc(rgb_to_ycbcr(rgb))
        if kind == "uint8":
            assert torch.equal((result * 255).round().byte(), value)
        else:
            assert_close(result, value, item.tolerance("float"))


def test_ycbcr_of_basicsr(golden: Read) -> None:
    item = golden("op_color_basicsr")
    tolerance = item.tolerance("float")
    images = bchw(item["input.f32"])
    assert_close(rgb_to_ycbcr(images), item["output.rgb2ycbcr_pt.full"], tolerance)
    assert_close(luma(images), item["output.rgb2ycbcr_pt.y"], tolerance)
    assert_close(hwc(luma(images.flip(1))) * 255, item["output.to_y_channel"], 255 * tolerance)
    back = ycbcr_to_rgb(bchw(item["output.bgr2ycbcr.f32.full"])).flip(1)
    assert_close(hwc(back), item["output.ycbcr2bgr.f32"], tolerance)
    levels = hwc(ycbcr_to_rgb(bchw(item["output.bgr2ycbcr.uint8.full"]).double() / 255).flip(1)) * 255
    colours = (levels.round() >= 0) & (levels.round() <= 255)  # the original lets others overflow
    assert torch.equal(levels.round()[colours].byte(), item["output.ycbcr2bgr.uint8"][colours])


def usm_cases(item: Golden) -> Iterator[tuple[float, int, float, Tensor]]:
    """weight, radius, threshold, and the (1, 3, H, W) expected; names end in r21_w1.0_t5, in any order."""
    for key, value in item.under("output.").items():
        numbers = dict(re.findall(r"\b([wrt])([\d.]+)", key.replace("_", " ")))
        if numbers:
            image = value if value.ndim == 4 else bchw(value)
            yield float(numbers["w"]), int(numbers["r"]), float(numbers["t"]), image


@pytest.mark.parametrize("name", ["op_usm_basicsr", "op_usm_kair"])
def test_unsharp_mask(golden: Read, name: str) -> None:
    item = golden(name)
    x = item["input.x"] if "input.x" in item else bchw(item["input.img"])
    cases = list(usm_cases(item))
    assert len(cases) >= len(item.json("cases"))
    for weight, radius, threshold, expected in cases:
        difference = (unsharp_mask(x, weight, radius, threshold) - expected).abs()
        # A value at the threshold to within float32 may fall on either side; its mask is spread by the blur.
        size = radius + 1 - radius % 2
        blurred = filter_separably(x.double(), gaussian_profile(size, blur_sigma(size)))
        doubtful = (((x - blurred).abs() * 255 - threshold).abs() < 1e-3).double()
        assert doubtful.mean() < 5e-3
        certain = F.max_pool2d(doubtful, size, 1, size // 2) == 0
        assert difference[certain].max() <= item.tolerance("abs")
        assert difference.max() < 1 / 255


def test_the_kernel_of_the_unsharp_mask(golden: Read) -> None:
    expected = golden("op_usm_basicsr")["output.kernel51"][0]
    sigma = blur_sigma(len(expected))
    assert_close(gaussian_kernel(len(expected), sigma, sigma), expected, 1e-9)


class OriginalDraws:
    """Python's and numpy's generators as KAIR seeds them, used in its order."""

    def __init__(self, seed: int, height: int, width: int) -> None:
        self.python = random.Random(seed)
        self.numpy = np.random.RandomState(seed)
        self.size = (height, width)

    def normal(self, channels: int) -> Tensor:
        return bchw(torch.from_numpy(self.numpy.standard_normal((*self.size, channels))))

    def correlated(self) -> list[Tensor]:
        """Standard numbers with KAIR's covariance; all signs that the eigenvectors may have."""
        weights = torch.from_numpy(self.numpy.rand(3))
        basis = torch.from_numpy(np.linalg.svd(self.numpy.rand(3, 3))[0])
        drawn = self.normal(3)
        covariance = (basis.mT @ torch.diag(weights) @ basis).abs()
        signs = itertools.product((1.0, -1.0), repeat=3)
        return [correlate_channels(drawn * torch.tensor(s)[:, None, None], covariance) for s in signs]


@pytest.mark.parametrize("kind", ["gaussian", "speckle"])
def test_normal_noise(golden: Read, kind: str) -> None:
    item = golden("op_kair_noise_jpeg")
    x = bchw(item["input.img"])
    strongest = 25
    for seed in item["param.seeds"].tolist():
        draws = OriginalDraws(seed, *x.shape[-2:])
        level = draws.python.randint(2, strongest)
        selector = draws.numpy.rand() if kind == "gaussian" else draws.python.random()
        if 0.4 <= selector <= 0.6:
            candidates, level = draws.correlated(), strongest
        else:
            candidates = [draws.normal(3 if selector > 0.6 else 1)]
        noisy = gaussian_noise if kind == "gaussian" else speckle_noise
        expected = bchw(item[f"output.{kind}.seed{seed}"])
        results = [noisy(x, drawn.float(), level / 255).clamp(0, 1) for drawn in candidates]
        assert min(float((result - expected).abs().max()) for result in results) <= 1e-6


def test_poisson_noise(golden: Read) -> None:
    item = golden("op_kair_noise_jpeg")
    x = bchw(item["input.img"])
    for seed in item["param.seeds"].tolist():
        draws = OriginalDraws(seed, *x.shape[-2:])
        photons = 10 ** (2 * draws.python.random() + 2)
        rates = photon_rates(x, photons, one_channel=draws.python.random() >= 0.5)
        counts = bchw(torch.from_numpy(draws.numpy.poisson(hwc(rates).double().numpy()))).float()
        noisy = poisson_noise(x, counts, photons).clamp(0, 1)
        # a rate that differs in its last digit may give another count here and there
        different = (hwc(noisy) - item[f"output.poisson.seed{seed}"]).abs() > 1e-6
        assert different.double().mean() < 1e-2


def test_noise_patches(golden: Read) -> None:
    item = golden("est_noise_dataset")
    top, left = item["param.pos"].tolist()
    size, tolerance = int(item.json("size")), item.tolerance("abs")
    piece = bchw(item["input.patch"][top : top + size, left : left + size]).float() / 255
    assert_close(centred_patches(piece)[0], item["output.norm_noise"], tolerance)
    assert_close(inject_noise(item["input.lq"][None], piece)[0], item["output.noisy_lq"], tolerance)


def test_resizing_of_kair(golden: Read) -> None:
    item = golden("op_kair_noise_jpeg")
    x = bchw(item["input.img"])
    methods: tuple[Method, ...] = ("bilinear", "bicubic", "coverage")
    expected = item.under("output.resize.seed")
    assert expected
    for seed, value in expected.items():
        draws = OriginalDraws(int(seed), *x.shape[-2:])
        drawn = draws.numpy.rand()
        if not 0.7 <= drawn <= 0.8:
            draws.python.uniform(0, 1)  # the factor, which the size tells as well
        method = methods[draws.python.choice([1, 2, 3]) - 1]
        resized = resize(x, (value.shape[0], value.shape[1]), method, antialias=False)
        assert_close(hwc(resized).clamp(0, 1), value, 1e-5)


def test_jpeg_is_opencvs(golden: Read) -> None:
    item = golden("op_kair_noise_jpeg")
    expected = item.under("output.jpeg_q")
    assert expected
    for quality, value in expected.items():
        result = jpeg(bchw(item["input.img"])[0], int(quality)).permute(1, 2, 0)
        assert_close(result, value, 1e-7)


def diffjpeg_quality(item: Golden, name: str) -> Any:
    return item["param.q"] if name == "per_sample" else float(name.removeprefix("q"))


@pytest.mark.parametrize("rounding", ["round", "diff"])
def test_differentiable_jpeg(golden: Read, rounding: str) -> None:
    item = golden("op_diffjpeg")
    expected = {k: v for k, v in item.under(f"output.{rounding}.").items() if "." not in k}
    assert expected
    for name, value in expected.items():
        images = item["input.x"][: len(value)]
        result = differentiable_jpeg(images, diffjpeg_quality(item, name), smooth=rounding == "diff")
        different = (result - value).abs() > item.tolerance("abs")
        assert different.double().mean() < (0.02 if rounding == "round" else 1e-3)


def test_gradient_of_differentiable_jpeg(golden: Read) -> None:
    item = golden("op_diffjpeg")
    images = item["input.x"].clone().requires_grad_()
    result = differentiable_jpeg(images, item["param.q"])
    # The file's sum is weighted by 0.5 to 1.5 from left to right; a plain one would only reach the blocks' means.
    (result * torch.linspace(0.5, 1.5, images.shape[-1])).sum().backward()
    assert images.grad is not None
    difference = (images.grad - item["output.diff.per_sample.grad"]).abs()
    # Coefficients of hundreds keep few digits behind the point in float32, and their remainders are differentiated.
    assert difference.max() < 20 * item.tolerance("abs")
    assert difference.mean() < item.tolerance("abs")
