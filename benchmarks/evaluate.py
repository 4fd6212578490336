"""How fast the metrics are, side by side with the way they are usually written, on NumPy and OpenCV.

    python benchmarks/evaluate.py [--side 1024] [--repeat 3] --parameters FOLDER

FOLDER holds ``niqe_pris_params.npz`` (it comes with BasicSR; ``WILDSR_FEATURES`` names it too). The other side is
written as BasicSR's are: SSIM filters whole windows by OpenCV's ``filter2D``, a channel at a time; NIQE uses SciPy's
``convolve``, one block after the other, the whole grid of shapes anew each time. scikit-image's SSIM is there as well.
Both sides get the same image and the same number of threads, in turn; results are compared before times. Needs the
extras ``bench`` and ``dev``.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import convolve
from scipy.special import gamma
from skimage import data
from skimage.metrics import structural_similarity
from torch import Tensor

from wildsr.evaluation.distortion import ssim
from wildsr.evaluation.niqe import PARAMETERS, load_niqe

Array = npt.NDArray[Any]


def plain_ssim(result: Array, truth: Array) -> float:
    """SSIM of (H, W, 3) levels with the whole 11x11 window."""
    result, truth = result.astype(np.float64), truth.astype(np.float64)
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    values = []
    for channel in range(3):
        x, y = result[..., channel], truth[..., channel]
        mean_x, mean_y, xx, yy, xy = (
            cv2.filter2D(map_, -1, window)[5:-5, 5:-5] for map_ in (x, y, x * x, y * y, x * y)
        )
        top = (2 * mean_x * mean_y + 6.5025) * (2 * (xy - mean_x * mean_y) + 58.5225)
        below = (mean_x**2 + mean_y**2 + 6.5025) * (xx - mean_x**2 + yy - mean_y**2 + 58.5225)
        values.append((top / below).mean())
    return float(np.mean(values))


def plain_fit(values: Array) -> tuple[float, float, float]:
    """Shape and scales of an asymmetric generalised Gaussian."""
    shapes = np.arange(0.2, 10.001, 0.001)
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    left = np.sqrt(np.mean(values[values < 0] ** 2))
    right = np.sqrt(np.mean(values[values > 0] ** 2))
    balance = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    ratio *= (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
    shape = shapes[np.argmin((ratios - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def plain_features(block: Array) -> list[float]:
    """18 features of a block."""
    shape, left, right = plain_fit(block)
    features = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = plain_fit(block * np.roll(block, shift, (0, 1)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def plain_half(luma: Array) -> Array:
    """Half the height of (H, W) by the cubic kernel twice as wide, mirrored at the ends."""
    distance = np.abs((np.arange(8) - 3.5) / 2)
    weights = np.where(
        distance <= 1,
        1.5 * distance**3 - 2.5 * distance**2 + 1,
        -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2,
    )
    padded = np.pad(luma, ((3, 3), (0, 0)), mode="symmetric")
    rows = [(padded[2 * row : 2 * row + 8] * weights[:, None]).sum(0) for row in range(len(luma) // 2)]
    return (np.stack(rows) / weights.sum()).astype(luma.dtype)


def plain_niqe(levels: Array, parameters: Path) -> float:
    """NIQE of (H, W, 3) levels: the features of all blocks at two scales, and their distance."""
    with np.load(parameters) as file:
        mean, covariance = file["mu_pris_param"][0], file["cov_pris_param"]
        window = file["gaussian_window"]
    luma = (levels @ np.array([65.481, 128.553, 24.966]) / 255 + 16).round().astype(np.float32)
    down, across = luma.shape[0] // 96, luma.shape[1] // 96
    luma = luma[: down * 96, : across * 96]
    scales = []
    for side in (96, 48):
        local = convolve(luma, window, mode="nearest")
        spread = np.sqrt(np.abs(convolve(luma**2, window, mode="nearest") - local**2))
        normalised = (luma - local) / (spread + 1)
        scales.append(
            [
                plain_features(normalised[row * side : (row + 1) * side, column * side : (column + 1) * side])
                for row in range(down)
                for column in range(across)
            ]
        )
        luma = plain_half(plain_half(luma / 255).T).T * 255
    features = np.concatenate([np.array(scale) for scale in scales], axis=1)
    usable = features[~np.isnan(features).any(1)]
    shift = mean - np.nanmean(features, 0)
    inverse = np.linalg.pinv((covariance + np.cov(usable, rowvar=False)) / 2)
    return float(np.sqrt(shift @ inverse @ shift))


def compare(name: str, plain: Callable[[], float], ours: Callable[[], Tensor], repeat: int) -> None:
    """Both in turn, with the median and the range of the ratios."""
    expected, result = plain(), ours().item()
    times: list[list[float]] = [[], []]
    for _ in range(repeat):
        for side, work in enumerate((plain, ours)):
            began = time.perf_counter()
            work()
            times[side].append(time.perf_counter() - began)
    ratios = [a / b for a, b in zip(*times, strict=True)]
    plain_time, our_time = (statistics.median(side) for side in times)
    print(
        f"{name:34} plain {plain_time:7.3f} s  wildsr {our_time:7.3f} s  ratio {statistics.median(ratios):6.1f} "
        f"({min(ratios):.1f} to {max(ratios):.1f})  values {expected:.6f} and {result:.6f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, default=1024, help="of the square image, in pixels")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--parameters", type=Path, default=os.environ.get("WILDSR_FEATURES"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {os.cpu_count()} cores")
    repeats = -(-options.side // 512)
    truth = np.tile(data.astronaut(), (repeats, repeats, 1))[: options.side, : options.side]
    noise = np.random.default_rng(0).normal(0, 8, truth.shape)
    result = (truth + noise).round().clip(0, 255).astype(np.uint8)
    ours = [torch.from_numpy(x).permute(2, 0, 1)[None].contiguous() for x in (result, truth)]
    compare("SSIM, OpenCV", lambda: plain_ssim(result, truth), lambda: ssim(*ours), options.repeat)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}

    def skimage_ssim() -> float:
        return float(structural_similarity(result, truth, channel_axis=2, **settings))

    compare("SSIM, scikit-image", skimage_ssim, lambda: ssim(*ours), options.repeat)
    if options.parameters is None:
        parser.error("NIQE needs --parameters or WILDSR_FEATURES")
    niqe, file = load_niqe(options.parameters), Path(options.parameters) / PARAMETERS
    compare("NIQE, SciPy", lambda: plain_niqe(truth, file), lambda: niqe(ours[1]), options.repeat)


if __name__ == "__main__":
    main()
