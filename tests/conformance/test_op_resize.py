"""MATLAB's and KernelGAN's resizing against the numbers of the originals."""

import re

import pytest
import torch
from golden_files import Read, assert_close, bchw, hwc
from torch import Tensor

from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import downscale_with_kernel, imresize, kernelgan_positions
from wildsr.ops.shifting import shift_linear


@pytest.mark.parametrize("variant", ["realsr", "rwsr", "basicsr"])
def test_matlab_imresize(golden: Read, variant: str) -> None:
    item = golden(f"op_imresize_{variant}")
    scales, tolerance = item.json("scales"), item.tolerance("abs")
    expected = {
        name: value
        for name, value in item.under("output.").items()
        if re.fullmatch(r"\d+\.\w+\.(aa|noaa)", name)
    }
    assert len(expected) > 10
    for name, value in expected.items():
        index, scale, antialias = name.split(".")
        x = item[f"input.{index}"]
        batch = bchw(x) if variant == "realsr" else x.unsqueeze(0)
        resized = imresize(batch, scales[scale], antialias == "aa")
        if variant == "rwsr":
            resized = resized.clamp(0, 1)
        assert_close(hwc(resized) if variant == "realsr" else resized[0], value, tolerance)


def test_matlab_imresize_of_basicsr_arrays(golden: Read) -> None:
    item = golden("op_imresize_basicsr")
    scales, tolerance = item.json("scales"), item.tolerance("abs")
    inputs = list(item.under("input.").values())
    arrays, greys = item.under("output.np."), item.under("output.gray.")
    assert arrays
    assert greys
    for name, value in arrays.items():  # the files do not say of which input, or channel
        results = [imresize(x, scales[name]).permute(1, 2, 0) for x in inputs]
        assert any(
            r.shape == value.shape and torch.allclose(r, value, rtol=0, atol=tolerance) for r in results
        )
    for name, value in greys.items():
        results = [imresize(channel, scales[name]) for x in inputs for channel in x]
        assert any(
            r.shape == value.shape and torch.allclose(r, value, rtol=0, atol=tolerance) for r in results
        )


def test_kernelgan_imresize(golden: Read) -> None:
    item = golden("op_kernelgan_imresize")
    levels = bchw(item["input.uint8"]).double()
    tolerance = item.tolerance("float64")
    for name, value in item.under("output.linspace_idx.").items():
        assert torch.equal(kernelgan_positions(int(name), 1 / round(int(name) / len(value))), value)
    for name, value in item.under("output.cubic.s").items():
        resized = imresize(levels / 255, exact_scale(name), outside="kernelgan")
        assert_close(hwc(resized), value, tolerance)
    numeric = item.under("output.numeric.")
    assert numeric
    for name, value in numeric.items():
        kernel, scale, kind = re.fullmatch(r"(\w+)\.s([\d.]+)\.(f64|uint8)", name).groups()  # type: ignore[union-attr]
        kernels = item[f"param.{kernel}"].unsqueeze(0)
        if kind == "f64":
            small = downscale_with_kernel(levels / 255, kernels, exact_scale(scale))
            assert_close(hwc(small), value, tolerance)
        else:
            small = downscale_with_kernel(levels, kernels, exact_scale(scale))
            certain = (small - small.round()).abs() > 1e-9
            difference = (small.trunc() - bchw(value)).abs()
            assert difference.max() <= 1
            assert (difference[certain] == 0).all()


def exact_scale(name: str) -> float:
    """The scale in names is rounded: 0.3333."""
    scale = float(name)
    return scale if scale >= 1 else 1 / round(1 / scale)


def circular_blur(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolution around the borders, as in the classical degradations of KAIR (SRMD, DPSR, USRNet)."""
    return filter_per_sample(images, kernels, "circular", flip=True)


def test_kair_degradations(golden: Read) -> None:
    item = golden("op_kair_degradations")
    kernels, tolerance = item["param.kernel"].unsqueeze(0), item.tolerance("abs")
    scales = {int(name[2]) for name in item.under("output.")}
    assert scales
    for scale in scales:
        cropped = crop_to_multiple(bchw(item["input.img"]), scale)
        assert hwc(cropped).shape == tuple(item[f"output.sf{scale}.modcrop_shape"].tolist())
        results = {
            "bicubic": imresize(cropped, 1 / scale),
            "srmd": imresize(circular_blur(cropped, kernels), 1 / scale),
            "dpsr": circular_blur(imresize(cropped, 1 / scale), kernels),
            "classical": circular_blur(cropped, kernels)[..., ::scale, ::scale],
        }
        for name, result in results.items():
            assert_close(hwc(result), item[f"output.sf{scale}.{name}"], tolerance)


def test_bsrgan_blur_and_aligned_subsampling(golden: Read) -> None:
    item = golden("op_kair_blur_mirror")
    x, tolerance = bchw(item["input.img"]), item.tolerance("abs")
    size, theta, first, second = item["param.aniso"].tolist()
    kernel = gaussian_kernel(int(size), first**0.5, second**0.5, theta)
    assert_close(hwc(filter_per_sample(x, kernel[None], flip=True)), item["output.blur"], tolerance)
    sigma = float(item["param.sigma"])
    for name, value in item.under("output.down.sf").items():
        scale = int(name)
        kernel = gaussian_kernel(25, sigma, sigma, dtype=torch.float64)  # BSRGAN's size, whatever the sigma
        shifted = shift_linear(kernel, (scale - 1) / 2)
        blurred = filter_per_sample(x, (shifted / shifted.sum())[None], "reflect", flip=True)
        small = blurred[..., ::scale, ::scale]
        assert_close(hwc(small).clamp(0, 1), value, tolerance)


def test_basicsr_filter(golden: Read) -> None:
    item = golden("op_filter2d")
    for name, kernels in item.under("param.").items():
        tolerance = item.tolerance("asym:" if name == "asym" else "abs")
        for count, used in {"batch": kernels, "single": kernels[:1]}.items():
            filtered = filter_per_sample(item["input.x"], used)
            assert_close(filtered, item[f"output.{name}.{count}"], tolerance)
