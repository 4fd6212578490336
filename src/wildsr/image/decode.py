"""Decoding of image files by libvips: choice of decoder and page, checks, errors."""

import errno
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyvips

from wildsr.image.errors import ImageError, ImageTooLarge
from wildsr.image.formats import (
    FORMATS,
    MAX_INPUT_BANDS,
    MAX_INPUT_PIXELS,
    RAW_SUFFIXES,
    SNIFF_BYTES,
    Size,
    sniff,
)
from wildsr.image.libvips import VipsError, from_array, reason, set_field
from wildsr.storage.locations import Location, content_of

# By content, never by suffix. Of an Ultra HDR JPEG, its plain JPEG is read.
_LOADERS = {
    "jpeg": "jpegload",
    "png": "pngload",
    "webp": "webpload",
    "tiff": "tiffload",
    "gif": "gifload",
    "avif": "heifload",
    "heic": "heifload",
}
_PAGES = {"gif": "animated", "webp": "animated"}


@dataclass(frozen=True)
class DecodedImage:
    """An opened file: a lazy libvips image before orientation is applied, and notes.

    Attributes:
        image: uchar, ushort, float … in any colour model.
        format: name in ``formats.FORMATS``, by content.
        lossless: whether it is a lossless WebP.
        notes: as in ``Traits.notes``.
        content: of the file, if it was not opened by name.
    """

    image: Any
    format: str
    lossless: bool
    notes: tuple[str, ...]
    content: bytes | None = None


def fetched(path: Location) -> bytes | None:
    """The bytes of an object in a store; None for a local file, which libvips opens by name.

    Raises:
        ImageError: there is no such object, or it cannot be read.
    """
    try:
        return content_of(path)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist: {error.strerror}.") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def open_source(path: Location, content: bytes | None = None) -> DecodedImage:
    """Open an image and read its header; with ``content``, the bytes of a file, ``path`` is only its name.

    Raises:
        ImageError: the file is missing, a folder, unreadable, empty, no image, damaged, or too large.
    """
    head = _head(Path(str(path))) if content is None else content[:SNIFF_BYTES]
    if not head:
        raise ImageError(f"{path} is empty (0 bytes).")
    name = sniff(head)
    if name is None:
        kinds = ", ".join(form.label for form in FORMATS.values() if form.readable)
        raise ImageError(f"{path} is not an image that wildsr reads ({kinds}), despite its name.")
    if name == "tiff" and path.suffix.lower() in RAW_SUFFIXES:
        raise ImageError(f"{path} is a raw camera file. Develop it to TIFF or JPEG first, then upscale that.")
    if name in _LOADERS:
        image = _header(path, name, content)
        notes = _page_notes(image, name)
    else:
        image, notes = _by_pillow(path, name, content), ()
    _check_size(path, image)
    lossless = name == "webp" and _lossless_webp(path, content)
    return DecodedImage(image, name, lossless, notes, content)


def upright(image: Any) -> bool:
    """Whether the orientation tag leaves width and height as they are."""
    return not (image.get_typeof("orientation") and image.get("orientation") in (5, 6, 7, 8))


def size_of(source: DecodedImage) -> Size:
    """Width and height after orientation."""
    image = source.image
    return Size(image.width, image.height) if upright(image) else Size(image.height, image.width)


def decoded(path: Location, source: DecodedImage) -> Any:
    """The image of ``source``, decoded into memory, with orientation applied.

    Raises:
        pyvips.Error, ImageError: damaged or cut off.
    """
    image = source.image
    if image.get_typeof("heif-compression") and image.get("heif-compression") != "av1":
        return _hevc(path, image, source.content)
    return image.copy_memory().autorot()


def unreadable(path: Location, error: Exception) -> ImageError:
    """The error for pixels that cannot be decoded."""
    return ImageError(
        f"{path} is damaged or truncated ({reason(error)}). Copy it again from its source; "
        "if it opens elsewhere, save it from there as PNG."
    )


def _head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an image.")
        if path.exists() and not path.is_file():
            raise ImageError(f"{path} is not a regular file.")
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
        os.fsencode(path).decode()
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise ImageError(f"The name of {os.fsencode(path)!r} is not valid UTF-8; rename the file.") from error
    except OSError as error:
        why = "no permission" if error.errno in (errno.EACCES, errno.EPERM) else error.strerror
        raise ImageError(f"{path} cannot be read: {why}.") from error
    except ValueError as error:
        raise ImageError(f"{str(path)!r} is not a file name: {error}.") from error
    return head


