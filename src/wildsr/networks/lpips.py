"""LPIPS, the learned perceptual distance (Zhang et al., 2018, section 3), version 0.1, on AlexNet features."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_WIDTHS = (64, 192, 384, 256, 256)


class LpipsAlex(nn.Module):
    """Distance (B,) of two batches (B, 3, H, W) RGB in [0, 1], at least 64 pixels a side; 0 for equal pictures.

    The state dict has torchvision's AlexNet names (``features.0.weight`` ...) and the channel weights as
    ``lin0`` ... ``lin4``, each (C,).
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        for index, width in enumerate(_WIDTHS):
            self.register_parameter(f"lin{index}", nn.Parameter(torch.zeros(width)))
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The distance of each pair."""
        distance = first.new_zeros(len(first))
        pairs = zip(self._levels(first), self._levels(second), strict=True)
        for index, (one, other) in enumerate(pairs):
            weight = self.get_parameter(f"lin{index}").view(1, -1, 1, 1)
            difference = (_unit(one) - _unit(other)).square()
            distance = distance + (weight * difference).sum(1).mean(dim=(1, 2))
        return distance

    def _levels(self, images: Tensor) -> list[Tensor]:
        """The features after each of the five ReLUs."""
        # LPIPS wants [-1, 1] with its own shift and scale, which amount to ImageNet's on [0, 1].
        x = (images - self.mean) / self.std
        levels = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                levels.append(x)
        return levels


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features, dim=1, eps=1e-10)
