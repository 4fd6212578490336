"""Discriminators: PatchGAN, VGG-style, and a U-Net with spectral norm. All give logits."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.spectral_norm import SpectralNormConv2d

_SLOPE = 0.2
_WIDEST = 512
_VGG_WIDTHS = (1, 2, 4, 8, 8)


class PatchGAN(nn.Module):
    """A map (B, 1, h, w) of logits, one for each overlapping patch of (B, in_channels, H, W) (Isola et al., 2017).

    ``layers`` 4x4 convolutions follow the first; the first and all of them but the last halve the image. RealSR and
    RWSR-EDL train with ``variant`` "realsr": a padding of 1, and no bias before a batch norm. "kair", of BSRGAN's
    code, has a padding of 2 and biases everywhere, and can have spectral norm in place of batch norm.

    Raises:
        ValueError: for spectral norm in the variant "realsr".
    """

    def __init__(
        self,
        in_channels: int = 3,
        features: int = 64,
        layers: int = 3,
        variant: Literal["realsr", "kair"] = "realsr",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        if spectral and variant != "kair":
            raise ValueError("RealSR's PatchGAN has no spectral norm; use the variant 'kair'")
        self.in_channels = in_channels
        padding, biases = (2, True) if variant == "kair" else (1, False)
        widest = _WIDEST if variant == "kair" else 8 * features
        widths = [features, *(min(features << level, widest) for level in range(1, layers + 1))]

        def conv(width_in: int, width_out: int, stride: int, bias: bool) -> nn.Conv2d:
            if spectral:
                return SpectralNormConv2d(width_in, width_out, 4, stride, padding, bias)
            return nn.Conv2d(width_in, width_out, 4, stride, padding, bias=bias)

        body: list[nn.Module] = [conv(in_channels, widths[0], 2, True), nn.LeakyReLU(_SLOPE)]
        for level in range(1, layers + 1):
            body += [
                conv(widths[level - 1], widths[level], 2 if level < layers else 1, biases),
                nn.Identity() if spectral else nn.BatchNorm2d(widths[level]),
                nn.LeakyReLU(_SLOPE),
            ]
        self.model = nn.Sequential(*body, conv(widths[-1], 1, 1, True))

    def forward(self, x: Tensor) -> Tensor:
        """The map of logits."""
        out: Tensor = self.model(x)
        return out


class VGG128Discriminator(nn.Module):
    """One logit (B, 1) for images (B, in_channels, 128, 128): ten convolutions, two linear layers.

    SRGAN's discriminator (Ledig et al., 2017, section 2.1.1) as ESRGAN, RealSR and SRResCGAN use it.
    """

    def __init__(self, in_channels: int = 3, features: int = 64) -> None:
        super().__init__()
        width_in = in_channels
        for level, factor in enumerate(_VGG_WIDTHS):
            width = features * factor
            self.add_module(f"conv{level}_0", nn.Conv2d(width_in, width, 3, 1, 1, bias=level == 0))
            if level:
                self.add_module(f"bn{level}_0", nn.BatchNorm2d(width))
            self.add_module(f"conv{level}_1", nn.Conv2d(width, width, 4, 2, 1, bias=False))
            self.add_module(f"bn{level}_1", nn.BatchNorm2d(width))
            width_in = width
        self.linear1 = nn.Linear(width_in * 4 * 4, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One logit for each image."""
        for level in range(len(_VGG_WIDTHS)):
            for half in (0, 1):
                x = self.get_submodule(f"conv{level}_{half}")(x)
                if level or half:
                    x = self.get_submodule(f"bn{level}_{half}")(x)
                x = F.leaky_relu(x, _SLOPE)
        out: Tensor = self.linear2(F.leaky_relu(self.linear1(x.flatten(1)), _SLOPE))
        return out


class UNetDiscriminator(nn.Module):
    """One logit for each pixel, (B, 1, H, W), of (B, in_channels, H, W); H and W multiples of 8.

    As in Real-ESRGAN (Wang et al., 2021, section 3.3) and BSRGAN's code: three halvings and back, additive skip
    connections, spectral norm except at both ends.
    """

    def __init__(self, in_channels: int = 3, features: int = 64) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(in_channels, features, 3, padding=1)
        for level in range(3):
            width = features << level
            self.add_module(f"conv{level + 1}", SpectralNormConv2d(width, 2 * width, 4, 2, 1, bias=False))
        for level in range(3):
            width = features << (3 - level)
            self.add_module(f"conv{level + 4}", SpectralNormConv2d(width, width // 2, 3, 1, 1, bias=False))
        self.conv7 = SpectralNormConv2d(features, features, 3, 1, 1, bias=False)
        self.conv8 = SpectralNormConv2d(features, features, 3, 1, 1, bias=False)
        self.conv9 = nn.Conv2d(features, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The map of logits."""
        x = F.leaky_relu(self.conv0(x), _SLOPE)
        skips = []
        for level in (1, 2, 3):
            skips.append(x)
            x = F.leaky_relu(self.get_submodule(f"conv{level}")(x), _SLOPE)
        for level in (4, 5, 6):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = F.leaky_relu(self.get_submodule(f"conv{level}")(x), _SLOPE) + skips.pop()
        x = F.leaky_relu(self.conv7(x), _SLOPE)
        x = F.leaky_relu(self.conv8(x), _SLOPE)
        out: Tensor = self.conv9(x)
        return out
