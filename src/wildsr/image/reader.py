"""Reads image files. Imports torch only for tensors, and to fill the colours of invisible pixels."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.image import color
from wildsr.image.alpha import bled
from wildsr.image.decode import DecodedImage, decoded, fetched, open_source, size_of, unreadable, upright
from wildsr.image.errors import ImageError
from wildsr.image.formats import Size
from wildsr.image.libvips import DEPTHS, VipsError, to_array
from wildsr.image.loaded import LoadedImage, Traits, planes
from wildsr.image.metadata import collect
from wildsr.image.profile import judge, space_of
from wildsr.storage.locations import Location, locate
from wildsr.storage.object_path import ObjectPath

if TYPE_CHECKING:
    from torch import Tensor

_LAB = ("lab", "labs", "labq", "lch", "xyz", "yxy")
# libvips' value for "the file does not say": one pixel per millimetre.
_NO_RESOLUTION = (1.0, 1.0)
_STRIP = 1 << 21  # pixels


def probe(path: str | os.PathLike[str] | ObjectPath, content: bytes | None = None) -> Size:
    """Width and height of an image from its header, with orientation applied.

    With ``content``, the bytes of a file, nothing is opened and ``path`` is only its name.

    Raises:
        ImageError: as :func:`read`, but damage after the header goes unnoticed.
    """
    path = locate(path)
    return size_of(open_source(path, fetched(path) if content is None else content))


def read(path: str | os.PathLike[str] | ObjectPath, content: bytes | None = None) -> LoadedImage:
    """Read an image file: JPEG, PNG, WebP, TIFF, AVIF, GIF; HEIC (``heic`` extra); BMP and PPM (Pillow).

    The format is recognised by content, not by name. Orientation is applied. Samples of an image without a
    profile, or with one equivalent to sRGB, are divided by the maximum of their type and otherwise
    unchanged; other profiles are converted to sRGB without clipping. Float samples above 1 are divided by the
    image's maximum. An object in a store is named by an address such as ``s3://bucket/name.jpg``. With ``content``,
    the bytes of a file, nothing is opened and ``path`` is only its name.

    Raises:
        ImageError: the file is missing, a folder, unreadable, empty, not an image, damaged, truncated, or too large
            (``formats.MAX_INPUT_PIXELS``).
    """
    path = locate(path)
    source = open_source(path, fetched(path) if content is None else content)
    try:
        return _image(path, source)
    except VipsError as error:
        raise unreadable(path, error) from error
    except MemoryError as error:
        raise ImageError(f"{path} ({size_of(source)} pixels) does not fit into memory.") from error


def read_levels(
    path: str | os.PathLike[str] | ObjectPath, background: float = 1.0, content: bytes | None = None
) -> "Tensor":
    """Read an image with 8 bits, (1, 3, H, W) uint8, as it would look if it were saved with 8 bits.

    Colours are those of :func:`read`, clamped and rounded; transparent areas are composited over ``background``, a
    grey in [0, 1]. Only one strip at a time is floating point, so that it needs a quarter of the memory of
    :func:`read`. With ``content``, the bytes of a file, nothing is opened and ``path`` is only its name.

    Raises:
        ImageError: as :func:`read`.
    """
    import torch

    path = locate(path)
    source = open_source(path, fetched(path) if content is None else content)
    try:
        image = decoded(path, source)
        levels = torch.empty(1, 3, image.height, image.width, dtype=torch.uint8)
        whole = levels.numpy()
        # Float images are divided by the maximum of the whole.
        deep = image.format not in DEPTHS
        rows = image.height if deep else max(_STRIP // image.width, 1)
        for top in range(0, image.height, rows):
            count = min(rows, image.height - top)
            strip = _converted(path, image.crop(0, top, image.width, count), source)
            if strip.opacity is None and strip.samples.dtype == np.uint8:
                whole[0, :, top : top + count] = strip.samples.transpose(2, 0, 1)
                continue
            rgb = planes(strip.samples)
            if strip.opacity is not None:
                rgb = rgb * strip.opacity + np.float32(background) * (1 - strip.opacity)
            whole[:, :, top : top + count] = color.quantized(rgb, 255)
    except VipsError as error:
        raise unreadable(path, error) from error
    except MemoryError as error:
        raise ImageError(f"{path} ({size_of(source)} pixels) does not fit into memory.") from error
    return levels


def read_windows(
    path: str | os.PathLike[str] | ObjectPath, side: int = 512, most: int = 4, content: bytes | None = None
) -> "list[Tensor]":
    """Read parts of an image with 8 bits, (3, h, w) uint8 each; colours are those of :func:`read_levels`.

    An image of at most ``most`` windows' pixels comes whole, in one part. Of a larger one, ``most`` windows of at most
    ``side`` pixels a side are read, evenly spaced along its diagonals, at positions that 16 divides (JPEG's blocks).
    Only they are converted, so that little more memory is needed than for the decoded image.

    Raises:
        ImageError: as :func:`read`.
    """
    path = locate(path)
    source = open_source(path, fetched(path) if content is None else content)
    try:
        image = decoded(path, source)
        whole = image.width * image.height <= most * side * side or image.format not in DEPTHS
        boxes = (
            [(0, 0, image.width, image.height)] if whole else _windows(image.width, image.height, side, most)
        )
        found = []
        for box in boxes:
            part = _converted(path, image.crop(*box), source)
            rgb = part.rgb if part.alpha is None else part.rgb * part.alpha + 1 - part.alpha
            found.append(color.quantize(rgb)[0])
    except VipsError as error:
        raise unreadable(path, error) from error
    except MemoryError as error:
        raise ImageError(f"{path} ({size_of(source)} pixels) does not fit into memory.") from error
    return found


def _windows(width: int, height: int, side: int, most: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of windows along both diagonals in turn."""
    across, down = min(side, width), min(side, height)
    boxes = []
    for index in range(most):
        part = (index + 0.5) / most
        left = round((part if index % 2 else 1 - part) * (width - across)) // 16 * 16
        boxes.append((left, round(part * (height - down)) // 16 * 16, across, down))
    return boxes


def _image(path: Location, source: DecodedImage) -> LoadedImage:
    return _converted(path, decoded(path, source), source)


def _converted(path: Location, image: Any, source: DecodedImage) -> LoadedImage:
    """The decoded ``image`` of ``source``, or some of its rows."""
    across, down = source.image.xres, source.image.yres
    metadata, notes = collect(image)
    traits = Traits(
        metadata=metadata,
        resolution=(across, down) if upright(source.image) else (down, across),
        format=source.format,
        lossless=source.lossless,
        notes=(*source.notes, *notes),
    )
    if traits.resolution == _NO_RESOLUTION:
        traits = replace(traits, resolution=None)
    image, traits = _grey_or_rgb(image, traits)
    image, traits = _depth(path, image, traits)
    channels = 1 if traits.grey else 3
    colour = image.extract_band(0, n=channels) if image.bands > channels else image
    traits = _judged(traits, color.profile_of(image))
    alpha = _opacity(to_array(image.extract_band(channels))) if image.bands > channels else None
    # Every GIF is decoded with alpha.
    if alpha is not None and source.format == "gif" and bool((alpha == 1).all()):
        alpha = None
    space = space_of(traits.profile, grey=traits.grey) if traits.convert and traits.profile else None
    if space is not None:
        samples = space.to_model(to_array(colour))
    else:
        samples, traits = _finite(path, to_array(colour), traits)
        samples, scale = _unit(samples)
        traits = replace(traits, float_scale=scale)
    return LoadedImage(samples if alpha is None else bled(samples, alpha), alpha, traits)


def _noted(traits: Traits, note: str) -> Traits:
    return replace(traits, notes=(*traits.notes, note))


def _grey_or_rgb(image: Any, traits: Traits) -> tuple[Any, Traits]:
    """Convert CMYK and Lab to sRGB, and drop channels after alpha."""
    kind = image.interpretation
    if kind == "cmyk":
        traits = _noted(traits, "CMYK converted to sRGB")
        inks, sixteen = image.extract_band(0, n=4), image.format == "ushort"
        try:
            colour = color.to_srgb(inks, sixteen=sixteen)
        except VipsError:
            traits = _noted(traits, "its ICC profile is broken and was left out")
            colour = color.to_srgb(color.with_profile(inks, None), sixteen=sixteen)
        image = colour.bandjoin(image.extract_band(4)) if image.bands > 4 else colour
    elif kind in _LAB:
        traits = _noted(traits, "Lab converted to sRGB")
        sixteen = bool(image.get_typeof("bits-per-sample")) and image.get("bits-per-sample") > 8
        image = image.extract_band(0, n=3).colourspace("rgb16" if sixteen else "srgb")
        image = color.with_profile(image, None)
    grey = kind in ("b-w", "grey16") or image.bands < 3
    most = 2 if grey else 4
    if image.bands > most:
        traits = _noted(traits, f"{image.bands - most} of its {image.bands} channels were left out")
        image = image.extract_band(0, n=most)
    return image, replace(traits, grey=grey)


def _depth(path: Location, image: Any, traits: Traits) -> tuple[Any, Traits]:
    """Convert samples to uchar, full-range ushort, or float."""
    if image.format in ("complex", "dpcomplex"):
        raise ImageError(f"{path} holds complex numbers, which are not an image.")
    depth = DEPTHS.get(image.format, "float")
    bits = {"uint8": 8, "uint16": 16, "float": 32}[depth]
    if depth == "float":
        if image.format not in ("float", "double"):
            traits = _noted(traits, f"samples of type {image.format} are handled, and written, as float")
        image = image.cast("float")
    elif depth == "uint16" and traits.format in ("avif", "heic") and image.get_typeof("bits-per-sample"):
        # libvips and libheif shift 10 and 12 bits upwards, which leaves white short of 65535.
        bits = image.get("bits-per-sample")
        if bits < 16:
            image = (image >> (16 - bits)).linear(65535 / (2**bits - 1), 0).rint().cast("ushort")
    return image, replace(traits, depth=depth, bits=bits)


def _judged(traits: Traits, profile: bytes | None) -> Traits:
    """How the embedded profile is handled."""
    if profile is None:
        return traits
    traits = replace(traits, profile=profile)
    # Curves of profiles end at 1, but float samples may exceed it: they are passed unchanged.
    verdict = "same" if traits.depth == "float" else judge(profile, grey=traits.grey)
    if verdict == "broken":
        traits = _noted(
            traits, "its ICC profile is broken or for another kind of image; taken as sRGB, left out"
        )
        return replace(traits, profile=None)
    if verdict == "table":
        return _noted(traits, "its ICC profile is made of tables: kept, and the colours taken as they are")
    return replace(traits, convert=verdict == "convert")


def _finite(
    path: Location, samples: "np.ndarray[Any, Any]", traits: Traits
) -> tuple["np.ndarray[Any, Any]", Traits]:
    """Float samples without NaN (as 0) and infinity (as the largest finite value of its sign)."""
    if samples.dtype != np.float32:
        return samples, traits
    finite = np.isfinite(samples)
    bad = int(samples.size - np.count_nonzero(finite))
    if bad == 0:
        return samples, traits
    if bad == samples.size:
        raise ImageError(f"{path} contains no finite values: every sample is NaN or infinite.")
    low, high = float(samples[finite].min()), float(samples[finite].max())
    samples = np.nan_to_num(samples, nan=0.0, posinf=high, neginf=low)
    return samples, _noted(traits, f"{bad} samples were NaN or infinite and were replaced")


def _unit(samples: "np.ndarray[Any, Any]") -> tuple["np.ndarray[Any, Any]", float]:
    """Samples of which 1 is white if they are floats, and what floats were divided by."""
    scale = float(np.nan_to_num(samples).max()) if samples.dtype == np.float32 else 1.0
    return (samples / np.float32(scale), scale) if scale > 1 else (samples, 1.0)


def _opacity(samples: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """(H, W, 1) samples of any type as (H, W) float32 in [0, 1]."""
    unit = planes(_unit(samples)[0])[0, 0]
    opacity: np.ndarray[Any, Any] = np.clip(np.nan_to_num(unit), 0, 1)
    return opacity
