"""One encoder per format, with fixed settings."""

from pathlib import Path
from typing import Any

from wildsr.image.formats import Format
from wildsr.image.loaded import Traits

# Measured on an upscaled photo: as small as level 6 with all filters (20% of raw), five times as fast.
_PNG_LEVEL = 3
_PNG_FILTER = "up"
_JPEG_QUALITY = 95
_WEBP_QUALITY = 95
_AVIF_QUALITY = 90
# 5 megapixels a second on two cores; at libvips' default of 4 it is 0.6, for files a fifth smaller.
_AVIF_EFFORT = 2
# Classic TIFF is limited to 4 GiB. Compression may gain nothing, so the raw size decides.
_BIGTIFF_BYTES = 3_500_000_000


def encode(image: Any, path: Path, form: Format, traits: Traits, quality: int | None) -> None:
    """Write a libvips image that already fits ``form``.

    Raises:
        pyvips.Error: the encoder failed.
    """
    name = str(path)
    if form.name == "jpeg":
        image.jpegsave(name, Q=quality or _JPEG_QUALITY, subsample_mode="off")
    elif form.name == "png":
        image.pngsave(name, compression=_PNG_LEVEL, filter=_PNG_FILTER)
    elif form.name == "webp":
        if traits.lossless and quality is None:
            image.webpsave(name, lossless=True, exact=True)
        else:
            image.webpsave(name, Q=quality or _WEBP_QUALITY, smart_subsample=True)
    elif form.name == "tiff":
        size = image.width * image.height * image.bands * {"uchar": 1, "ushort": 2}.get(image.format, 4)
        # Many readers lack the predictor for floats.
        predictor = "none" if traits.depth == "float" else "horizontal"
        # LZW is twice as fast on 8 bits (28% of raw, not 25%), but enlarges 16-bit images, whose low bits are noise.
        compression = "lzw" if traits.depth == "uint8" else "deflate"
        image.tiffsave(name, compression=compression, predictor=predictor, bigtiff=size > _BIGTIFF_BYTES)
    elif form.name == "avif":
        _avif(image, name, traits, quality or _AVIF_QUALITY)
    elif form.name == "gif":
        image.gifsave(name)
    else:
        raise ValueError(f"no encoder for {form.name}")


def _avif(image: Any, name: str, traits: Traits, quality: int) -> None:
    bits = 8
    if traits.depth == "uint16":
        bits = traits.bits if traits.bits in (10, 12) else 12
        # libvips drops the low bits; rounding to them first keeps 10 and 12 bits exactly.
        image = image.linear((2**bits - 1) / 65535, 0).rint().cast("ushort") << (16 - bits)
    image.heifsave(
        name, compression="av1", Q=quality, bitdepth=bits, subsample_mode="off", effort=_AVIF_EFFORT
    )
