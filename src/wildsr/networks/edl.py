"""RWSR-EDL, an RRDBNet with two exclusive branches in HR (exclusionary dual learning)."""

from typing import NamedTuple

from torch import Tensor, nn

from wildsr.networks.rrdbnet import RRDBNet

_SLOPE = 0.2
_BRANCH_BLOCKS = 3


class Branches(NamedTuple):
    """Outputs of an :class:`EDLNet` for a batch of LR images; heights and widths are those of HR.

    Attributes:
        out: the result, ``out1 + out2``, (B, out_channels, H, W).
        out1: the perceptual part, which the adversarial loss trains.
        out2: the part that the pixel loss trains.
        mid_out: output of the trunk, the input of the branches.
        mask: (B, features, H, W), positive, sums to 1 over the features; the weight of the first branch.
    """

    out: Tensor
    out1: Tensor
    out2: Tensor
    mid_out: Tensor
    mask: Tensor


class EDLNet(RRDBNet):
    """An RRDBNet whose output goes through two branches that a mask weights.

    Input (B, in_channels, H, W) RGB in [0, 1]; output (B, out_channels, scale*H, scale*W), not clamped. Training
    needs the branches separately: :meth:`branches`.

    Raises:
        ValueError: when the scale is none of 1, 2, 4, 8.
    """

    hr_radius = RRDBNet.hr_radius + 2 * _BRANCH_BLOCKS + 1

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        features: int = 64,
        blocks: int = 23,
        growth: int = 32,
        scale: int = 4,
    ) -> None:
        super().__init__(in_channels, out_channels, features, blocks, growth, scale)
        self.sm = _branch(out_channels, features)
        self.branch1 = _branch(out_channels, features)
        self.branch2 = _branch(out_channels, features)
        self.tail_conv1 = nn.Conv2d(features, out_channels, 3, padding=1)
        self.tail_conv2 = nn.Conv2d(features, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, in_channels, H, W) to (B, out_channels, scale*H, scale*W)."""
        return self.branches(x).out

    def branches(self, x: Tensor) -> Branches:
        """The result, and the two branches whose sum it is."""
        mid_out = super().forward(x)
        mask = self.sm(mid_out).softmax(dim=1)
        out1 = self.tail_conv1(mask * self.branch1(mid_out))
        out2 = self.tail_conv2((1 - mask) * self.branch2(mid_out))
        return Branches(out1 + out2, out1, out2, mid_out, mask)


def _branch(width_in: int, features: int) -> nn.Sequential:
    widths = [width_in] + [features] * (_BRANCH_BLOCKS - 1)
    return nn.Sequential(*(_BranchBlock(width, features) for width in widths))


class _BranchBlock(nn.Module):
    """Two convolutions in parallel with a 1x1 convolution; no activation after the sum."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width_in, width_out, 3, padding=1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(width_out, width_out, 3, padding=1),
            nn.LeakyReLU(_SLOPE),
        )
        self.conv = nn.Conv2d(width_in, width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x) + self.conv(x)
        return out
