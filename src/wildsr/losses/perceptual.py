"""Perceptual losses: distances of the features that trained networks find in images."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from wildsr.losses.pixel import l1
from wildsr.networks.lpips import Lpips


class PerceptualLoss(nn.Module):
    """Weighted distances between the features of two batches of images, layer by layer.

    Args:
        features: gives features by name of layer for (B, 3, H, W), such as :class:`wildsr.networks.vgg.VGGFeatures`,
            which also says how images are normalised. It is frozen.
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
    """LPIPS (Zhang et al., 2018), the mean over a batch (B, 3, H, W) in [0, 1], at least 64 pixels a side.

    With ``jitter``, up to so many of the first rows and columns are left out, as PyTorch's default generator draws.
    Patches of training lie on the grid of LR pixels; the first convolution of AlexNet has the same steps of 4 pixels,
    sees every pixel of that grid in one way only, and would let a pattern pass that it does not see.
    """

    def __init__(self, lpips: Lpips, jitter: int = 0) -> None:
        super().__init__()
        self.lpips = lpips.requires_grad_(False).eval()
        self.jitter = jitter

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The mean distance of the pairs."""
        top, left = torch.randint(self.jitter + 1, (2,)).tolist()
        distances: Tensor = self.lpips(sr[..., top:, left:], hr[..., top:, left:])
        return distances.mean()
