"""Post-processing of the kernels (k, k) for x2 that KernelGAN (Bell-Kligler et al., 2019) estimates."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.shifting import shift_cubic

SIGNIFICANT = 40
"""KernelGAN keeps values above three quarters of the 41st largest."""


def analytic_x4(kernel: Tensor) -> Tensor:
    """The kernel for x4 whose x2 kernel is (k, k): applied twice, with a subsampling between (their appendix).

    Its margins, which are nearly zero, are cropped: (2 k - 2 + k % 2, same), float64, summing to one.
    """
    size = kernel.shape[-1]
    kernel = kernel.double()
    spread = torch.zeros(2 * size - 1, 2 * size - 1, dtype=torch.float64, device=kernel.device)
    spread[::2, ::2] = kernel
    whole = F.conv_transpose2d(spread[None, None], kernel[None, None])[0, 0]
    cut = size // 2
    middle = whole[cut:-cut, cut:-cut] if cut else whole
    return middle / middle.sum()


def without_negligible(kernel: Tensor, significant: int = SIGNIFICANT) -> Tensor:
    """Lower a kernel (k, k) by 3/4 of its value number ``significant`` + 1, set negative values to zero, and normalise.

    Raises:
        ValueError: if the kernel has no more than ``significant`` values.
    """
    if kernel.numel() <= significant:
        raise ValueError(
            f"a kernel of {kernel.numel()} values has no {significant} significant ones and others"
        )
    threshold = 0.75 * kernel.flatten().sort().values[-significant - 1]
    kept = (kernel - threshold).clamp(0, 100)
    return kept / kept.sum()


def centre_of_mass(kernel: Tensor) -> tuple[float, float]:
    """(row, column) in pixels from the first one."""
    weights = kernel.double() / kernel.double().sum()
    rows, columns = (torch.arange(size, dtype=torch.float64) for size in kernel.shape)
    down = float((weights.sum(1) * rows.to(weights.device)).sum())
    right = float((weights.sum(0) * columns.to(weights.device)).sum())
    return down, right


def centred(kernel: Tensor, scale: int) -> Tensor:
    """Shift a kernel (k, k) so that blurring and subsampling by ``scale`` keeps images aligned.

    Its centre of mass moves to k // 2 + (scale - k % 2) / 2. It is padded first, so that nothing is cut off; the result
    is larger, and its sum may differ slightly from one, as in the original.
    """
    size = kernel.shape[-1]
    wanted = size // 2 + 0.5 * (scale - size % 2)
    down, right = (wanted - current for current in centre_of_mass(kernel))
    margin = math.ceil(max(abs(down), abs(right))) + 1
    return shift_cubic(F.pad(kernel, [margin] * 4), down, right)


def post_process(kernel: Tensor, significant: int = SIGNIFICANT) -> Tensor:
    """KernelGAN's last step for its x2 kernel: negligible values removed, and centred."""
    return centred(without_negligible(kernel, significant), 2)
