"""BSRGAN's degradations, sampled many times, have the distributions of the originals.

For every crop and statistic a two-sample Kolmogorov-Smirnov test, and one for all the crops together.
"""

import math

import numpy as np
import pytest
import torch
from golden_files import FOLDER, Read
from torch import Tensor

from wildsr.degradations.degradation import Degradation
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus
from wildsr.image import read as read_image
from wildsr.ops.resize import imresize

RUNS = {"bsrgan": 60, "plus": 30}
# 288 tests of single crops: a right implementation fails one of them once in a hundred suites of other seeds.
SINGLE, POOLED = 3e-5, 4e-4
CASES: dict[str, Degradation] = {"bsrgan": Bsrgan(4), "plus": BsrganPlus(4, shuffle_prob=0.1)}


@pytest.mark.parametrize("name", CASES)
def test_statistics(golden: Read, name: str) -> None:
    theirs = {
        key: value.numpy()
        for key, value in golden("stats_bsrgan_degradation").under(f"output.{name}.").items()
    }
    crops = [read_image(FOLDER / "images" / "bsrgan_hq" / f"crop_{index:02}.png").rgb for index in range(12)]
    ours = [statistics(CASES[name], hr, index, RUNS[name]) for index, hr in enumerate(crops)]
    assert set(ours[0]) == set(theirs)
    for key, expected in theirs.items():
        # The residuals of a grey crop correlate by 1, but for rounding.
        expected = expected.round(6)
        found = np.stack([one[key] for one in ours]).round(6)
        distances = [distance(*pair) for pair in zip(found, expected, strict=True)]
        assert max(distances) < critical(SINGLE, RUNS[name], expected.shape[1]), (key, np.argmax(distances))
        assert distance(found.ravel(), expected.ravel()) < critical(POOLED, found.size, expected.size), key


def test_another_degradation_is_told_apart(golden: Read) -> None:
    expected = golden("stats_bsrgan_degradation")["output.bsrgan.std"][0].numpy()
    hr = read_image(FOLDER / "images" / "bsrgan_hq" / "crop_00.png").rgb
    found = statistics(BsrganPlus(4, shuffle_prob=0.1), hr, 0, 60)["std"]
    assert distance(found, expected) > critical(SINGLE, 60, len(expected))


def statistics(degradation: Degradation, hr: Tensor, crop: int, runs: int) -> dict[str, np.ndarray]:
    rows = [one_run(degradation, hr, np.random.default_rng([20, crop, run])) for run in range(runs)]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def one_run(degradation: Degradation, hr: Tensor, rng: np.random.Generator) -> dict[str, float]:
    lr = degradation.apply(hr, [degradation.sample(rng, (320, 320))])
    top, left = rng.integers(0, 9, 2)
    lr = lr[..., top : top + 72, left : left + 72].double()
    bicubic = imresize(hr[..., 4 * top : 4 * top + 288, 4 * left : 4 * left + 288].double(), 1 / 4)
    residual = lr - bicubic
    beside = lr[..., :-2, 1:-1] + lr[..., 2:, 1:-1] + lr[..., 1:-1, :-2] + lr[..., 1:-1, 2:]
    values = {
        "mean": lr.mean(),
        "mean_r": lr[:, 0].mean(),
        "mean_g": lr[:, 1].mean(),
        "mean_b": lr[:, 2].mean(),
        "std": lr.std(correction=0),
        "laplacian_std": (beside - 4 * lr[..., 1:-1, 1:-1]).std(correction=0),
        "mad_bicubic": residual.abs().mean(),
        "psnr_bicubic": -10 * residual.square().mean().log10(),
        "residual_std": residual.std(correction=0),
        "residual_rg_corr": torch.corrcoef(residual[0, :2].flatten(1))[0, 1],
        "grad_x_std": lr.diff(dim=-1).std(correction=0),
        "grad_y_std": lr.diff(dim=-2).std(correction=0),
    }
    return {key: float(value) for key, value in values.items()}


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of two samples."""
    places = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(sample), places, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def critical(significance: float, one: int, other: int) -> float:
    """The distance that samples of one distribution exceed with this probability (asymptotically)."""
    return math.sqrt(-math.log(significance / 2) / 2 * (one + other) / (one * other))
