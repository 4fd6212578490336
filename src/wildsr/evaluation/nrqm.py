"""NRQM, the quality of upscaled images without a reference, fitted to ratings by people, and the perceptual index PI.

Ma, Yang, Yang, Yang 2017, "Learning a no-reference quality metric for single-image super-resolution", with the features
and the model of the authors' MATLAB code. PI: Blau et al. 2018, "The 2018 PIRM challenge on perceptual image
super-resolution".
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wildsr.evaluation import nrqm_features
from wildsr.evaluation.forest import Array, Forest, read_forests
from wildsr.evaluation.niqe import Luma, Niqe, load_niqe
from wildsr.evaluation.planes import check_images, matlab_grey, planes
from wildsr.zoo.features.files import find_file

MODEL = "NRQM_model.mat"
PUBLISHED_NAME = "model.mat"
"""The name of the file in the authors' repository."""
_KINDS = (
    (nrqm_features.local_frequency, 18),
    (nrqm_features.global_frequency, 45),
    (nrqm_features.spatial_discontinuity, 75),
)


@dataclass(frozen=True)
class Nrqm:
    """NRQM and its model.

    Attributes:
        forests: one for each kind of features.
        weights: of a constant, and of the result of each forest (4,), float64.
    """

    forests: tuple[Forest, ...]
    weights: Array

    def __call__(self, images: Tensor, border: int = 0, luma: Luma = "y") -> Tensor:
        """NRQM (B,), float64, of RGB images (B, 3, H, W), see :func:`features`; about 0 to 10, higher is better.

        A constant image gives NaN.
        """
        found = [self._of_one(kinds) for kinds in features(images, border, luma)]
        return torch.tensor(found, dtype=torch.float64, device=images.device)

    def _of_one(self, kinds: tuple[Tensor, ...] | None) -> float:
        if kinds is None:
            return float("nan")
        results = [forest(kind.cpu().numpy()) for forest, kind in zip(self.forests, kinds, strict=True)]
        return float(self.weights @ np.array([1.0, *results]))


def features(images: Tensor, border: int = 0, luma: Luma = "y") -> list[tuple[Tensor, ...] | None]:
    """The features (18,), (45,) and (75,), float64, of each RGB image of (B, 3, H, W); None for a constant image.

    Args:
        images: in [0, 1] or 8-bit levels as uint8; they are rounded to 8 bits, and so is their luminance.
        border: pixels that are cropped on each side.
        luma: ``y`` of BT.601, which the evaluation of PIRM 2018 computes first, or ``gray`` of MATLAB's rgb2gray, to
            which the authors' code itself converts RGB images.

    Raises:
        ValueError: not RGB images, or too small within the border: images of 84x84 pixels are large enough.
    """
    images = check_images("the image", images, border, least=nrqm_features.SMALLEST)
    levels = matlab_grey(images) if luma == "gray" else planes(images, "y", "rgb+y")[:, 0]
    return [None if one.amin() == one.amax() else tuple(kind(one) for kind, _ in _KINDS) for one in levels]


def load_nrqm(folder: Path | None = None) -> Nrqm:
    """Load NRQM from the file of :func:`nrqm_file`, whose form :func:`wildsr.evaluation.forest.read_forests` describes.

    Raises:
        FileNotFoundError: the file is missing; the message says how to get it.
        ValueError: the file cannot be read, or has other content.
    """
    forests, weights = read_forests(nrqm_file(folder), tuple(count for _, count in _KINDS))
    return Nrqm(tuple(forests), weights)


@dataclass(frozen=True)
class PerceptualIndex:
    """PI, ((10 - NRQM) + NIQE) / 2."""

    nrqm: Nrqm
    niqe: Niqe

    def __call__(self, images: Tensor, border: int = 0) -> Tensor:
        """PI (B,), float64, on Y of RGB images (B, 3, H, W); lower is better. PIRM 2018 crops a border of 4 pixels."""
        return (10 - self.nrqm(images, border) + self.niqe(images, border)) / 2


def load_pi(folder: Path | None = None) -> PerceptualIndex:
    """Load PI from the files of NRQM and NIQE. Raises the errors of :func:`load_nrqm` and ``load_niqe``."""
    return PerceptualIndex(load_nrqm(folder), load_niqe(folder))


def nrqm_file(folder: Path | None = None) -> Path:
    """Path of the model, ``NRQM_model.mat`` or ``model.mat``; raises ``MissingWeights`` (a ``FileNotFoundError``)."""
    return find_file((PUBLISHED_NAME, MODEL), folder)
