"""JPEG compression of pictures in memory, through the real codec."""

import pyvips
import torch
from torch import Tensor


def jpeg(image: Tensor, quality: int) -> Tensor:
    """Compress one picture (3, H, W) in [0, 1] as a baseline 4:2:0 JPEG and decode it again.

    ``quality`` is libjpeg's, 1 to 100. Values are rounded to 8 bits on the way.
    """
    samples = image.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous()
    encoded = pyvips.Image.new_from_array(samples.numpy(), interpretation="srgb").jpegsave_buffer(
        Q=quality, subsample_mode="on", keep="none"
    )
    decoded = torch.from_numpy(pyvips.Image.jpegload_buffer(encoded).numpy())
    return decoded.permute(2, 0, 1).to(image).div(255)
