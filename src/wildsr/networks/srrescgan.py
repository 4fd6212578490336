"""SRResCGAN, a residual network with a noise-bound projection (Umer et al., 2020, section 3.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.l2_ball import ball_radius, noise_level, norm_of_each, shrinkage
from wildsr.networks.reach import ReachStage, receptive_field


class SRResCGAN(nn.Module):
    """Estimates the error of the upsampled input, bounds its norm by the noise level, and subtracts it.

    Input (B, 3, H, W) RGB in [0, 255]; output (B, 3, scale*H, scale*W) clamped to [0, 255]. The bound comes
    from the whole image, so a crop of the input does not give the same pixels; tiles go through :meth:`local` and
    :meth:`whole_image` (:class:`wildsr.networks.protocols.WholeImageNetwork`).

    ``alpha``, which is learned, is the logarithm of that bound per noise level; its initial value is the original's.
    """

    size_multiple = 1

    def __init__(
        self, features: int = 64, blocks: int = 5, scale: int = 4, alpha: float = math.log(2)
    ) -> None:
        super().__init__()
        self.scale = scale
        self.model = _ResCNet(features, blocks)
        self.alpha = nn.Parameter(torch.full((1,), alpha))

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences a pixel of the residual."""
        radius = 4 + 2 * len(self.model.layer1)
        return receptive_field(
            [ReachStage("bilinear", self.scale), ReachStage("convolution", radius)], self.scale
        )

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) in [0, 255] to (B, 3, scale*H, scale*W)."""
        residual = self.residual(x)
        return self.assemble(x, residual, shrinkage(norm_of_each(residual), self.bound(x)))

    def local(self, lr: Tensor) -> Tensor:
        """See :class:`wildsr.networks.protocols.WholeImageNetwork`; the residual."""
        return self.residual(lr)

    def whole_image(self, lr: Tensor) -> "ProjectionPass":
        """See :class:`wildsr.networks.protocols.WholeImageNetwork`."""
        with torch.inference_mode():
            return ProjectionPass(self, self.bound(lr).cpu())

    def residual(self, lr: Tensor) -> Tensor:
        """The estimated error of the upsampled input, before the projection."""
        out: Tensor = self.model(self._upsampled(lr))
        return out

    def bound(self, lr: Tensor) -> Tensor:
        """Radius (B,) of the L2 ball for whole images, which may lie on another device."""
        sigma = 255 * noise_level(lr, self.scale).to(self.alpha)
        return ball_radius(self.alpha, sigma, lr[0].numel() * self.scale**2)

    def assemble(self, lr: Tensor, residual: Tensor, shrink: Tensor | float) -> Tensor:
        """The upsampled input minus the shrunken residual, clamped to [0, 255]."""
        factor = shrink.view(-1, 1, 1, 1) if isinstance(shrink, Tensor) else shrink
        return (self._upsampled(lr) - residual * factor).clamp(0, 255)

    def _upsampled(self, lr: Tensor) -> Tensor:
        return F.interpolate(lr, scale_factor=self.scale, mode="bilinear", align_corners=False)


class ProjectionPass:
    """The projection of one image whose residual is computed tile by tile.

    The projection shrinks the residual where the norm of all of it exceeds the bound. Every pass sums the squares of
    the residual; the first pass assumes that nothing has to be shrunk, which is so for most images.

    Args:
        network: the network in [0, 255].
        bound: radius (1,) of the L2 ball for the image.
    """

    def __init__(self, network: SRResCGAN, bound: Tensor) -> None:
        self._network = network
        self._bound = bound
        self._shrinkage = torch.ones_like(bound)
        self._squares = torch.zeros_like(bound)

    def begin(self) -> None:
        """See :class:`wildsr.networks.protocols.WholeImagePass`."""
        self._squares = torch.zeros_like(self._bound)

    def add(self, core: Tensor) -> None:
        """Add the squares of a part of the residual."""
        self._squares += core.double().square().sum().float()

    def finish(self, lr: Tensor, local: Tensor) -> Tensor:
        """The tile with the shrunken residual."""
        with torch.inference_mode():
            return self._network.assemble(lr, local, self._shrinkage)

    def settled(self) -> bool:
        """Whether the shrinkage that this pass used is the one that its residual needs."""
        needed = shrinkage(self._squares.sqrt(), self._bound)
        settled = torch.allclose(needed, self._shrinkage, rtol=1e-5, atol=0)
        self._shrinkage = needed
        return settled


class _ResCNet(nn.Module):
    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.conv1 = _WeightNormConv(3, features, 5)
        self.layer1 = nn.Sequential(
            *(_PreActivationBlock(features, shortcut=index > 0) for index in range(blocks))
        )
        self.conv_out = _WeightNormTransposed(features, 3, 5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_out(self.layer1(self.conv1(x)))
        return out


class _PreActivationBlock(nn.Module):
    """Pre-activation residual block."""

    def __init__(self, features: int, shortcut: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.relu1 = nn.PReLU(features, init=0.1)
        self.conv1 = _WeightNormConv(features, features, 3)
        self.relu2 = nn.PReLU(features, init=0.1)
        self.conv2 = _WeightNormConv(features, features, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(self.relu2(self.conv1(self.relu1(x))))
        return out + x if self.shortcut else out


class _WeightNorm(nn.Module):
    """A weight held as a direction ``weight_v`` and a length ``weight_g`` for each index of its first axis.

    The names are those of the published files; those of ``torch.nn.utils.parametrizations.weight_norm`` differ, and
    the older ``weight_norm`` is deprecated.
    """

    def __init__(self, shape: tuple[int, int, int, int], biases: int) -> None:
        super().__init__()
        self.weight_v = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight_v)
        self.weight_g = nn.Parameter(_lengths(self.weight_v.detach()))
        self.bias = nn.Parameter(torch.zeros(biases))
        self.pad = shape[-1] // 2

    def weight(self) -> Tensor:
        return self.weight_v * (self.weight_g / _lengths(self.weight_v))


class _WeightNormConv(_WeightNorm):
    """Convolution with reflection padding."""

    def __init__(self, width_in: int, width_out: int, size: int) -> None:
        super().__init__((width_out, width_in, size, size), width_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (self.pad,) * 4, mode="reflect"), self.weight(), self.bias)


class _WeightNormTransposed(_WeightNorm):
    """Transposed convolution of stride 1; its first axis is the input channel."""

    def __init__(self, width_in: int, width_out: int, size: int) -> None:
        super().__init__((width_in, width_out, size, size), width_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight(), self.bias, padding=self.pad)


def _lengths(weight: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True)
    return lengths
