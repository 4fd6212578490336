"""WebP compression of pictures in memory, through the real codec."""

import pyvips
from torch import Tensor

from wildsr.ops.codec import from_vips, to_vips


def webp(image: Tensor, quality: int) -> Tensor:
    """Compress one picture (3, H, W) in [0, 1] as a lossy WebP and decode it again.

    ``quality`` is libwebp's, 0 to 100. Values are rounded to 8 bits on the way. No gradients.
    """
    encoded = to_vips(image).webpsave_buffer(Q=quality, keep="none")
    return from_vips(pyvips.Image.webpload_buffer(encoded), image)
