"""DSGAN, which learns the noise and artifacts of LR images from a source (Fritsche et al., 2019; also in SRResCGAN)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from wildsr.ops.frequency import LowPass

LOW_PASS = LowPass(5, borders="ignored")
"""The low-pass filter of DSGAN."""
_SLOPE = 0.2


class DSGANGenerator(nn.Module):
    """Adds the noise and artifacts of a source domain to clean LR images, at the same size (section 3.1).

    Input (B, 3, H, W) RGB in [0, 1]; output (B, 3, H, W) in (0, 1).
    """

    scale = 1
    size_multiple = 1

    def __init__(self, features: int = 64, blocks: int = 8) -> None:
        super().__init__()
        self.block_input = nn.Sequential(nn.Conv2d(3, features, 3, padding=1), nn.PReLU())
        self.res_blocks = nn.Sequential(*(_DSGANBlock(features) for _ in range(blocks)))
        self.block_output = nn.Conv2d(features, 3, 3, padding=1)

    @property
    def receptive_field(self) -> int:
        """Radius in pixels beyond which nothing influences an output pixel."""
        return 2 + 2 * len(self.res_blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Degrade (B, 3, H, W)."""
        out: Tensor = self.block_output(self.res_blocks(self.block_input(x)))
        return out.sigmoid()


class DSGANDiscriminator(nn.Module):
    """Per-pixel discriminator of the high frequencies of images (section 3.2).

    Input (B, 3, H, W) RGB in [0, 1]; output (B, 1, H, W): probabilities, or logits when ``probabilities`` is off,
    as for a Wasserstein GAN. ``low_pass`` is the filter whose result is subtracted first; None for none.
    """

    def __init__(self, low_pass: LowPass | None = LOW_PASS, probabilities: bool = True) -> None:
        super().__init__()
        self.low_pass = low_pass
        self.probabilities = probabilities
        layers = nn.Sequential(
            nn.Conv2d(3, 64, 5, padding=2),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(64, 128, 5, padding=2),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(128, 256, 5, padding=2),
            nn.BatchNorm2d(256),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(256, 1, 1),
        )
        self.net = nn.Sequential(OrderedDict(net=layers))  # the published keys contain net.net

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """The output for ``x``; with ``other``, relative to the mean logits of that batch at each position."""
        logits = self._logits(x)
        if other is not None:
            logits = logits - self._logits(other).mean(0, keepdim=True)
        return torch.sigmoid(logits) if self.probabilities else logits

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x if self.low_pass is None else self.low_pass.rest(x))
        return logits


class _DSGANBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(self.prelu(self.conv1(x)))
        return x + out
