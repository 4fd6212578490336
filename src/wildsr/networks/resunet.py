"""ResUNet, the network of our own models: a U-Net (Ronneberger et al., 2015) of residual blocks, in LR.

Restoring strong blur and noise needs a large receptive field; most of the network works at a half and a quarter of the
LR size, where that is cheap. The blocks are those of EDSR (Lim et al., 2017).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.reach import ReachStage, receptive_field

FULL_BLOCKS = 1
"""Residual blocks at full size in the encoder, and as many in the decoder."""
HALF_BLOCKS = (1, 2)
"""Residual blocks at half size in the encoder and in the decoder."""


class ResUNet(nn.Module):
    """Residual blocks at three sizes of LR and one pixel shuffle at the end, added to the input upsampled bilinearly.

    Input (B, 3, H, W) RGB in [0, 1], H and W multiples of :attr:`size_multiple`; output (B, 3, scale*H, scale*W), not
    clamped. A new network returns the upsampled input, since its last convolution is initialised with zeros. (With
    nearest upsampling, as in the compact network, a faint grid stays visible in smooth areas.)

    Args:
        features: channels at full size.
        width: channels at half and quarter size.
        blocks: residual blocks at quarter size.
        scale: HR pixels per LR pixel.
    """

    size_multiple = 4

    def __init__(self, features: int = 64, width: int = 96, blocks: int = 2, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.blocks = blocks
        before, after = HALF_BLOCKS
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.full_in = _blocks(features, FULL_BLOCKS)
        self.to_half = nn.Conv2d(features, width, 2, stride=2)
        self.half_in = _blocks(width, before)
        self.to_quarter = nn.Conv2d(width, width, 2, stride=2)
        self.quarter = _blocks(width, blocks)
        self.from_quarter = nn.Conv2d(width, 4 * width, 1)
        self.half_out = _blocks(width, after)
        self.from_half = nn.Conv2d(width, 4 * features, 1)
        self.full_out = _blocks(features, FULL_BLOCKS)
        self.activation = nn.PReLU(features)
        self.tail = _zero_initialised(nn.Conv2d(features, 3 * scale**2, 3, padding=1))

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences an output pixel."""
        before, after = HALF_BLOCKS
        stages = [
            ReachStage("convolution", 1 + 2 * FULL_BLOCKS),
            ReachStage("unshuffle", 2),
            ReachStage("convolution", 2 * before),
            ReachStage("unshuffle", 2),
            ReachStage("convolution", 2 * self.blocks),
            ReachStage("blocks", 2),
            ReachStage("convolution", 2 * after),
            ReachStage("blocks", 2),
            ReachStage("convolution", 2 * FULL_BLOCKS + 1),
            ReachStage("blocks", self.scale),
        ]
        return receptive_field(stages, self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        full = self.full_in(self.head(x))
        half = self.half_in(self.to_half(full))
        quarter = self.quarter(self.to_quarter(half))
        half = self.half_out(half + F.pixel_shuffle(self.from_quarter(quarter), 2))
        full = self.full_out(full + F.pixel_shuffle(self.from_half(half), 2))
        detail = F.pixel_shuffle(self.tail(self.activation(full)), self.scale)
        return detail + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)


class _ResUNetBlock(nn.Module):
    """Two convolutions whose output is added to the input; a new block is the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.activation = nn.PReLU(channels)
        self.second = _zero_initialised(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(self.activation(self.first(x)))
        return out


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_ResUNetBlock(channels) for _ in range(count)))


def _zero_initialised(convolution: nn.Conv2d) -> nn.Conv2d:
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution
