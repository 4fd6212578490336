"""DDNSR's networks: the dual-input degradation network and the two discriminators.

There is no class for the reconstruction network: it is :class:`wildsr.networks.rrdbnet.RRDBNet`
exactly. Its nested residuals (a block adds 0.2 times its input chain, which already holds the input) are those
of ESRGAN's code, and a stride-1 3x3 convolution has the same borders in both frameworks. ``filters`` and
``blocks`` are ``features`` and ``blocks``, ``filters_growing`` is ``growth``, ``upscale_layers`` n is scale
2**n.

All state dicts list the convolutions in the order in which the original code makes them: for the
reconstruction network ``conv_first``, ``RRDB_trunk.i.RDBj.convk``, ``trunk_conv``, ``upconv1`` ..., ``HRconv``,
``conv_last``; for the degradation network ``conv_first``, ``halvings.i.conv1`` and ``conv2``, ``conv_hr``,
``noise.0`` to ``noise.3``, ``conv_mix``, ``trunk.i.conv1`` and ``conv2``, ``trunk_conv``, ``conv_last``, each
with ``weight`` (out, in, height, width) and ``bias``, and in front of them all the number ``noise_gain``, which
is 1 for a network of the type "dual" and 0 for "single".
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SLOPE = 0.2
_NOISE_CONVS = 4


class DegradationNetwork(nn.Module):
    """Degrades an HR image to LR, with the noise of another, real LR image.

    ``hr`` (B, 3, H, W) and ``lr`` (B, 3, h, w), RGB in [0, 1], where h and w are H and W halved ``halvings``
    times, rounded up each time; output (B, 3, h, w), not clamped. A network that is not ``dual`` ignores the
    values of ``lr``, but checks its size.

    Raises:
        ValueError: in the forward pass, when the sizes of the two images do not fit.
    """

    noise_gain: Tensor

    def __init__(self, features: int = 64, halvings: int = 2, blocks: int = 8, dual: bool = True) -> None:
        super().__init__()
        # A buffer, so that the type of a network follows from its weights.
        self.register_buffer("noise_gain", torch.tensor(1.0 if dual else 0.0))
        self.conv_first = SameConv2d(3, features, 3)
        self.halvings = nn.Sequential(*(_Halving(features << level) for level in range(halvings)))
        self.conv_hr = SameConv2d(features << halvings, features, 3)
        widths = [3, *(features << level for level in range(_NOISE_CONVS))]
        self.noise = nn.ModuleList(
            SameConv2d(width_in, width_out, 3) for width_in, width_out in pairwise(widths)
        )
        self.conv_mix = SameConv2d(features + widths[-1], features, 3)
        self.trunk = nn.Sequential(*(_DDNSRBlock(features) for _ in range(blocks)))
        self.trunk_conv = SameConv2d(features, features, 3)
        self.conv_last = SameConv2d(features, 3, 3)

    def forward(self, hr: Tensor, lr: Tensor) -> Tensor:
        """The degraded image (B, 3, h, w)."""
        clean: Tensor = self.conv_hr(self.halvings(self.conv_first(hr)))
        if clean.shape[-2:] != lr.shape[-2:]:
            raise ValueError(
                f"an HR image of {tuple(hr.shape[-2:])} becomes {tuple(clean.shape[-2:])}; the LR image "
                f"that gives the noise has {tuple(lr.shape[-2:])}"
            )
        noise = lr * self.noise_gain
        for conv in self.noise:
            noise = F.leaky_relu(conv(noise), _SLOPE)
        mixed = self.trunk(self.conv_mix(torch.cat((clean, noise), 1)))
        out: Tensor = self.conv_last(clean + self.trunk_conv(mixed))
        return out


class DDNSRVGGDiscriminator(nn.Module):
    """One score (B, 1), a logit, for images (B, 3, height, width) RGB in [0, 1] of one fixed size.

    The paper uses 64 features and 5 halvings for 128x128 HR images, 128 and 3 for 32x32 LR images.
    """

    def __init__(
        self, features: int = 64, halvings: int = 5, size: tuple[int, int] = (128, 128), hidden: int = 100
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv2d(3, features, 3), nn.LeakyReLU(_SLOPE)]
        width = features
        for level in range(halvings):
            if level:
                layers += _normalised(width, features << level, 3, 1)
                width = features << level
            layers += _normalised(width, width, 4, 2)
        self.body = nn.Sequential(*layers)
        height, breadth = (-(-side >> halvings) for side in size)
        self.linear1 = nn.Linear(width * height * breadth, hidden)
        self.linear2 = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One logit for each image."""
        # Channels last before flattening, as in the original, so that its weights fit without reordering.
        flat = self.body(x).permute(0, 2, 3, 1).flatten(1)
        score: Tensor = self.linear2(F.leaky_relu(self.linear1(flat), _SLOPE))
        return score


class DDNSRPatchDiscriminator(nn.Module):
    """A map (B, 1, h, w) of logits for images (B, 3, H, W) RGB in [0, 1]; h is H halved ``halvings`` times.

    PatchGAN with TensorFlow's padding: halvings round up, and convolutions of stride 1 keep the size.
    """

    def __init__(self, features: int = 64, halvings: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv2d(3, features, 4, stride=2), nn.LeakyReLU(_SLOPE)]
        for level in range(1, halvings + 1):
            stride = 2 if level < halvings else 1
            layers += _normalised(features << (level - 1), features << level, 4, stride)
        self.body = nn.Sequential(*layers, SameConv2d(features << halvings, 1, 4))

    def forward(self, x: Tensor) -> Tensor:
        """The map of logits."""
        score: Tensor = self.body(x)
        return score


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's ``same`` padding: output sizes are input sizes / stride, rounded up.

    An odd number of zeros puts the larger half below and to the right; how many there are depends on the size
    of the image. Weights are initialised as in Keras, Glorot-uniform.
    """

    def __init__(self, width_in: int, width_out: int, size: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(width_in, width_out, size, stride, bias=bias)

    def reset_parameters(self) -> None:
        """Sample new weights, and set biases to 0."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, width_in, H, W) to (B, width_out, ceil(H / stride), ceil(W / stride))."""
        vertical = _border(x.shape[-2], self.kernel_size[0], self.stride[0])
        horizontal = _border(x.shape[-1], self.kernel_size[1], self.stride[1])
        return super().forward(F.pad(x, (*horizontal, *vertical)))


def _border(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Numbers of zeros before and after."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _normalised(width_in: int, width_out: int, size: int, stride: int) -> list[nn.Module]:
    return [
        SameConv2d(width_in, width_out, size, stride, bias=False),
        # Keras's defaults; its momentum of 0.99 is one minus PyTorch's.
        nn.BatchNorm2d(width_out, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(_SLOPE),
    ]


class _Halving(nn.Module):
    """Doubles the features and halves the image."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = SameConv2d(features, 2 * features, 3)
        self.conv2 = SameConv2d(2 * features, 2 * features, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x), _SLOPE)), _SLOPE)


class _DDNSRBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = SameConv2d(features, features, 3)
        self.conv2 = SameConv2d(features, features, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(F.leaky_relu(self.conv1(x), _SLOPE))
        return x + out
