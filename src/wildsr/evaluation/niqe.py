"""NIQE: naturalness of an image, without a reference; smaller is better.

Mittal, Soundararajan, Bovik 2013, with the conventions of BasicSR, which are those of the authors' MATLAB code.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from wildsr.evaluation.natural import block_features, normalised
from wildsr.evaluation.planes import check_images, planes, strips
from wildsr.ops.color import GREY
from wildsr.ops.resize import imresize
from wildsr.zoo.features.files import find_file

PARAMETERS = "niqe_pris_params.npz"
BLOCK = 96
Luma = Literal["y", "gray"]

# Rows read beyond a strip: 6 for the window at half size and 4 for the halving; an even number.
_HALO = 16


@dataclass(frozen=True)
class Niqe:
    """NIQE and its model of natural images.

    Attributes:
        mean: features of natural images (36,), float64.
        covariance: of the features (36, 36), float64.
        taps: samples (7,) of the window of local means, float64; the window is their outer product.
    """

    mean: Tensor
    covariance: Tensor
    taps: Tensor

    def __call__(self, images: Tensor, border: int = 0, luma: Luma = "y") -> Tensor:
        """NIQE (B,), float64, of RGB images (B, 3, H, W) in [0, 1], each separately; 0 is best, 3 to 10 are usual.

        The images are rounded to 8 bits, and so is their luminance: Y of BT.601, or the ``gray`` of OpenCV.
        ``border`` pixels are cropped on each side; the rest is split into whole blocks of 96x96 from the upper left.
        Besides the images, memory for a strip of blocks is needed.

        An image with fewer than two blocks that are not flat gives NaN.

        Raises:
            ValueError: not RGB images, or too small for two blocks.
        """
        features = self.features(images, border, luma)
        return torch.stack([self.distance(blocks) for blocks in features])

    def features(self, images: Tensor, border: int = 0, luma: Luma = "y") -> Tensor:
        """The features (B, N, 36), float64, of the N blocks: 18 at full size, then 18 at half size."""
        images = check_images("the image", images, border, least=BLOCK)
        down, across = (side // BLOCK for side in images.shape[2:])
        if down * across < 2:
            raise ValueError(
                f"the image of {images.shape[3]}x{images.shape[2]} pixels is too small: "
                f"NIQE needs two blocks of {BLOCK}x{BLOCK}"
            )
        images = images[..., : down * BLOCK, : across * BLOCK]
        height, width = images.shape[2:]
        parts = []
        for rows in strips(height, 4 * len(images) * width, multiple=BLOCK):
            top, bottom = max(rows.start - _HALO, 0), min(rows.stop + _HALO, height)
            levels = _levels(images[:, :, top:bottom], luma)
            scales = []
            for step, scaled in ((1, levels), (2, _half(levels))):
                begin, end = (rows.start - top) // step, (rows.stop - top) // step
                blocks = _blocks(normalised(scaled, self.taps)[:, begin:end], BLOCK // step)
                scales.append(block_features(blocks))
            parts.append(torch.cat(scales, dim=-1))
        return torch.cat(parts, dim=1)

    def distance(self, features: Tensor) -> Tensor:
        """NIQE of one image, a scalar, from the features (N, 36) of its blocks."""
        usable = features[~features.isnan().any(dim=1)]
        if len(usable) < 2:
            return features.new_tensor(torch.nan)
        # Flat blocks contribute their finite features to the mean, as in the original.
        shift = self.mean.to(features.device) - features.nanmean(dim=0)
        covariance = (self.covariance.to(features.device) + usable.T.cov()) / 2
        squared: Tensor = shift @ torch.linalg.pinv(covariance, rtol=1e-15) @ shift
        return squared.sqrt()


def load_niqe(folder: Path | None = None) -> Niqe:
    """Load NIQE from ``niqe_pris_params.npz``, found by :func:`wildsr.zoo.features.files.find_file`.

    The file is that of BasicSR: ``mu_pris_param`` (1, 36), ``cov_pris_param`` (36, 36), ``gaussian_window`` (7, 7).

    Raises:
        FileNotFoundError: the file is missing; the message says how to get it.
        ValueError: the file has other content.
    """
    path = find_file((PARAMETERS,), folder)
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, covariance, window = (
                torch.from_numpy(np.asarray(file[key], dtype=np.float64))
                for key in ("mu_pris_param", "cov_pris_param", "gaussian_window")
            )
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} does not hold the parameters of NIQE ({error}); download it again"
        ) from error
    taps = window.sum(-1)
    separable = window.ndim == 2 and torch.allclose(torch.outer(taps, taps), window, atol=1e-9)
    if mean.numel() != 36 or covariance.shape != (36, 36) or not separable or len(taps) % 2 == 0:
        raise ValueError(f"{path} holds parameters of other shapes than NIQE's; download it again")
    return Niqe(mean.flatten(), covariance, taps)


def _levels(images: Tensor, luma: Luma) -> Tensor:
    """Luminance (B, H, W) rounded to levels, float32."""
    # Rounded to float32 where the originals are, in OpenCV's order of channels: this decides how halves are rounded.
    if luma == "y":
        y = planes(images, "y")[:, 0] / 255
        return y.float().mul(255).round()
    image = planes(images).float().div(255)
    gray = torch.zeros_like(image[:, 0])
    for channel in (1, 2, 0):
        weight = torch.tensor(GREY[channel], dtype=torch.float32).item()
        gray = (gray.double() + image[:, channel].double() * weight).float()
    return gray.mul(255).round()


def _half(levels: Tensor) -> Tensor:
    """Levels (B, H, W) at half size; float32 represents all products with the kernel's weights n / 256 exactly."""
    return imresize(levels, 0.5)


def _blocks(maps: Tensor, side: int) -> Tensor:
    """(B, H, W) as its blocks (B, N, side, side), row by row."""
    batch, height, width = maps.shape
    split = maps.reshape(batch, height // side, side, width // side, side)
    return split.permute(0, 1, 3, 2, 4).reshape(batch, -1, side, side)
