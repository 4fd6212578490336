"""Pictures through a real codec, in memory."""

from typing import Any

import pyvips
import torch
from torch import Tensor


def to_vips(image: Tensor) -> Any:
    """One picture (3, H, W) in [0, 1], rounded to 8 bits, for libvips."""
    samples = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous()
    return pyvips.Image.new_from_array(samples.cpu().numpy(), interpretation="srgb")


def from_vips(decoded: Any, like: Tensor) -> Tensor:
    """A decoded 8-bit picture as (3, H, W) in [0, 1], of the type and on the device of ``like``."""
    return torch.from_numpy(decoded.numpy()).permute(2, 0, 1).to(like).div(255)
