"""Blur kernels against the numbers of the originals, in float64."""

import re
from collections.abc import Callable
from typing import Any

import torch
from golden_files import Golden
from torch import Tensor

from wildsr.ops.estimated_kernels import analytic_x4, centred, post_process, without_negligible
from wildsr.ops.kernels import (
    gaussian_kernel,
    generalized_gaussian_kernel,
    plateau_kernel,
    sinc_kernel,
)
from wildsr.ops.shifting import shift_linear

Read = Callable[[str], Golden]


def assert_close(result: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=tolerance)


def basicsr_kernel(name: str, given: dict[str, Any]) -> Tensor:
    size = given["kernel_size"]
    if name == "circular_lowpass_kernel":
        return sinc_kernel(size, given["cutoff"], pad_to=given["pad_to"], dtype=torch.float64)
    if given["isotropic"]:
        axes = (given["sig_x"], given["sig_x"], 0.0)
    else:
        axes = (given["sig_x"], given["sig_y"], given["theta"])
    if name == "bivariate_Gaussian":
        return gaussian_kernel(size, *axes, dtype=torch.float64)
    if name == "bivariate_generalized_Gaussian":
        return generalized_gaussian_kernel(size, *axes, given["beta"], dtype=torch.float64)
    assert name == "bivariate_plateau"
    return plateau_kernel(size, *axes, given["beta"], dtype=torch.float64)


def test_basicsr(golden: Read) -> None:
    item = golden("kernel_basicsr")
    cases = item.json("cases")
    assert len(cases) == len(item.under("output."))
    for index, (name, given) in enumerate(cases):
        assert_close(basicsr_kernel(name, given), item[f"output.{index}"], item.tolerance("abs"))


def test_kair_gaussians(golden: Read) -> None:
    item = golden("kernel_kair_gaussian")
    tolerance = item.tolerance("abs")
    for index, (size, theta, first, second) in enumerate(item["param.aniso"].tolist()):
        kernel = gaussian_kernel(int(size), first**0.5, second**0.5, theta, dtype=torch.float64)
        assert_close(kernel, item[f"output.aniso.{index}"], tolerance)
    for index, (size, sigma) in enumerate(item["param.fspecial"].tolist()):
        kernel = gaussian_kernel(int(size), sigma, sigma, dtype=torch.float64)
        assert_close(kernel, item[f"output.fspecial.{index}"], tolerance)


def test_kair_shifted_and_varied_gaussians(golden: Read) -> None:
    item = golden("kernel_kair_gen_kernel")
    for index, (size, scale, _, _, _) in enumerate(item["param.cfg"].tolist()):
        first, second, theta = item[f"output.drawn.{index}"].tolist()
        centre = size // 2 - 0.5 * (scale - 1)
        axes = (first**0.5, second**0.5, theta)
        kernel = gaussian_kernel(int(size), *axes, centre=(centre, centre), dtype=torch.float64)
        varied = kernel * (1 + item[f"output.noise.{index}"])
        assert_close(varied / varied.sum(), item[f"output.kernel.{index}"], item.tolerance("abs"))


def test_kair_shift_by_pixels(golden: Read) -> None:
    item = golden("kernel_kair_shift_pixel")
    size, tolerance = int(item.json("hsize")), item.tolerance("abs")
    for name, expected in item.under("output.img.sf").items():
        shifted = shift_linear(item["input.img"].permute(2, 0, 1), (int(name) - 1) / 2)
        assert_close(shifted.permute(1, 2, 0), expected, tolerance)
    kernels = item.under("output.k.")
    assert kernels
    for name, expected in kernels.items():
        parts = re.fullmatch(r"(\d+)(?:\.sf(\d+)\.(ul|lr)(\.norm)?)?", name)
        assert parts, name
        sigma = float(item["param.sigma"][int(parts[1])])
        kernel = gaussian_kernel(size, sigma, sigma, dtype=torch.float64)
        if parts[2]:
            shift = (int(parts[2]) - 1) / 2
            kernel = shift_linear(kernel, shift if parts[3] == "ul" else -shift)
        assert_close(kernel / kernel.sum() if parts[4] else kernel, expected, tolerance)


def test_kernelgan(golden: Read) -> None:
    item = golden("kernel_kernelgan")
    exact = item.tolerance("abs")
    single = torch.finfo(torch.float32).eps  # the original goes through float32 there
    for name, kernel in item.under("input.").items():
        steps: dict[str, tuple[Tensor, float]] = {"analytic": (analytic_x4(kernel), exact)}
        for key in item.under(f"output.{name}.zeroize"):
            steps[f"zeroize{key}"] = (without_negligible(kernel, int(key)), exact)
        for key in item.under(f"output.{name}.shift_sf"):
            steps[f"shift_sf{key}"] = (centred(kernel, int(key)), exact)
        processed = post_process(kernel.float())
        steps["post_process"] = (processed, single)
        steps["post_process_x4"] = (analytic_x4(processed), single)
        assert {*steps} == {*item.under(f"output.{name}.")}
        for key, (result, tolerance) in steps.items():
            assert_close(result, item[f"output.{name}.{key}"], tolerance)
