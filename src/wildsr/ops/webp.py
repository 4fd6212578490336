"""WebP compression of images in memory with libwebp."""

from torch import Tensor

from wildsr.ops.codec import through_codec


def webp(image: Tensor, quality: int) -> Tensor:
    """Compress one image (3, H, W) in [0, 1] as a lossy WebP and decode it again.

    ``quality`` is libwebp's, 0 to 100. Values are rounded to 8 bits on the way. No gradients.
    """
    return through_codec(image, "WEBP", quality)
