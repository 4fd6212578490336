"""Writes a canvas to a file: early checks, encoding, atomic replacement."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.image import alpha as transparency
from wildsr.image import color
from wildsr.image.canvas import Canvas, CanvasClosed
from wildsr.image.encode import encode
from wildsr.image.errors import ImageError
from wildsr.image.formats import FORMATS, Format, Size, check_limits, output_format
from wildsr.image.libvips import VipsError, from_array, reason, to_array
from wildsr.image.loaded import Traits
from wildsr.image.metadata import restore
from wildsr.image.stream import streamed
from wildsr.storage.atomic import replacing
from wildsr.storage.digest import sha256_of
from wildsr.storage.locations import Location, locate, make_folder, require_writable
from wildsr.storage.object_path import ObjectPath

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
_FULL_DISK = 1 << 20


def write(
    path: str | os.PathLike[str] | ObjectPath,
    canvas: Canvas,
    *,
    alpha: "Tensor | Array | None" = None,
    size: Size | None = None,
    crop: Size | None = None,
    format: str | None = None,
    quality: int | None = None,
    overwrite: bool = True,
    digest: bool = False,
) -> str | None:
    """Encode a canvas, with all of its traits that the format can store.

    The write is atomic: until it is complete, an older file of that name stays. Rows of an unfinished canvas are
    encoded as they are finished; afterwards its samples are lost.

    Args:
        path: the file to write; its folder must exist. Or the address of an object, such as ``s3://bucket/name.png``.
        canvas: the image.
        alpha: (1, 1, h, w) or (h, w) float in [0, 1] at any resolution, usually the input's; it is upscaled here.
        size: of the output, resized by Lanczos 3 if it differs from the canvas.
        crop: size of a central crop of that; None: no crop.
        format: name or suffix of a format; None: by the suffix of ``path``.
        overwrite: replace a file of that name; otherwise a file that appears meanwhile is an error.
        quality: 1 to 100 for JPEG, WebP and AVIF; None: 95, 95 (lossless if the source was) and 90.
        digest: compute the SHA-256 of the file.

    Returns:
        the SHA-256, if asked for.

    Raises:
        ImageError: the format cannot store the image, or the file cannot be written.
        CanvasClosed: an unfinished canvas was closed by another thread.
    """
    path = locate(path)
    size = Size(canvas.width, canvas.height) if size is None else Size(*size)
    form = _checked(path, crop or size, format=format, transparent=_transparent(alpha), quality=quality)
    traits = canvas.traits.fitted(form)
    try:
        with (
            replacing(path, overwrite=overwrite) as temporary,
            _pixels(canvas, size, crop) as pixels,
        ):
            image = _cropped(_assembled(pixels, canvas.traits, _kept(alpha, form), size, form), crop)
            encode(image, temporary, form, traits, quality)
            return sha256_of(temporary) if digest else None
    except VipsError as error:
        raise _unwritable(path, error) from error
    except FileExistsError as error:
        raise ImageError(
            f"Cannot write {path}: another program has written a file of that name in the meantime."
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error


def write_rgb(
    path: str | os.PathLike[str] | ObjectPath,
    rgb: "Tensor",
    traits: Traits | None = None,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> None:
    """Write a tensor (1, 3, H, W) or (3, H, W) in [0, 1], with 8 bits unless ``traits`` say otherwise.

    ``format`` and ``quality`` as in :func:`write`. Raises ``ImageError``.
    """
    kept = (traits or Traits()).fitted(output_format(path, format))
    with Canvas(rgb.shape[-2], rgb.shape[-1], kept) as canvas:
        canvas.paste(0, 0, rgb)
        write(path, canvas, format=format, quality=quality)


def render(
    canvas: Canvas,
    *,
    alpha: "Tensor | Array | None" = None,
    size: Size | None = None,
    crop: Size | None = None,
) -> "np.ndarray[Any, Any]":
    """The samples that :func:`write` would store in a lossless file, as an array.

    Returns:
        (H, W, C) uint8, uint16 or float32 in the colour space of the canvas; alpha, if given, comes last.
    """
    size = Size(canvas.width, canvas.height) if size is None else Size(*size)
    image = _assembled(from_array(canvas.pixels, "srgb"), canvas.traits, alpha, size, FORMATS["tiff"])
    return np.array(to_array(_cropped(image, crop)))


def make_folder_of(path: Location) -> None:
    """Create the folder of a file to write, unless it exists.

    Raises:
        ImageError: it cannot be created.
    """
    try:
        make_folder(path.parent)
    except FileExistsError as error:
        raise ImageError(f"Cannot write {path}: {path.parent} is a file, not a folder.") from error
    except OSError as error:
        raise ImageError(f"Cannot write {path}: its folder cannot be created ({error.strerror}).") from error


def check_writable(
    path: str | os.PathLike[str] | ObjectPath,
    size: Size,
    *,
    alpha: bool = False,
    format: str | None = None,
    quality: int | None = None,
) -> Format:
    """Check in advance everything that could make :func:`write` fail.

    Args:
        path: the file to write.
        size: of the output.
        alpha: whether some pixels are not opaque.
        format, quality: as in :func:`write`.

    Returns:
        the format that will be written.

    Raises:
        ImageError: unknown suffix, size beyond the limits of the format, no such folder, or no permission.
    """
    return _checked(locate(path), Size(*size), format=format, transparent=alpha, quality=quality)


def _checked(
    path: Location, size: Size, *, format: str | None, transparent: bool, quality: int | None
) -> Format:
    form = output_format(path, format)
    check_limits(path, size, form, alpha=transparent)
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"Quality goes from 1 to 100, not {quality}.")
    try:
        require_writable(path)
    except OSError as error:
        raise ImageError(f"Cannot write {path}: {error.strerror}.") from error
    return form


def _transparent(alpha: "Tensor | Array | None") -> bool:
    return alpha is not None and bool((alpha < 1).any())


def _kept(alpha: "Tensor | Array | None", form: Format) -> "Tensor | Array | None":
    return alpha if form.alpha else None


@contextlib.contextmanager
def _pixels(canvas: Canvas, size: Size, crop: Size | None) -> Iterator[Any]:
    """The canvas as a libvips image: while it is painted if it can be, which resizing and cropping prevent."""
    if canvas.unfinished and crop is None and size == (canvas.width, canvas.height):
        with streamed(canvas) as image:
            yield image
        return
    samples = canvas.painted(canvas.height)
    if samples is None:
        raise CanvasClosed("this canvas was closed before it was finished")
    yield from_array(np.asarray(samples), "srgb")


def _assembled(image: Any, painted: Traits, alpha: "Tensor | Array | None", size: Size, form: Format) -> Any:
    """The streaming libvips image to encode: size, depth, alpha, profile, metadata."""
    traits = painted.fitted(form)
    profile = painted.profile if form.profiles and (form.grey or not painted.grey) else None
    image = image.copy(interpretation=_interpretation(painted))
    image = transparency.resized(image, size, "lanczos3")
    if painted.convert and profile is None:
        image = color.to_srgb(color.with_profile(image, painted.profile), sixteen=painted.depth == "uint16")
        if painted.grey:
            image = image.extract_band(1)
    image = _lowered(image, painted, traits)
    if alpha is not None:
        image = image.bandjoin(transparency.enlarged(alpha, size, traits.depth))
    image = image.copy(interpretation=_interpretation(traits))
    return restore(color.with_profile(image, profile), traits)


def _cropped(image: Any, crop: Size | None) -> Any:
    if crop is None or (image.width, image.height) == crop:
        return image
    return image.crop(
        (image.width - crop.width) // 2, (image.height - crop.height) // 2, crop.width, crop.height
    )


def _interpretation(traits: Traits) -> str:
    if traits.depth == "uint16":
        return "grey16" if traits.grey else "rgb16"
    if traits.grey:
        return "b-w"
    return "scrgb" if traits.depth == "float" else "srgb"


def _lowered(image: Any, painted: Traits, wanted: Traits) -> Any:
    """Reduce the depth of samples to that of the file."""
    if painted.depth == wanted.depth:
        return image
    white = 65535 if painted.depth == "uint16" else painted.float_scale
    top, kind = (255, "uchar") if wanted.depth == "uint8" else (65535, "ushort")
    return image.linear(top / white, 0).rint().cast(kind)


def _unwritable(path: Location, error: Exception) -> ImageError:
    if isinstance(error, OSError) and error.errno is not None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    else:  # libvips only has a text, which need not name the cause
        text = str(error)
        full = "No space left" in text or "quota" in text.lower()
        with contextlib.suppress(OSError):
            full = full or shutil.disk_usage(str(path.parent)).free < _FULL_DISK
    if full:
        return ImageError(f"Cannot write {path}: the disk is full. Free some space, or write to another one.")
    why = error.strerror if isinstance(error, OSError) else reason(error)
    return ImageError(f"Cannot write {path}: {why}.")
