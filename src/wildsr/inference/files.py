"""The steps that upscale one file: check, compute, save. Each can run in a thread of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wildsr.image import Canvas, LoadedImage, Traits, check_writable, write
from wildsr.image.formats import Size, output_format
from wildsr.image.writer import make_folder_of
from wildsr.inference.engine import Array
from wildsr.inference.sizing import OutputSize, Target, passes
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.storage.locations import Location


@dataclass(frozen=True)
class SaveOptions:
    """Encoding of results. ``format`` None: by the suffix of the file; ``quality`` None: the format's default.

    Without ``overwrite``, a file that appears under the name meanwhile stays, and the image fails. ``truncate`` cuts
    off fractions of levels of 8-bit images instead of rounding, as DDNSR's test.py does.
    """

    format: str | None = None
    quality: int | None = None
    overwrite: bool = True
    truncate: bool = False


class UpscaledImage(NamedTuple):
    """An upscaled image before it is written to a file."""

    canvas: Canvas
    alpha: Array | None
    target: Target


def check(
    path: Location, image: LoadedImage, upscaler: Upscaler, wanted: OutputSize, saving: SaveOptions
) -> Target:
    """The size of the result for ``image``; raises ``ImageError`` if it could not be written to ``path``.

    Creates the folder of ``path`` if it does not exist.
    """
    target = wanted.resolve(image.size, upscaler.scale)
    make_folder_of(path)
    transparent = image.opacity is not None and bool((image.opacity < 1).any())
    check_writable(
        path, target.crop or target.size, alpha=transparent, format=saving.format, quality=saving.quality
    )
    return target


def traits_for(path: Location, image: LoadedImage, saving: SaveOptions) -> Traits:
    """The traits of ``image`` that the output file can hold."""
    return image.traits.fitted(output_format(path, saving.format))


class Painting(NamedTuple):
    """An image that is about to be upscaled: what it will become, and the function that computes it.

    ``paint`` closes the canvas if it fails, so that nobody waits for the rest of it.
    """

    image: UpscaledImage
    paint: Callable[[OnTile | None], None]


def begin(
    image: LoadedImage,
    upscaler: Upscaler,
    target: Target,
    traits: Traits,
    *,
    deep: bool | None = None,
    truncate: bool = False,
    unfinished: bool = False,
) -> Painting:
    """Prepare to upscale an image onto a canvas with ``traits``: its own, or those that the output file can hold.

    ``deep`` as in :meth:`Upscaler.pieces`; None: where ``traits`` have more than 8 bits. ``truncate`` as in
    :class:`SaveOptions`. ``unfinished``: the image can be saved by another thread while it is painted.
    """
    deep = traits.depth != "uint8" if deep is None else deep
    sizes = passes(image.size, target.size, upscaler.scale)
    first = sizes[-1] if len(sizes) > 1 else image.size
    canvas = Canvas(
        first.height * upscaler.scale, first.width * upscaler.scale, traits, truncate, unfinished=unfinished
    )

    def paint(on_tile: OnTile | None) -> None:
        try:
            samples = _further(image, upscaler, sizes[1:], on_tile, deep)
            parts = upscaler.parts(samples, on_tile, deep=deep, levels=canvas.takes_levels)
            for top, left, pixels in parts:
                canvas.paste(top, left, pixels)
                levels = pixels.dtype == np.uint8
                height, width = pixels.shape[:2] if levels else pixels.shape[-2:]
                # The last rows are kept back until ``on_tile`` can no longer cancel the image.
                if upscaler.in_order and left + width == canvas.width and top + height < canvas.height:
                    canvas.finish(top + height)
            canvas.finish(canvas.height)
        except BaseException:
            canvas.close()
            raise

    return Painting(UpscaledImage(canvas, image.opacity, target), paint)


def compute(
    image: LoadedImage,
    upscaler: Upscaler,
    target: Target,
    traits: Traits,
    on_tile: OnTile | None = None,
    deep: bool | None = None,
) -> UpscaledImage:
    """Upscale an image; the arguments are those of :func:`begin`."""
    painting = begin(image, upscaler, target, traits, deep=deep)
    painting.paint(on_tile)
    return painting.image


def _further(
    image: LoadedImage, upscaler: Upscaler, sizes: Sequence[Size], on_tile: OnTile | None, deep: bool
) -> Array:
    """The samples for the last pass of the model: of the image, or of earlier passes resized to ``sizes``."""
    if not sizes:
        return image.samples
    from wildsr.ops.resize import resize

    rgb = image.rgb
    for size in sizes:
        rgb = resize(upscaler(rgb, on_tile, deep=deep), (size.height, size.width))
    return rgb[0].permute(1, 2, 0).numpy()


class SavedImage(NamedTuple):
    """The size of a written image, and the SHA-256 of its file if it was asked for."""

    size: Size
    sha256: str | None


def save(path: Location, painted: UpscaledImage, saving: SaveOptions, digest: bool = False) -> SavedImage:
    """Write an upscaled image, whole or not at all; ``digest``: compute the SHA-256 of the file."""
    target = painted.target
    with painted.canvas as canvas:
        sha256 = write(
            path,
            canvas,
            alpha=painted.alpha,
            size=target.size,
            crop=target.crop,
            format=saving.format,
            quality=saving.quality,
            overwrite=saving.overwrite,
            digest=digest,
        )
    return SavedImage(target.crop or target.size, sha256)
