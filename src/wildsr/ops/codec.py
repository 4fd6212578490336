"""ImageSet through a real codec, in memory.

It is Pillow's, whose libjpeg and libwebp are those of libvips: for patches, a pipeline of libvips costs ten times what
the coding does.
"""

from io import BytesIO
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def through_codec(image: Tensor, format: Literal["JPEG", "WEBP"], quality: int) -> Tensor:
    """One image (3, H, W) in [0, 1], rounded to 8 bits, coded (JPEG with chroma 4:2:0) and decoded again."""
    samples = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous()
    coded = BytesIO()
    subsampling = {"subsampling": "4:2:0"} if format == "JPEG" else {}
    Image.fromarray(samples.cpu().numpy()).save(coded, format, quality=quality, **subsampling)
    with Image.open(coded, formats=(format,)) as opened:
        decoded = torch.from_numpy(np.array(opened))
    return decoded.permute(2, 0, 1).contiguous().to(image).div_(255)
