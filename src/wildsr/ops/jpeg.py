"""JPEG compression of pictures in memory, through the real codec."""

import pyvips
from torch import Tensor

from wildsr.ops.codec import from_vips, to_vips


def jpeg(image: Tensor, quality: int) -> Tensor:
    """Compress one picture (3, H, W) in [0, 1] as a baseline 4:2:0 JPEG and decode it again.

    ``quality`` is libjpeg's, 1 to 100. Values are rounded to 8 bits on the way. Tables, chroma and upsampling are
    libjpeg's defaults, so the result is OpenCV's to the bit. No gradients; see :mod:`wildsr.ops.diff_jpeg`.
    """
    encoded = to_vips(image).jpegsave_buffer(Q=quality, subsample_mode="on", keep="none")
    return from_vips(pyvips.Image.jpegload_buffer(encoded), image)
