"""Images as files in memory."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pyvips
from PIL import Image, ImageCms


def pixels(height: int, width: int, bands: int = 3) -> np.ndarray:
    """Smooth colours with some noise, uint8."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 60 * np.sin(x / 7 + band) + 60 * np.cos(y / 9 - band) for band in range(bands)]
    noise = np.random.default_rng(0).normal(0, 4, (height, width, bands))
    return (np.stack(planes, -1) + noise).clip(0, 255).astype(np.uint8)


def photo(kind: str = "PNG", height: int = 20, width: int = 30, **options: object) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels(height, width)).save(out, kind, **options)
    return out.getvalue()


def jpeg_with_everything() -> bytes:
    """EXIF with an orientation, and an ICC profile."""
    exif = Image.Exif()
    exif[0x0110] = "Test camera"
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return photo("JPEG", exif=exif, icc_profile=profile, quality=90)


def tiff_16() -> bytes:
    deep = pixels(20, 30).astype(np.uint16) * 257
    image = pyvips.Image.new_from_memory(deep.tobytes(), 30, 20, 3, "ushort").copy(interpretation="rgb16")
    return bytes(image.tiffsave_buffer())


def png_with_alpha() -> bytes:
    out = BytesIO()
    Image.fromarray(pixels(20, 30, 4), "RGBA").save(out, "PNG")
    return out.getvalue()


def heic() -> bytes:
    import pillow_heif

    out = BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels(64, 64))).save(out, quality=80)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header promises this size, and whose pixels compress to next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    squeezer = zlib.compressobj(9)
    rows = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(64)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def camera_photos(count: int, model: str = "") -> list[bytes]:
    """JPEG photos 240x200 of one camera: no two equal, with edges, some noise, and EXIF if ``model`` is given."""
    y, x = np.mgrid[0:200, 0:240]
    found = []
    for number in range(count):
        rng = np.random.default_rng([number, len(model)])
        image = np.full((200, 240, 3), 90.0)
        for _ in range(30):
            (top, left), (high, wide) = rng.integers(0, 180, 2), rng.integers(8, 60, 2)
            image[top : top + high, left : left + wide] = rng.uniform(20, 230, 3)
        image += 15 * np.sin(x / 5 + y / 9)[..., None] + rng.normal(0, 3, image.shape)
        exif = Image.Exif()
        if model:
            exif[0x010F], exif[0x0110] = "Maker", model
        out = BytesIO()
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90, exif=exif)
        found.append(out.getvalue())
    return found