def _header(path: Location, name: str, content: bytes | None) -> Any:
    # A stricter level would refuse the many phone JPEGs with harmless bytes between their segments; a laxer one
    # would fill the missing strips of a TIFF with zeros.
    strictness = "error" if name == "tiff" else "truncated"
    options: dict[str, Any] = {"fail_on": strictness, "access": "sequential"}
    loader = getattr(pyvips.Image, _LOADERS[name] + ("" if content is None else "_buffer"))
    given = str(path) if content is None else content
    try:
        image = loader(given, **options)
        primary = image.get("heif-primary") if image.get_typeof("heif-primary") else 0
        return loader(given, page=primary, **options) if primary else image
    except VipsError as error:
        raise unreadable(path, error) from error


def _opened(path: Location, content: bytes | None) -> IO[bytes]:
    return Path(str(path)).open("rb") if content is None else io.BytesIO(content)


def _lossless_webp(path: Location, content: bytes | None) -> bool:
    with _opened(path, content) as file:
        at = 12
        while True:
            file.seek(at)
            chunk = file.read(8)
            if len(chunk) < 8 or chunk[:4] in (b"VP8L", b"VP8 "):
                return chunk[:4] == b"VP8L"
            # A frame of an animation contains its own chunks after 16 bytes.
            at += 24 if chunk[:4] == b"ANMF" else 8 + (int.from_bytes(chunk[4:], "little") + 1) // 2 * 2


def _page_notes(image: Any, name: str) -> tuple[str, ...]:
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if pages < 2:
        return ()
    if name in _PAGES:
        return (f"animated: only the first of {pages} frames is used",)
    if name in ("heic", "avif"):
        return (f"only the main one of {pages} images in the file is used",)
    return (f"only the first of {pages} pages is used",)


def _check_size(path: Location, image: Any) -> None:
    if image.width * image.height > MAX_INPUT_PIXELS:
        raise ImageTooLarge(
            f"{path} claims {image.width}x{image.height} pixels; wildsr reads at most "
            f"{MAX_INPUT_PIXELS // 10**6} million. Crop or downscale it first."
        )
    if image.bands > MAX_INPUT_BANDS:
        raise ImageError(
            f"{path} claims {image.bands} channels; wildsr reads images of at most {MAX_INPUT_BANDS}. Save its "
            "colours as an image of their own."
        )


def _hevc(path: Location, header: Any, content: bytes | None) -> Any:
    """Decode pixels with pillow-heif (libvips comes without an HEVC decoder), the header with libvips."""
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(
            f"{path} is a HEIC image, which needs one more package: pip install 'wildsr[heic]'"
        ) from error
    try:
        # Primary image, irot/imir applied; the EXIF orientation of HEIC only repeats them.
        given = str(path) if content is None else io.BytesIO(content)
        heif = pillow_heif.open_heif(given, convert_hdr_to_8bit=False)
        pixels = np.array(heif)
    except (ValueError, RuntimeError, OSError, SyntaxError, EOFError) as error:
        raise unreadable(path, error) from error
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    image = from_array(np.ascontiguousarray(pixels), _interpretation(pixels)).copy()
    for name in header.get_fields():
        value = header.get(name)
        if name.startswith(("exif-", "xmp-", "icc-", "iptc-", "resolution-")) and isinstance(
            value, bytes | str
        ):
            set_field(image, name, value)
    set_field(image, "bits-per-sample", int(heif.info.get("bit_depth", 8)))
    return image.copy(xres=header.xres, yres=header.yres)


def _interpretation(pixels: "np.ndarray[Any, Any]") -> str:
    if pixels.shape[2] < 3:
        return "b-w" if pixels.dtype == np.uint8 else "grey16"
    return "srgb" if pixels.dtype == np.uint8 else "rgb16"


def _by_pillow(path: Location, name: str, content: bytes | None) -> Any:
    """Read BMP and PPM with Pillow, since the usual builds of libvips do not read them."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImageError(
            f"{path} is a {FORMATS[name].label} image, which needs one more package: pip install pillow"
        ) from error
    try:
        with _opened(path, content) as file, Image.open(file, formats=[name.upper()]) as opened:
            if opened.width * opened.height > MAX_INPUT_PIXELS:
                return from_array(np.zeros((1, 1, 1), np.uint8), "b-w").replicate(opened.width, opened.height)
            deep = opened.mode.startswith("I")
            kind = (
                opened.mode if opened.mode in ("L", "RGB", "RGBA") else "L" if opened.mode == "1" else "RGB"
            )
            pixels = np.array(opened).astype(np.uint16) if deep else np.array(opened.convert(kind))
            dpi = opened.info.get("dpi")
    except (ValueError, OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise unreadable(path, error) from error
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    image = from_array(np.ascontiguousarray(pixels), _interpretation(pixels))
    return image.copy(xres=dpi[0] / 25.4, yres=dpi[1] / 25.4) if dpi else image
