"""PSNR, SSIM and NIQE against RealSR's and BasicSR's own numbers, and NIQE against published ones."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from golden_files import ROOT, Golden
from torch import Tensor

from wildsr.evaluation.distortion import psnr, ssim
from wildsr.evaluation.natural import asymmetric_gaussian, block_features
from wildsr.evaluation.niqe import PARAMETERS, Luma, Niqe, load_niqe
from wildsr.evaluation.planes import Channels
from wildsr.image import read

Read = Callable[[str], Golden]
SHARED = Path(os.environ.get("WILDSR_SHARED", ROOT.parent / "shared"))


def images(stored: Tensor) -> Tensor:
    """(B, H, W, 3) of BGR levels as images."""
    return stored.flip(-1).permute(0, 3, 1, 2).float() / 255


def assert_close(result: Tensor, expected: Tensor, tolerance: float, name: str) -> None:
    torch.testing.assert_close(
        result, expected.double(), rtol=0, atol=tolerance, msg=lambda m: f"{name}: {m}"
    )


def test_realsr(golden: Read) -> None:
    item = golden("metric_realsr")
    result, truth = images(item["input.sr_bgr"]), images(item["input.gt_bgr"])
    border, tolerance = int(item["param.crop_border"]), item.tolerance("abs")
    for name, expected in item.under("output.").items():
        metric, _, luma = name.partition("_")
        channels: Channels = "y" if luma else "rgb"
        compute = {"psnr": psnr, "ssim": ssim}[metric]
        assert_close(compute(result, truth, border, channels=channels), expected, tolerance, name)


def test_basicsr(golden: Read) -> None:
    item = golden("metric_basicsr")
    result, truth = images(item["input.sr_bgr"]), images(item["input.gt_bgr"])
    for name, expected in item.under("output.").items():
        match = re.fullmatch(r"(psnr|ssim)(_pt)?\.cb(\d+)_(rgb|y)", name)
        assert match, name
        border = int(match[3])
        channels: Channels = "y" if match[4] == "y" else "rgb"
        tolerance = item.tolerance("Y path" if channels == "y" else "abs")
        if match[1] == "ssim" and match[2]:
            value = ssim(result, truth, border, channels=channels, rounding="none")
        elif match[1] == "ssim":
            value = ssim(result, truth, border, channels=channels)
        elif match[2]:
            value = psnr(result, truth, border, channels=channels, rounding="none", floor=1e-8)
        else:
            value = psnr(result, truth, border, channels=channels)
        assert_close(value, expected, tolerance, name)


@pytest.fixture
def niqe(golden_folder: Path) -> Niqe:
    folders = (golden_folder / "metrics", SHARED / "golden/metrics", SHARED / "features")
    folder = next((folder for folder in folders if (folder / PARAMETERS).is_file()), None)
    if folder is None:
        pytest.skip(f"there is no {PARAMETERS}")
    return load_niqe(folder)


def one_step(niqe: Niqe, features: Tensor) -> float:
    """By how much NIQE changes at most when a shape of a single block moves by one step of its grid."""
    changes = []
    before = niqe.distance(features)
    for block in range(len(features)):
        for shape in (0, 2, 6, 10, 14, 18, 20, 24, 28, 32):
            for step in (-0.001, 0.001):
                moved = features.clone()
                moved[block, shape] += step
                changes.append(niqe.distance(moved) - before)
    return torch.stack(changes).abs().max().item()


def test_niqe(golden: Read, golden_folder: Path, niqe: Niqe) -> None:
    """Where the float32 of the original moves a shape to the next step of its grid, as the tolerance says it may,
    an image of few blocks changes by more than the tolerance: seldom, and by no more than such a step."""
    item = golden("metric_niqe")
    tolerance = item.tolerance("abs")
    paths = [golden_folder / name for name in item.json("images")]
    if not all(path.is_file() for path in paths):
        pytest.skip("the image is in the full set only")
    within = []
    for name, expected in item.under("output.niqe.").items():
        match = re.fullmatch(r"cb(\d+)_(y|gray)", name)
        assert match, name
        border = int(match[1])
        luma: Luma = "y" if match[2] == "y" else "gray"
        for path, value in zip(paths, expected.tolist(), strict=True):
            image = read(path).rgb
            error = abs(niqe(image, border, luma).item() - value)
            within.append(error <= tolerance)
            if error > tolerance:
                allowed = one_step(niqe, niqe.features(image, border, luma)[0])
                assert error <= tolerance + allowed, f"{name} of {path.name}: {error}"
    assert sum(within) >= 0.75 * len(within)


def test_niqe_features(golden: Read) -> None:
    item = golden("metric_niqe")
    block, fit, features = (
        item[name] for name in ("input.block", "output.feature.aggd", "output.feature.compute_feature")
    )
    assert_close(torch.stack(asymmetric_gaussian(block)), fit, 1e-9, "fit")
    assert_close(block_features(block), features, 1e-9, "features")


@pytest.mark.parametrize(
    ("name", "published"), [("BSRGAN", [5.07]), ("ESRGAN", [5.85]), ("RealSR_JPEG", [6.95, 6.96])]
)
def test_published_niqe(niqe: Niqe, name: str, published: list[float]) -> None:
    """The figures in BSRGAN's paper, of the images its authors published; two decimals, some of them truncated."""
    path = SHARED / f"testsets/BSRGAN_published/chip_{name}.png"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    value = niqe(read(path).rgb).item()
    assert min(abs(value - figure) for figure in published) < 0.01
