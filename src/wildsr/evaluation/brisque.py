"""BRISQUE: distance of an image's statistics from those of undistorted photos, fitted to ratings by people.

Mittal, Moorthy, Bovik 2012, "No-reference image quality assessment in the spatial domain", with the conventions of the
authors' MATLAB release: grey of 8-bit RGB rounded to whole levels, a 7x7 window over zeros beyond the border, half size
by MATLAB's bicubic, and the support vector regression of libsvm trained on LIVE.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.evaluation.natural import fitted, moments, symmetric
from wildsr.evaluation.planes import check_images, filtered, matlab_grey, strips
from wildsr.ops.kernels import gaussian_profile
from wildsr.ops.resize import imresize
from wildsr.zoo.features.files import find_file

MODEL, RANGE = "allmodel", "allrange"
SMALLEST = 16
FEATURES = 36
_REACH = 3  # radius of the window
_HALO = 8  # rows that halving reads beyond a strip: 4 are needed; an even number


@dataclass(frozen=True)
class Brisque:
    """BRISQUE and its regression model.

    Attributes:
        low, high: range of each feature in training (36,), float64, mapped to -1 and 1.
        vectors: support vectors (N, 36), float64.
        weights: of the support vectors (N,), float64.
        gamma: of the radial basis functions.
        offset: subtracted from the weighted sum (rho in libsvm).
    """

    low: Tensor
    high: Tensor
    vectors: Tensor
    weights: Tensor
    gamma: float
    offset: float

    def __call__(self, images: Tensor, border: int = 0) -> Tensor:
        """BRISQUE (B,), float64, of RGB images (B, 3, H, W), see :func:`features`; from about 0 (best) to 100.

        A constant image gives NaN.
        """
        found = features(images, border)
        low, high = self.low.to(found.device), self.high.to(found.device)
        scaled = 2 * (found - low) / (high - low) - 1
        distances = (scaled[:, None] - self.vectors.to(found.device)).square().sum(-1)
        return torch.exp(-self.gamma * distances) @ self.weights.to(found.device) - self.offset


def features(images: Tensor, border: int = 0) -> Tensor:
    """The 36 features (B, 36), float64, of RGB images (B, 3, H, W) in [0, 1] or 8-bit levels as uint8.

    For full size, then half size: shape and variance of the normalised luminance; for its products with four
    neighbours (with periodic borders) shape, mean, left and right variance. A constant image gives NaN.

    Raises:
        ValueError: not RGB images, or below 16x16 pixels within the border.
    """
    images = check_images("the image", images, border, least=SMALLEST)
    grey = matlab_grey(images)
    flat = grey.flatten(1).amin(1) == grey.flatten(1).amax(1)
    found = torch.cat([_scale_features(grey), _scale_features(_half(grey))], dim=-1)
    return found.masked_fill(flat[:, None], torch.nan)


def load_brisque(folder: Path | None = None) -> Brisque:
    """Load BRISQUE from ``allmodel`` and ``allrange``, found by :func:`wildsr.zoo.features.files.find_file`.

    Both are text files of libsvm: a regression with radial basis functions, and the ranges of svm-scale.

    Raises:
        FileNotFoundError: a file is missing; the message says how to get it.
        ValueError: a file has other content.
    """
    model, ranges = brisque_files(folder)
    try:
        low, high = _read_ranges(ranges.read_text(encoding="ascii"))
    except (ValueError, IndexError) as error:
        raise ValueError(
            f"{ranges} does not hold the ranges of BRISQUE's features ({error}); download it again"
        ) from error
    try:
        return Brisque(low, high, *_read_regression(model.read_text(encoding="ascii")))
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(
            f"{model} does not hold the regression of BRISQUE ({error}); download it again"
        ) from error


def brisque_files(folder: Path | None = None) -> tuple[Path, Path]:
    """Paths of the regression and the ranges; raises ``MissingWeights`` (a ``FileNotFoundError``)."""
    return find_file((MODEL,), folder), find_file((RANGE,), folder)


def _half(grey: Tensor) -> Tensor:
    """(B, H, W) at half size, float64."""
    parts = []
    height = grey.shape[1]
    for rows in strips(height, len(grey) * grey.shape[2], multiple=2):
        top, bottom = max(rows.start - _HALO, 0), min(rows.stop + _HALO, height)
        half = imresize(grey[:, top:bottom].double(), 0.5)
        begin = (rows.start - top) // 2
        parts.append(half[:, begin : begin + (rows.stop - rows.start + 1) // 2])
    return torch.cat(parts, dim=1)


def _scale_features(maps: Tensor) -> Tensor:
    """18 features (B, 18) of luminance (B, H, W)."""
    total = torch.zeros(5, len(maps), 6, dtype=torch.float64, device=maps.device)
    above = _normalised(maps, maps.shape[1] - 1, maps.shape[1])
    for rows in strips(maps.shape[1], 4 * len(maps) * maps.shape[2], pixels=1 << 18):
        here = _normalised(maps, rows.start, rows.stop)
        higher = torch.cat((above, here[:, :-1]), dim=1)
        above = here[:, -1:]
        total[0] += moments(here)
        for index, (neighbour, shift) in enumerate(
            ((here, 1), (higher, 0), (higher, 1), (higher, -1)), start=1
        ):
            total[index] += moments(here * (neighbour.roll(shift, dims=-1) if shift else neighbour))
    found = list(symmetric(total[0]))
    shape, left, right = fitted(total[1:])
    spread = torch.exp(
        (torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2
        + torch.lgamma(2 / shape)
        - torch.lgamma(1 / shape)
    )
    for values in zip(shape, (right - left) * spread, left.square(), right.square(), strict=True):
        found += values
    return torch.stack(found, dim=-1)


def _normalised(maps: Tensor, start: int, stop: int) -> Tensor:
    """Rows of mean-subtracted, contrast-normalised luminance (B, H, W), float64, with zeros beyond the border."""
    top, bottom = max(start - _REACH, 0), min(stop + _REACH, maps.shape[1])
    rows = maps[:, top:bottom].double()
    padded = F.pad(rows, (_REACH, _REACH, _REACH - (start - top), _REACH - (bottom - stop)))
    taps = gaussian_profile(2 * _REACH + 1, 7 / 6).to(maps.device)
    mean, square = filtered(torch.stack((padded, padded.square())), taps)
    deviation = (square - mean.square()).abs_().sqrt_()
    result: Tensor = (rows[:, start - top : stop - top] - mean) / (deviation + 1)
    return result


def _read_ranges(text: str) -> tuple[Tensor, Tensor]:
    """Minimum and maximum (36,) of each feature, from the file of svm-scale."""
    lines = [line.split() for line in text.split("\n") if line.strip()]
    if lines[0] != ["x"] or [float(end) for end in lines[1]] != [-1, 1]:
        raise ValueError("it should begin with x and the range -1 to 1")
    if [line[0] for line in lines[2:]] != [str(index) for index in range(1, FEATURES + 1)]:
        raise ValueError("it should list 36 features")
    ends = torch.tensor([[float(end) for end in line[1:3]] for line in lines[2:]], dtype=torch.float64)
    low, high = ends.T
    if not (low < high).all():
        raise ValueError("a range is empty")
    return low, high


def _read_regression(text: str) -> tuple[Tensor, Tensor, float, float]:
    """Support vectors, their weights, gamma and rho of a libsvm model."""
    head, _, body = text.replace("\r", "").partition("\nSV\n")
    facts = dict(line.split(maxsplit=1) for line in head.split("\n"))
    if facts["svm_type"] not in ("epsilon_svr", "nu_svr") or facts["kernel_type"] != "rbf":
        raise ValueError("it should be a regression with radial basis functions")
    lines = [line.split() for line in body.split("\n") if line.strip()]
    if len(lines) != int(facts["total_sv"]):
        raise ValueError(f"{len(lines)} support vectors instead of {facts['total_sv']}")
    vectors = torch.zeros(len(lines), FEATURES, dtype=torch.float64)
    for row, line in enumerate(lines):
        for index, _, value in (entry.partition(":") for entry in line[1:]):
            vectors[row, _checked(int(index))] = float(value)
    weights = torch.tensor([float(line[0]) for line in lines], dtype=torch.float64)
    return vectors, weights, float(facts["gamma"]), float(facts["rho"])


def _checked(index: int) -> int:
    """The position of libsvm's feature ``index``, which counts from 1."""
    if not 1 <= index <= FEATURES:
        raise ValueError(f"there is no feature {index}")
    return index - 1
