"""JPEG compression of images in memory with libjpeg."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from wildsr.ops.codec import through_codec


def jpeg(
    image: Tensor,
    quality: int,
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0",
    tables: Sequence[Sequence[int]] = (),
) -> Tensor:
    """Compress one image (3, H, W) in [0, 1] as a baseline JPEG and decode it again.

    ``quality`` is libjpeg's, 1 to 100; ``tables``, luma and chroma with 64 steps each row by row, replace its own.
    Values are rounded to 8 bits on the way. Without tables and with 4:2:0 chroma the result equals OpenCV's bit for
    bit. No gradients; see :mod:`wildsr.ops.diff_jpeg`.
    """
    return through_codec(image, "JPEG", quality, subsampling=subsampling, tables=tables)
