"""RRDBNet, the network of ESRGAN (Wang et al., 2018, section 3.1), RealSR, BSRGAN and Real-ESRGAN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.reach import ReachStage, receptive_field

_SLOPE = 0.2
_RESIDUAL_SCALE = 0.2
_UPSAMPLINGS = {1: 0, 2: 1, 4: 2, 8: 3}


class RRDBNet(nn.Module):
    """Residual-in-residual dense blocks in LR, then nearest x2 upsampling and a convolution for each factor of two.

    Input (B, in_channels, H, W) RGB in [0, 1], H and W multiples of ``unshuffle``; output (B, out_channels,
    scale*H, scale*W), not clamped. With ``unshuffle`` 2 or 4 the input is first folded by a pixel unshuffle,
    as Real-ESRGAN does for x2 and x1; without, the network has fewer up-convolutions, as BSRGAN x2
    does.

    With ``relu`` all LeakyReLUs are ReLUs, as in KAIR's train_rrdb_psnr.json. A scalar named ``relu`` among the weights
    tells such a network from others.

    Raises:
        ValueError: when scale * unshuffle is none of 1, 2, 4, 8.
    """

    hr_radius = 2
    """Sum of the radii of all convolutions after the last up-convolution, in HR pixels."""

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        features: int = 64,
        blocks: int = 23,
        growth: int = 32,
        scale: int = 4,
        unshuffle: int = 1,
        relu: bool = False,
    ) -> None:
        super().__init__()
        if scale * unshuffle not in _UPSAMPLINGS:
            raise ValueError(f"RRDBNet cannot upscale by {scale} with a pixel unshuffle of {unshuffle}")
        self.scale = scale
        self._slope = 0.0 if relu else _SLOPE
        if relu:
            self.register_buffer("relu", torch.ones(()))
        self.unshuffle = unshuffle
        self.upsamplings = _UPSAMPLINGS[scale * unshuffle]
        self.conv_first = nn.Conv2d(in_channels * unshuffle**2, features, 3, padding=1)
        self.RRDB_trunk = nn.Sequential(*(_RRDB(features, growth, self._slope) for _ in range(blocks)))
        self.trunk_conv = nn.Conv2d(features, features, 3, padding=1)
        for index in range(1, self.upsamplings + 1):
            self.add_module(f"upconv{index}", nn.Conv2d(features, features, 3, padding=1))
        self.HRconv = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, out_channels, 3, padding=1)

    @property
    def size_multiple(self) -> int:
        """H and W of the input are multiples of this."""
        return self.unshuffle

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences an output pixel."""
        stages = [
            ReachStage("unshuffle", self.unshuffle),
            ReachStage("convolution", 15 * len(self.RRDB_trunk) + 2),
        ]
        stages += [ReachStage("blocks", 2), ReachStage("convolution", 1)] * self.upsamplings
        return receptive_field([*stages, ReachStage("convolution", self.hr_radius)], self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, in_channels, H, W) to (B, out_channels, scale*H, scale*W)."""
        if self.unshuffle > 1:
            x = F.pixel_unshuffle(x, self.unshuffle)
        features = self.conv_first(x)
        features = features + self.trunk_conv(self.RRDB_trunk(features))
        for index in range(1, self.upsamplings + 1):
            features = F.interpolate(features, scale_factor=2, mode="nearest")
            features = F.leaky_relu(self.get_submodule(f"upconv{index}")(features), self._slope)
        out: Tensor = self.conv_last(F.leaky_relu(self.HRconv(features), self._slope))
        return out


class _RRDB(nn.Module):
    """Three dense blocks and a scaled residual."""

    def __init__(self, features: int, growth: int, slope: float) -> None:
        super().__init__()
        self.RDB1 = _DenseBlock(features, growth, slope)
        self.RDB2 = _DenseBlock(features, growth, slope)
        self.RDB3 = _DenseBlock(features, growth, slope)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.RDB3(self.RDB2(self.RDB1(x)))
        return out * _RESIDUAL_SCALE + x


class _DenseBlock(nn.Module):
    """Five convolutions, each on the concatenation of all features before it."""

    def __init__(self, features: int, growth: int, slope: float) -> None:
        super().__init__()
        self._slope = slope
        self.conv1 = nn.Conv2d(features, growth, 3, padding=1)
        self.conv2 = nn.Conv2d(features + growth, growth, 3, padding=1)
        self.conv3 = nn.Conv2d(features + 2 * growth, growth, 3, padding=1)
        self.conv4 = nn.Conv2d(features + 3 * growth, growth, 3, padding=1)
        self.conv5 = nn.Conv2d(features + 4 * growth, features, 3, padding=1)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            # Small residuals at the start let a deep network train (ESRGAN, section 3.1).
            nn.init.kaiming_normal_(conv.weight)
            with torch.no_grad():
                conv.weight.mul_(0.1)
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        grown = x
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            grown = torch.cat((grown, F.leaky_relu(conv(grown), self._slope)), 1)
        out: Tensor = self.conv5(grown)
        return out * _RESIDUAL_SCALE + x
