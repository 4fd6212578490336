"""MSRResNet, the modified SRResNet (Ledig et al., 2017) that RealSR ships beside RRDBNet."""

import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.reach import ReachStage, receptive_field

_SLOPE = 0.1


class MSRResNet(nn.Module):
    """Residual blocks without batch norm in LR, pixel shuffles, and the bilinear input added at the end.

    Input (B, in_channels, H, W) RGB in [0, 1]; output (B, out_channels, scale*H, scale*W), not clamped;
    ``in_channels`` and ``out_channels`` are equal.

    Raises:
        ValueError: when the scale is none of 2, 3, 4.
    """

    size_multiple = 1

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        scale: int = 4,
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"MSRResNet cannot upscale by {scale}, only by 2, 3 or 4")
        self.scale = scale
        self.shuffles = (2, 2) if scale == 4 else (scale,)
        self.conv_first = nn.Conv2d(in_channels, features, 3, padding=1)
        self.recon_trunk = nn.Sequential(*(_MSRBlock(features) for _ in range(blocks)))
        for index, shuffle in enumerate(self.shuffles, 1):
            self.add_module(f"upconv{index}", nn.Conv2d(features, features * shuffle**2, 3, padding=1))
        self.HRconv = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, out_channels, 3, padding=1)

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences an output pixel."""
        stages = [ReachStage("convolution", 1 + 2 * len(self.recon_trunk))]
        for shuffle in self.shuffles:
            stages += [ReachStage("convolution", 1), ReachStage("blocks", shuffle)]
        body = receptive_field([*stages, ReachStage("convolution", 2)], self.scale)
        return max(body, receptive_field([ReachStage("bilinear", self.scale)], self.scale))

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, in_channels, H, W) to (B, out_channels, scale*H, scale*W)."""
        features = self.recon_trunk(F.leaky_relu(self.conv_first(x), _SLOPE))
        for index, shuffle in enumerate(self.shuffles, 1):
            features = F.pixel_shuffle(self.get_submodule(f"upconv{index}")(features), shuffle)
            features = F.leaky_relu(features, _SLOPE)
        detail: Tensor = self.conv_last(F.leaky_relu(self.HRconv(features), _SLOPE))
        return detail + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)


class _MSRBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(F.relu(self.conv1(x)))
        return x + out
