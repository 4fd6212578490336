"""Encodes and decodes images in memory with a real codec.

The codec is Pillow's, whose libjpeg and libwebp are also those of libvips: for patches, a libvips pipeline takes ten
times as long as the coding itself.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def through_codec(
    image: Tensor,
    format: Literal["JPEG", "WEBP"],
    quality: int,
    *,
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0",
    tables: Sequence[Sequence[int]] = (),
) -> Tensor:
    """Encode an image (3, H, W) in [0, 1], rounded to 8 bits, and decode it.

    ``subsampling`` of the chroma and quantisation ``tables`` (luma and chroma, 64 steps each row by row; without them
    libjpeg's for the ``quality``) are for JPEG only.
    """
    samples = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous()
    coded = BytesIO()
    options: dict[str, Any] = {"quality": quality}
    if format == "JPEG":
        options["subsampling"] = subsampling
    if tables:
        # Baseline JPEG has steps of 8 bits; larger ones leave nothing of a coefficient anyway.
        options = {
            "subsampling": subsampling,
            "qtables": [[min(step, 255) for step in one] for one in tables],
        }
    Image.fromarray(samples.cpu().numpy()).save(coded, format, **options)
    with Image.open(coded, formats=(format,)) as opened:
        decoded = torch.from_numpy(np.array(opened))
    return decoded.permute(2, 0, 1).contiguous().to(image).div_(255)
