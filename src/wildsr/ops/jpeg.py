"""JPEG compression of images in memory with libjpeg."""

from torch import Tensor

from wildsr.ops.codec import through_codec


def jpeg(image: Tensor, quality: int) -> Tensor:
    """Compress one image (3, H, W) in [0, 1] as a baseline 4:2:0 JPEG and decode it again.

    ``quality`` is libjpeg's, 1 to 100. Values are rounded to 8 bits on the way. Tables, chroma and upsampling are
    libjpeg's defaults, so the result equals OpenCV's bit for bit. No gradients; see :mod:`wildsr.ops.diff_jpeg`.
    """
    return through_codec(image, "JPEG", quality)
