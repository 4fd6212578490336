"""Perceptual losses: distances between the features of trained networks."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from wildsr.losses.pixel import l1
from wildsr.networks.lpips import Lpips


class PerceptualLoss(nn.Module):
    """Weighted distances between the features of two batches of images, layer by layer.

    Args:
        features: gives features by name of layer for (B, 3, H, W), such as :class:`wildsr.networks.vgg.VGGFeatures`,
            which also normalises the images. It is frozen.
        weights: weight of the distance for each layer that is used.
        distance: between two batches of features of the same shape.
        crop: side in pixels of a square to which the images are cropped first, at a random place from PyTorch's default
            generator, to save time; None for whole images.

    Raises:
        ValueError: in the forward pass, for a layer that ``features`` does not have.
    """

    def __init__(
        self,
        features: nn.Module,
        weights: Mapping[str, float],
        distance: Callable[[Tensor, Tensor], Tensor] = l1,
        crop: int | None = None,
    ) -> None:
        super().__init__()
        self.features = features.requires_grad_(False).eval()
        self.weights = dict(weights)
        self.distance = distance
        self.crop = crop

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The weighted sum of the distances."""
        if self.crop is not None:
            sr, hr = _cropped(sr, hr, self.crop)
        with torch.no_grad():
            reference = self.features(hr)
        found = self.features(sr)
        if missing := [layer for layer in self.weights if layer not in found]:
            raise ValueError(f"the features have no layer {missing[0]}; they have {', '.join(found)}")
        distances = [
            weight * self.distance(found[layer], reference[layer]) for layer, weight in self.weights.items()
        ]
        return torch.stack(distances).sum()


class LpipsLoss(nn.Module):
    """LPIPS (Zhang et al., 2018), the mean over a batch (B, 3, H, W) in [0, 1], at least 64 pixels a side.

    With ``jitter``, up to that many of the first rows and columns are dropped, at random from PyTorch's default
    generator. Training patches are aligned to the grid of LR pixels, and the first convolution of AlexNet has the same
    stride of 4 pixels: without jitter, some patterns on that grid would not affect the loss. With ``crop``, only a
    square of that side, at a random place, is compared.
    """

    def __init__(self, lpips: Lpips, jitter: int = 0, crop: int | None = None) -> None:
        super().__init__()
        self.lpips = lpips.requires_grad_(False).eval()
        self.jitter, self.crop = jitter, crop

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The mean distance of the pairs."""
        if self.crop is not None:
            sr, hr = _cropped(sr, hr, self.crop)
        top, left = torch.randint(self.jitter + 1, (2,)).tolist()
        distances: Tensor = self.lpips(sr[..., top:, left:], hr[..., top:, left:])
        return distances.mean()


def _cropped(sr: Tensor, hr: Tensor, side: int) -> tuple[Tensor, Tensor]:
    top, left = (int(torch.randint(max(1, length - side + 1), ())) for length in hr.shape[-2:])
    area = (..., slice(top, top + side), slice(left, left + side))
    return sr[area], hr[area]
