"""KernelGAN, which estimates the blur kernel of an image from that image alone (Bell-Kligler et al., 2019)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.spectral_norm import SpectralNormConv2d

SIZES = (7, 5, 3, 1, 1, 1)
"""Sides of the generator's kernels (section 4); together they are as large as one kernel of 13."""


class KernelGANGenerator(nn.Module):
    """A linear chain of convolutions that downscales each colour channel of an image by ``stride`` (section 3.2).

    Input (B, C, H, W) in [-1, 1]; output (B, C, h, w) with h = (H - reach) // stride + 1, no padding. The last
    convolution has the stride. :meth:`kernel` is the blur kernel that the chain is equivalent to.
    """

    def __init__(self, features: int = 64, sizes: tuple[int, ...] = SIZES, stride: int = 2) -> None:
        super().__init__()
        self.stride = stride
        self.reach = 1 + sum(size - 1 for size in sizes)
        self.first_layer = nn.Conv2d(1, features, sizes[0], bias=False)
        self.feature_block = nn.Sequential(
            *(nn.Conv2d(features, features, size, bias=False) for size in sizes[1:-1])
        )
        self.final_layer = nn.Conv2d(features, 1, sizes[-1], stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Downscale (B, C, H, W)."""
        planes = x.flatten(0, 1).unsqueeze(1)
        small: Tensor = self.final_layer(self.feature_block(self.first_layer(planes)))
        return small.view(*x.shape[:2], *small.shape[-2:])

    def kernel(self) -> Tensor:
        """The blur kernel (reach, reach), with which an image is correlated before it is subsampled.

        It has gradients, and sums to 1 only approximately, by training.
        """
        response = torch.ones_like(self.first_layer.weight[:1, :1, :1, :1])
        response = F.pad(response, (self.reach - 1,) * 4)
        for layer in (self.first_layer, *self.feature_block, self.final_layer):
            assert isinstance(layer, nn.Conv2d)
            response = F.conv2d(response, layer.weight)
        return response.squeeze(0).squeeze(0).flip(0, 1)

    def output_size(self, side: int) -> int:
        """Height or width of the output for an input of this height or width."""
        return (side - self.reach) // self.stride + 1


class KernelGANDiscriminator(nn.Module):
    """Probability (B, 1, H - 6, W - 6) that a patch of (B, 3, H, W), in [-1, 1], comes from the image itself.

    One 7x7 convolution, then convolutions of size 1, all with spectral norm (section 3.3). ``layers`` counts all
    convolutions; ``size`` is the side of the first.
    """

    def __init__(self, features: int = 64, layers: int = 7, size: int = 7) -> None:
        super().__init__()
        self.first_layer = SpectralNormConv2d(3, features, size)
        block: list[nn.Module] = []
        for _ in range(layers - 2):
            block += [SpectralNormConv2d(features, features, 1), nn.BatchNorm2d(features), nn.ReLU()]
        self.feature_block = nn.Sequential(*block)
        self.final_layer = nn.Sequential(SpectralNormConv2d(features, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """The map of probabilities."""
        out: Tensor = self.final_layer(self.feature_block(self.first_layer(x)))
        return out
