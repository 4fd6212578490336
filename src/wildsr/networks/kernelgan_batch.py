"""Many KernelGANs (Bell-Kligler et al., 2019) with separate weights, trained in parallel as one pair of networks.

The same as :mod:`wildsr.networks.kernelgan`, with far fewer operations:

* The generator has no activations, so that it is equivalent to one kernel. This is computed from its weights, which
  costs a thousandth of running an image through the layers; gradients reach the layers through the product.
* The layers of all discriminators are batched matrix products.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from wildsr.networks.kernelgan import SIZES

_TINY = 1e-12


class KernelGANGenerators(nn.Module):
    """``count`` generators. ``weights[i]`` is (count, out, in, size, size), the i-th convolution of each."""

    def __init__(
        self, count: int, features: int = 64, sizes: tuple[int, ...] = SIZES, stride: int = 2
    ) -> None:
        super().__init__()
        self.stride = stride
        self.reach = 1 + sum(size - 1 for size in sizes)
        widths = [1] + [features] * (len(sizes) - 1) + [1]
        shapes = [
            (count, out, into, size, size)
            for into, out, size in zip(widths[:-1], widths[1:], sizes, strict=True)
        ]
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(shape)) for shape in shapes])

    @torch.no_grad()
    def initialise(self, index: int, rng: Generator) -> None:
        """Sample the weights of one generator: Glorot-normal with gain 0.1."""
        for weight in self.weights:
            out, into, size, _ = weight.shape[1:]
            spread = 0.1 * (2 / ((out + into) * size**2)) ** 0.5
            weight[index] = torch.randn(out, into, size, size, generator=rng) * spread

    def kernels(self) -> Tensor:
        """The blur kernel of each generator, (count, reach, reach), with which images are correlated."""
        product = self.weights[-1]
        for weight in reversed(self.weights[:-1]):
            product = _product(product, weight)
        kernels: Tensor = product[:, 0, 0]
        return kernels

    def forward(self, images: Tensor) -> Tensor:
        """Downscale (count, C, H, W), each image with its own generator."""
        return shrink(images, self.kernels(), self.stride)


def shrink(images: Tensor, kernels: Tensor, stride: int) -> Tensor:
    """Correlate (N, C, H, W) with kernels (N, k, k), without padding, and keep every ``stride``-th pixel."""
    count, channels = images.shape[:2]
    small = F.conv2d(images.transpose(0, 1), kernels.unsqueeze(1), stride=stride, groups=count)
    assert small.shape[0] == channels
    return small.transpose(0, 1)


def _product(later: Tensor, earlier: Tensor) -> Tensor:
    """The convolution equivalent to two: (N, 1, M, p, p) after (N, M, I, q, q) is (N, 1, I, p + q - 1, p + q - 1)."""
    count, _, middle, p, _ = later.shape
    into, q = earlier.shape[2], earlier.shape[3]
    columns = earlier.reshape(count, middle, -1).mT @ later.reshape(count, middle, -1)
    # Each value of the later kernel adds a shifted copy of the earlier one.
    return (
        F.fold(columns, (p + q - 1, p + q - 1), (q, q)).unsqueeze(1)
        if q > 1
        else columns.view(count, 1, into, p, p)
    )


class KernelGANDiscriminators(nn.Module):
    """``count`` discriminators, always in training mode.

    Parameters are ``first`` (count, F, 3 * size^2), ``middle`` (count, layers - 2, F, F) and ``last`` (count, 1, F)
    with their biases, and scale and shift of the batch norms (count, layers - 2, F). ``first_u``, ``first_v`` and so on
    are the vectors of the spectral norms. Batch norms keep no running statistics, which would not be used.
    """

    first_bias: Tensor
    middle_bias: Tensor
    last_bias: Tensor

    def __init__(self, count: int, features: int = 64, layers: int = 7, size: int = 7) -> None:
        super().__init__()
        self.size = size
        inner = layers - 2
        shapes = {
            "first": (count, features, 3 * size**2),
            "middle": (count, inner, features, features),
            "last": (count, 1, features),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
            self.register_parameter(f"{name}_bias", nn.Parameter(torch.zeros(shape[:-1])))
            self.register_buffer(f"{name}_u", torch.ones(shape[:-1]))
            self.register_buffer(f"{name}_v", torch.ones(*shape[:-2], shape[-1]))
        self.norm_scale = nn.Parameter(torch.ones(count, inner, features))
        self.norm_shift = nn.Parameter(torch.zeros(count, inner, features))

    @torch.no_grad()
    def initialise(self, index: int, rng: Generator) -> None:
        """Sample the weights of one discriminator.

        The original's own initialisation does not take effect on its convolutions, which keep PyTorch's: uniform within
        one over the root of the number of inputs. Biases are zero, weights of batch norms are around one.
        """
        for name in ("first", "middle", "last"):
            weight = self.get_parameter(name)[index]
            weight.copy_((2 * torch.rand(weight.shape, generator=rng) - 1) / weight.shape[-1] ** 0.5)
            for vector in (self.get_buffer(f"{name}_u")[index], self.get_buffer(f"{name}_v")[index]):
                vector.copy_(F.normalize(torch.randn(vector.shape, generator=rng), dim=-1, eps=_TINY))
        scale = self.norm_scale[index]
        scale.copy_(1 + 0.02 * torch.randn(scale.shape, generator=rng))

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (count, h, w) that patches of (count, 3, H, W) come from the discriminator's own image."""
        height, width = (side - self.size + 1 for side in images.shape[-2:])
        columns = F.unfold(images, self.size)
        out = torch.baddbmm(self.first_bias.unsqueeze(-1), self._normed("first"), columns)
        weights = self._normed("middle")
        count, inner, features = self.norm_scale.shape
        for layer in range(inner):
            out = torch.baddbmm(self.middle_bias[:, layer].unsqueeze(-1), weights[:, layer], out)
            out = F.batch_norm(
                out.reshape(1, count * features, -1),
                None,
                None,
                self.norm_scale[:, layer].flatten(),
                self.norm_shift[:, layer].flatten(),
                training=True,
            )
            out = F.relu(out.view(count, features, -1))
        out = torch.baddbmm(self.last_bias.unsqueeze(-1), self._normed("last"), out)
        return out.sigmoid().view(count, height, width)

    def _normed(self, name: str) -> Tensor:
        """Weights divided by their largest singular values, estimated by one more power iteration."""
        weight = self.get_parameter(name)
        u, v = self.get_buffer(f"{name}_u"), self.get_buffer(f"{name}_v")
        with torch.no_grad():
            v.copy_(F.normalize((u.unsqueeze(-2) @ weight).squeeze(-2), dim=-1, eps=_TINY))
            u.copy_(F.normalize((weight @ v.unsqueeze(-1)).squeeze(-1), dim=-1, eps=_TINY))
        # Copies, since each pass changes the vectors in place and several come before a backward pass.
        largest = u.clone().unsqueeze(-2) @ weight @ v.clone().unsqueeze(-1)
        return weight / largest
