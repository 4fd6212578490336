"""SRVGGNetCompact, the small VGG-style network of Real-ESRGAN (Wang et al., 2021; released with version 0.3)."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


class SRVGGNetCompact(nn.Module):
    """A plain chain of 3x3 convolutions in LR, one pixel shuffle at the end, added to the nearest-upsampled input.

    Input (B, 3, H, W) RGB in [0, 1]; output (B, 3, scale*H, scale*W), not clamped.
    ``convs`` counts the hidden convolutions, so the network has ``convs + 2`` in all.
    """

    size_multiple = 1

    def __init__(self, features: int = 64, convs: int = 16, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.convs = convs
        widths = [3] + [features] * (convs + 1)
        body: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            body += [nn.Conv2d(width_in, width_out, 3, padding=1), nn.PReLU(width_out)]
        body.append(nn.Conv2d(features, 3 * scale**2, 3, padding=1))
        self.body = nn.Sequential(*body)

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences an output pixel."""
        return self.convs + 2

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        detail = F.pixel_shuffle(self.body(x), self.scale)
        return detail + F.interpolate(x, scale_factor=self.scale, mode="nearest")
