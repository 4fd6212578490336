"""Encodes and decodes images in memory with a real codec.

The codec is Pillow's, whose libjpeg and libwebp are also those of libvips: for patches, a libvips pipeline takes ten
times as long as the coding itself.
"""

from io import BytesIO
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def through_codec(image: Tensor, format: Literal["JPEG", "WEBP"], quality: int) -> Tensor:
    """Encode an image (3, H, W) in [0, 1], rounded to 8 bits (JPEG with 4:2:0 chroma), and decode it."""
    samples = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous()
    coded = BytesIO()
    subsampling = {"subsampling": "4:2:0"} if format == "JPEG" else {}
    Image.fromarray(samples.cpu().numpy()).save(coded, format, quality=quality, **subsampling)
    with Image.open(coded, formats=(format,)) as opened:
        decoded = torch.from_numpy(np.array(opened))
    return decoded.permute(2, 0, 1).contiguous().to(image).div_(255)
