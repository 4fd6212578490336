"""Convolutions with spectral normalisation (Miyato et al., 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-12


class SpectralNormConv2d(nn.Conv2d):
    """A convolution with ``weight_orig`` divided by its estimated largest singular value.

    Each forward pass in training improves the estimate, the vectors ``weight_u`` (out) and ``weight_v`` (in *
    height * width), by one power iteration; in evaluation the stored estimate is used. The names are those of the
    published files; those of ``torch.nn.utils.parametrizations.spectral_norm`` differ, and the older
    ``spectral_norm`` uses hooks that fail for networks built on the meta device.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self, width_in: int, width_out: int, size: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(width_in, width_out, size, stride, padding, bias=bias)
        weight = self.weight
        del self.weight
        self.weight_orig = nn.Parameter(weight.detach())
        self.register_buffer("weight_u", F.normalize(torch.randn(width_out), dim=0, eps=_TINY))
        self.register_buffer("weight_v", F.normalize(torch.randn(width_in * size**2), dim=0, eps=_TINY))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, width_in, H, W)."""
        matrix = self.weight_orig.flatten(1)
        if self.training:
            self._iterate(matrix.detach())
        # Copies, since several passes may come before a backward pass, and each changes the vectors in place.
        largest = torch.dot(self.weight_u.clone(), torch.mv(matrix, self.weight_v.clone()))
        return F.conv2d(x, self.weight_orig / largest, self.bias, self.stride, self.padding)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.weight_v.copy_(F.normalize(torch.mv(matrix.t(), self.weight_u), dim=0, eps=_TINY))
        self.weight_u.copy_(F.normalize(torch.mv(matrix, self.weight_v), dim=0, eps=_TINY))
