"""Perceptual losses: distances of the features that trained networks find in pictures."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from wildsr.losses.pixel import l1
from wildsr.networks.lpips import Lpips


class PerceptualLoss(nn.Module):
    """Weighted distances between the features of two batches of pictures, layer by layer.

    Args:
        features: gives features by name of layer for (B, 3, H, W), such as :class:`wildsr.networks.vgg.VGGFeatures`,
            which also says how pictures are normalised. It is frozen.
        weights: of the distances, for each layer that counts.
        distance: of two batches of features of the same shape.

    Raises:
        ValueError: in the forward pass, for a layer that ``features`` does not give.
    """

    def __init__(
        self,
        features: nn.Module,
        weights: Mapping[str, float],
        distance: Callable[[Tensor, Tensor], Tensor] = l1,
    ) -> None:
        super().__init__()
        self.features = features.requires_grad_(False).eval()
        self.weights = dict(weights)
        self.distance = distance

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The weighted sum of the distances."""
        with torch.no_grad():
            wanted = self.features(hr)
        found = self.features(sr)
        if missing := [layer for layer in self.weights if layer not in found]:
            raise ValueError(f"the features have no layer {missing[0]}; they have {', '.join(found)}")
        distances = [
            weight * self.distance(found[layer], wanted[layer]) for layer, weight in self.weights.items()
        ]
        return torch.stack(distances).sum()


class LpipsLoss(nn.Module):
    """LPIPS (Zhang et al., 2018), the mean over a batch (B, 3, H, W) in [0, 1], at least 64 pixels a side."""

    def __init__(self, lpips: Lpips) -> None:
        super().__init__()
        self.lpips = lpips.requires_grad_(False).eval()

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The mean distance of the pairs."""
        distances: Tensor = self.lpips(sr, hr)
        return distances.mean()
