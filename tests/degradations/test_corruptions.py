"""Simple corruptions with names."""

import json

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.corruptions import Corruption, named_corruption
from wildsr.ops.jpeg import jpeg
from wildsr.ops.resize import imresize


def photo(height: int = 64, width: int = 80) -> Tensor:
    return torch.from_numpy(data.coffee()[100 : 100 + height, 200 : 200 + width]).permute(2, 0, 1)[None] / 255


def levels(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round() / 255


def apply(corruption: Corruption, images: Tensor, seed: int = 0) -> Tensor:
    size = (images.shape[-2], images.shape[-1])
    drawn = [corruption.sample(np.random.default_rng([seed, index]), size) for index in range(len(images))]
    result = corruption.apply(images, drawn)
    assert torch.equal(result, corruption.apply(images, json.loads(json.dumps(drawn))))
    return result


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bicubic_is_matlabs_in_8_bits(scale: int) -> None:
    images = photo(66, 80)[..., : 66 // scale * scale, : 80 // scale * scale]
    expected = levels(imresize(images, 1 / scale))
    torch.testing.assert_close(apply(named_corruption("bicubic", scale), images), expected)
    if scale == 4:
        torch.testing.assert_close(apply(named_corruption("bicubic"), photo(67, 82)), expected)


def test_noise_has_its_level_and_jpeg_its_quality() -> None:
    grey = torch.full((2, 3, 256, 256), 0.5)
    noisy = apply(named_corruption("noise-8"), grey) - 0.5
    assert noisy.std() * 255 == pytest.approx(8, rel=0.03)
    assert not torch.equal(noisy[0], noisy[1])
    assert abs(torch.corrcoef(noisy[0].flatten(1))[0, 1]) < 0.05
    expected = jpeg(imresize(photo(), 1 / 4).clamp(0, 1)[0], 30)[None]
    assert torch.equal(apply(named_corruption("jpeg-30"), photo()), expected)


def test_blur_comes_before_shrinking_and_all_of_them_can_be_joined() -> None:
    sharp, blurred = (apply(named_corruption(name, 1), photo()) for name in ("bicubic", "blur-2"))
    assert (blurred.diff(dim=-1).abs().mean() < 0.7 * sharp.diff(dim=-1).abs().mean()).item()
    every = named_corruption("blur-1.6+noise-8+jpeg-30", 2)
    assert every == Corruption(2, blur=1.6, noise=8, jpeg=30)
    assert every == named_corruption("jpeg-30+noise-8+blur-1.6", 2)
    steps = [step["step"] for step in every.sample(np.random.default_rng(0), (8, 8))["steps"]]
    assert steps == ["blur", "resize", "gaussian_noise", "jpeg"]
    assert apply(every, photo()).shape == (1, 3, 32, 40)


@pytest.mark.parametrize(
    "name",
    ["", "noise", "noise-", "noise--8", "noise-8+", "noise-8+noise-9", "jpeg-30.5", "bicubic+noise-8", "x-1"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(DegradationError, match="is not a corruption"):
        named_corruption(name)


def test_values_out_of_range_are_refused() -> None:
    for name in ("jpeg-0", "jpeg-101"):
        with pytest.raises(DegradationError, match="from 1 to 100"):
            named_corruption(name)
    with pytest.raises(DegradationError, match="must not be negative"):
        Corruption(noise=-1)
